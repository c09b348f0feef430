"""Overlap: how well do frozen embeddings separate the classes? All measures are on class-balanced samples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import binomtest, norm, rankdata

from closecall.analysis.bootstrap import percentile_interval, resampled_means
from closecall.analysis.causes.label_audit import STRENGTH, _folds, out_of_fold_probs
from closecall.analysis.errors.neighbours import nearest
from closecall.analysis.intervals import Estimate, holm, independent_difference, wilson, z_value
from closecall.analysis.metrics.ranking import auc_interval
from closecall.analysis.validation import Bools, Floats, Ints, both_classes

Answer = Literal["present", "absent", "too few", "not measurable"]
PERMUTATIONS = 499
MARGIN = 0.05
"""The smallest difference in AUC between the classes and a far control that counts as overlap."""
_RIDGE = 4 / STRENGTH
"""Penalty of the least-squares probe that matches the logistic regression's: its loss curves with p(1 - p) <= 1/4."""


def decide(difference: Estimate, n: int, *, margin: float) -> tuple[Answer, int | None]:
    """Is a difference of `margin` or more there, and if n examples can't tell, how many can (`examples_needed`)?

    Too few: the interval includes both 0 and the margin. Present: value at least the margin, and the interval excludes
    0. Else absent. Raises ValueError for a missing bound.
    """
    if not np.isfinite([difference.value, difference.low, difference.high]).all():
        raise ValueError("A decision needs a difference with both bounds of its interval.")
    if difference.low <= 0 and difference.high >= margin:
        return "too few", examples_needed(difference, n, margin=margin)
    return ("present" if difference.low > 0 and difference.value >= margin else "absent"), None


def examples_needed(difference: Estimate, n: int, *, margin: float) -> int:
    """Number of examples whose interval excludes 0 or the margin in 80 % of the samples, more than n (derived).

    n (2.80 s / max(v, margin - v))^2 for the value v and its standard error s with n examples, if v is the true
    difference and the error falls with the square root of n.
    """
    error = (difference.high - difference.low) / (2 * z_value(0.95))
    far = max(difference.value, margin - difference.value)
    return max(n + 1, int(np.ceil(n * ((z_value(0.95) + norm.ppf(0.8)) * error / far) ** 2)))


def balanced_sample(labels: ArrayLike, *, max_per_class: int = 500, seed: int = 0) -> Ints:
    """Row numbers of a random sample with as many positives as negatives, at most `max_per_class` of each, sorted."""
    positive = both_classes(labels)
    size = min(int(positive.sum()), int((~positive).sum()), max_per_class)
    rng = np.random.default_rng(seed)
    drawn = [rng.choice(np.flatnonzero(positive == kind), size=size, replace=False) for kind in (True, False)]
    return np.sort(np.concatenate(drawn))


@dataclass(frozen=True)
class ProbeAuc:
    """AUC and error of a linear probe, out of fold.

    `null`: mean and central 95 % of the AUC under permuted labels. `p`: one-sided, "the labels have nothing to do with
    the embeddings"; at least 1/(permutations + 1).
    """

    auc: Estimate
    error: Estimate
    null: Estimate
    p: float


def probe_auc(
    embeddings: ArrayLike, labels: ArrayLike, *, folds: int = 5, permutations: int = PERMUTATIONS, seed: int = 0
) -> ProbeAuc:
    """How well does a linear classifier separate the classes, out of fold, and better than by chance?

    AUC and error at threshold 0.50 (Wilson) of the logistic regression of `out_of_fold_probs`. DeLong's interval of the
    AUC, sqrt(1 + k/(k - 1)) times as wide for k folds, because the probe depends on its training sample (Nadeau and
    Bengio 2003). The permutation test uses a ridge probe with the same folds
    and penalty, whose scores are linear in the labels, so all permutations take one solve. Labels are permuted within
    folds. `embeddings` (n, d), `labels` (n,), best class-balanced. Raises ValueError with fewer than two examples of a
    class.
    """
    positive = both_classes(labels)
    probs = out_of_fold_probs(embeddings, positive, folds=folds, seed=seed)
    rows = np.asarray(embeddings, dtype=np.float64)
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    held_out = _folds(positive, None, folds, seed)
    targets = _permuted_within(held_out, positive, permutations, np.random.default_rng(seed))
    areas = _own_aucs(targets, _ridge_scores(rows, targets, held_out))
    null = percentile_interval(float(areas[1:].mean()), areas[1:]) if permutations else Estimate(*[float("nan")] * 3)
    p = (1 + int((areas[1:] >= areas[0]).sum())) / (permutations + 1)
    level = 2 * norm.cdf(z_value(0.95) * np.sqrt(1 + len(held_out) / (len(held_out) - 1))) - 1
    return ProbeAuc(auc_interval(positive, probs, level=float(level)), _share((probs >= 0.5) != positive), null, p)


def _permuted_within(held_out: list[Ints], positive: Bools, permutations: int, rng: np.random.Generator) -> Bools:
    """The labels and their permutations within each fold, (1 + permutations, n)."""
    targets = np.tile(positive, (permutations + 1, 1))
    for fold in held_out:
        targets[1:, fold] = rng.permuted(targets[1:, fold], axis=1)
    return targets


def _ridge_scores(rows: Floats, targets: Bools, held_out: list[Ints]) -> Floats:
    """Out-of-fold scores of a ridge regression for each row of labels, (labellings, n)."""
    scores = np.empty(targets.shape)
    for fold in held_out:
        seen = np.ones(len(rows), dtype=bool)
        seen[fold] = False
        centre = rows[seen].mean(axis=0)
        known, wanted = rows[seen] - centre, targets[:, seen].astype(np.float64)
        wanted -= wanted.mean(axis=1, keepdims=True)
        weights = np.linalg.solve(known.T @ known + _RIDGE * np.eye(rows.shape[1]), known.T @ wanted.T)
        scores[:, fold] = ((rows[fold] - centre) @ weights).T
    return scores


def _own_aucs(targets: Bools, scores: Floats) -> Floats:
    """AUC of each row of scores for its own row of labels, (labellings,)."""
    n_pos = targets.sum(axis=1)
    ranks = np.where(targets, rankdata(scores, axis=1), 0).sum(axis=1)
    return np.asarray((ranks - n_pos * (n_pos + 1) / 2) / (n_pos * (targets.shape[1] - n_pos)))


def _share(hits: Bools) -> Estimate:
    low, high = wilson(int(hits.sum()), len(hits))
    return Estimate(float(hits.mean()), float(low), float(high))


@dataclass(frozen=True)
class KnnPurity:
    """Mean share of positives among the k nearest others of each positive, and the share by chance."""

    purity: Estimate
    chance: float
    k: int


def knn_purity(embeddings: ArrayLike, labels: ArrayLike, *, k: int = 10) -> KnnPurity:
    """Are the nearest others of a positive positives? By cosine, the positive itself left out.

    Interval: percentile bootstrap over positives. By chance: (n+ - 1)/(n - 1). `embeddings` (n, d), `labels` (n,); k is
    at most n - 1. 0 to 1.
    """
    positive = both_classes(labels)
    neighbours = _nearest_others(embeddings, positive, k)
    shares = positive[neighbours[positive]].mean(axis=1)
    purity = percentile_interval(float(shares.mean()), resampled_means(shares[None, None, :])[0])
    return KnnPurity(purity, float((positive.sum() - 1) / (len(positive) - 1)), neighbours.shape[1])


def _nearest_others(embeddings: ArrayLike, positive: Bools, k: int) -> Ints:
    """Row numbers of the k nearest other rows of each row, nearest first, (n, k)."""
    n = len(positive)
    if len(np.asarray(embeddings)) != n:
        raise ValueError(f"There must be one embedding for each of the {n} labels.")
    k = min(k, n - 1)
    ids, _ = nearest(embeddings, embeddings, k=k + 1)
    own = ids == np.arange(n)[:, None]
    own[~own.any(axis=1), -1] = True  # more than k exact copies: the row itself is not among the nearest
    return np.asarray(ids[~own].reshape(n, k))


@dataclass(frozen=True)
class OneNnBounds:
    """Leave-one-out 1-NN error, at most 0.5, and Cover and Hart's lower bound of the best possible error."""

    error: Estimate
    lowest: Estimate


def one_nn_bounds(embeddings: ArrayLike, labels: ArrayLike) -> OneNnBounds:
    """Between which errors is the best possible error on these embeddings? (1 - sqrt(1 - 2e))/2 to e.

    e: leave-one-out error of the nearest other example by cosine, with Wilson's interval, each at most 0.5 (Cover and
    Hart 1967). The bounds hold as n grows. With few examples in many dimensions e is above its limit, and a better
    classifier may be below the lower bound: see `Separability.bounds_hold`. `embeddings` (n, d), `labels` (n,).
    """
    positive = both_classes(labels)
    wrong = positive[_nearest_others(embeddings, positive, 1)[:, 0]] != positive
    share = _share(wrong)
    error = Estimate(*(min(bound, 0.5) for bound in (share.value, share.low, share.high)))
    return OneNnBounds(error, Estimate(*(cover_hart(bound) for bound in (error.value, error.low, error.high))))


def cover_hart(error: float) -> float:
    """Lower bound of the best possible error of two classes for a 1-NN error e of 0 to 0.5: (1 - sqrt(1 - 2e))/2."""
    return float((1 - np.sqrt(max(1 - 2 * error, 0.0))) / 2)


@dataclass(frozen=True)
class Separability:
    """Probe, purity and 1-NN bounds on one class-balanced sample with `per_class` examples of each class."""

    per_class: int
    probe: ProbeAuc
    purity: KnnPurity
    one_nn: OneNnBounds

    @property
    def bounds_hold(self) -> bool:
        """Whether the 1-NN lower bound is compatible with the probe; if not, leave the bounds out."""
        return self.probe.error.high >= self.one_nn.lowest.value


def separability(embeddings: ArrayLike, labels: ArrayLike, *, seed: int = 0, max_per_class: int = 500) -> Separability:
    """How separable are the classes in this embedding space, on one class-balanced sample?

    `embeddings` (n, d), `labels` (n,). Call it again for a far control. Errors as `probe_auc`.
    """
    positive = both_classes(labels)
    rows = np.asarray(embeddings)
    if rows.ndim != 2 or len(rows) != len(positive):
        raise ValueError(f"There must be one embedding for each of the {len(positive)} labels; they are {rows.shape}.")
    drawn = balanced_sample(positive, max_per_class=max_per_class, seed=seed)
    sample = rows[drawn], positive[drawn]
    return Separability(len(drawn) // 2, probe_auc(*sample, seed=seed), knn_purity(*sample), one_nn_bounds(*sample))


@dataclass(frozen=True)
class Overlap:
    """Are the classes closer than a far control? `difference`: AUC of the control minus AUC of the classes.

    `needed`: examples of each class that would decide, only with "too few".
    """

    answer: Answer
    difference: Estimate | None
    needed: int | None


def overlap(near: Separability, far: Separability | None, *, margin: float = MARGIN) -> Overlap:
    """Are the classes harder to separate than those of a far control? By `decide`; not measurable without a control."""
    if far is None:
        return Overlap("not measurable", None, None)
    difference = independent_difference(far.probe.auc, near.probe.auc)
    answer, needed = decide(difference, min(near.per_class, far.per_class), margin=margin)
    return Overlap(answer, difference, needed)


def errors_by_class(error_neighbour_class: Sequence[str], negative_class_counts: Mapping[str, int]) -> pd.DataFrame:
    """Near which class of negatives are the errors, against that class's share of the negatives?

    One row for each class, largest difference first: `class, errors, share, expected` (its share of the negatives),
    `difference` (share - expected) with `low, high` (Wilson limits of the share), `p` (exact two-sided binomial test),
    `p_holm` (over the classes). `error_neighbour_class` (m,): for each error the class it is in or nearest to; values
    of any metadata column will do. Raises ValueError without errors, and for a class without negatives.
    """
    classes, total, m = list(negative_class_counts), sum(negative_class_counts.values()), len(error_neighbour_class)
    if m == 0 or total == 0 or min(negative_class_counts.values()) < 0:
        raise ValueError("This needs at least one error and one negative example, and no negative count.")
    unknown = sorted({name for name in error_neighbour_class if negative_class_counts.get(name, 0) == 0})
    if unknown:
        raise ValueError(f"There are errors but no negative examples of: {', '.join(map(str, unknown))}.")
    errors = pd.Series(list(error_neighbour_class)).value_counts().reindex(classes, fill_value=0).to_numpy()
    expected = np.array([negative_class_counts[name] for name in classes]) / total
    share, (low, high) = errors / m, wilson(errors, m)
    p = np.array([binomtest(int(k), m, float(q)).pvalue for k, q in zip(errors, expected, strict=True)])
    frame = pd.DataFrame({
        "class": classes, "errors": errors, "share": share, "expected": expected, "difference": share - expected,
        "low": low - expected, "high": high - expected, "p": p, "p_holm": holm(p),
    })  # fmt: skip
    return frame.sort_values("difference", ascending=False, kind="stable", ignore_index=True)
