"""A drop in recall decomposed into a ranking part and a threshold part."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from closecall.analysis.bootstrap import percentile_interval, resample_counts
from closecall.analysis.intervals import Estimate
from closecall.analysis.metrics.ranking import class_weights
from closecall.analysis.seeds import seed_half_width, widen_for_seeds
from closecall.analysis.validation import Bools, Floats, as_runs, both_classes, per_run

# In simulations without a loss of ranking, the other order reported one in 10 to 40 % of the sets below this count.
MIN_FALSE_POSITIVES = 5
# Sums of weights agree up to rounding.
_ABOVE = 1 + 1e-9


@dataclass(frozen=True)
class Decomposition:
    """A drop in recall from a to b in two parts, in both orders and their mean; each pair of parts sums to the drop.

    `ranking` = R_a - R_b@f_a with `threshold` = R_b@f_a - R_b; `ranking_other` = R_a@f_b - R_b with `threshold_other` =
    R_a - R_a@f_b. A negative ranking part: b ranks better than a. `false_positives_a`, `false_positives_b`: numbers on
    which f_a and f_b rest, mean over seeds (predicted positives with `match_prevalence`). Below MIN_FALSE_POSITIVES of
    b, the other order and the mean are biased towards a loss of ranking. `seed_half_width`: half width of the interval
    of the drop from seeds alone. `chosen_on`: the split whose curves give the thresholds, "validation" or "test".
    """

    recall_a: float
    recall_b: float
    drop: Estimate
    ranking: Estimate
    threshold: Estimate
    ranking_other: Estimate
    threshold_other: Estimate
    ranking_mean: Estimate
    threshold_mean: Estimate
    seed_half_width: float
    n_positives: int
    n_seeds: int
    false_positives_a: float
    false_positives_b: float
    chosen_on: str

    @property
    def both_orders(self) -> bool:
        """Whether b has enough false positives for the other order and the mean."""
        return self.false_positives_b >= MIN_FALSE_POSITIVES


class Validation(NamedTuple):
    """Predictions that choose thresholds: labels (n,) and the probabilities of a and b, (seeds, n) each."""

    labels: ArrayLike
    pos_probs_a: ArrayLike
    pos_probs_b: ArrayLike


class _Curve(NamedTuple):
    """The ROC curve of one run: its distinct scores on the choosing examples, from high to low.

    `order`: rows of the choosing examples; `ends`: position of the last row of each distinct score. `at_least`,
    `above`: number of test positives at or above each of them, and above it. `complete`: False where it holds the
    highest scores only.
    """

    order: np.ndarray
    ends: np.ndarray
    at_least: np.ndarray
    above: np.ndarray
    complete: bool


class _Run(NamedTuple):
    """One run at its own threshold: how many test positives and distinct choosing scores are at or above it.

    `positives`: test positives from high to low. `curves`: the highest scores, as many as are likely to be needed, and
    all of them.
    """

    positives: np.ndarray
    true_positives: int
    predicted: int
    scores_above: int
    curves: tuple[_Curve, _Curve]


_Pair = tuple[_Run, _Run]


def decompose_drop(
    labels: ArrayLike,
    pos_probs_a: ArrayLike,
    pos_probs_b: ArrayLike,
    *,
    threshold: float = 0.5,
    validation: Validation | None = None,
    match_prevalence: float | None = None,
    draws: int = 500,
    seed: int = 0,
) -> Decomposition:
    """Decomposition of the drop in recall from run a to run b into ranking and threshold.

    f_a, f_b: false-positive rates at `threshold`; R_b@f_a: recall of b at the rate f_a, on the ROC curve. Between two
    thresholds, and so inside ties, the curve is linear. A threshold between two negatives has some of the positives
    that lie there above it; the other run keeps that share at the same rate. So only ranks count: two runs with the
    same ranking have a ranking part of 0, whatever was done to the scores. `match_prevalence` (a prevalence q) matches
    the predicted-positive rate q TPR + (1 - q) FPR instead. Curves are those of `validation`, else of the test set.
    Scores (seeds, n) or (n,) of any scale, `threshold` on the same scale, rows paired by seed; logits keep the ranks
    that rounded probabilities lose. Intervals: percentile bootstrap over examples, stratified by class, the same draws
    for a and b, curves drawn again in each; widened for seeds (`analysis.seeds`). Raises ValueError for other shapes.
    """
    positive = both_classes(labels)
    test = _runs(positive, pos_probs_a, pos_probs_b)
    val_positive = positive if validation is None else both_classes(validation.labels)
    val_probs = test if validation is None else _runs(val_positive, validation.pos_probs_a, validation.pos_probs_b)
    if val_probs.shape[1] != test.shape[1]:
        raise ValueError("Validation and test predictions must come from the same seeds.")
    weights = np.where(val_positive, 0.0, 1.0)
    if match_prevalence is not None:
        weights = class_weights(val_positive, q=match_prevalence)
    used = weights > 0
    pairs = [
        (_run(test[0, s, positive], val_probs[0, s, used], threshold),
         _run(test[1, s, positive], val_probs[1, s, used], threshold))
        for s in range(test.shape[1])
    ]  # fmt: skip
    n_positives = int(positive.sum())
    by_seed = np.array([_recalls(pair, weights[used], np.ones(n_positives)) for pair in pairs])
    drawn = _draws(pairs, val_positive[used], weights[used], n_positives, validation is None, draws, seed)
    predicted = np.mean([[run.predicted for run in pair] for pair in pairs], axis=0)
    chosen_on = "test" if validation is None else "validation"
    return _parts(by_seed, drawn, predicted, n_positives=n_positives, chosen_on=chosen_on)


def _runs(positive: Bools, scores_a: ArrayLike, scores_b: ArrayLike) -> Floats:
    a = as_runs(scores_a, len(positive), name="pos_probs_a")
    b = as_runs(scores_b, len(positive), name="pos_probs_b")
    if a.shape != b.shape:
        raise ValueError(f"Both runs need the same seeds; there are {len(a)} and {len(b)} runs.")
    return np.stack([a, b])


def _run(positives: Floats, chosen: Floats, threshold: float) -> _Run:
    """One run, from its scores of the test positives and of the choosing examples."""
    predicted = int((chosen >= threshold).sum())
    order = np.argsort(-chosen, kind="stable")
    rising = np.sort(positives)
    curves = [_curve(chosen, order[:kept], rising) for kept in (2 * predicted + 200, len(order))]
    scores_above = int((chosen[order[curves[1].ends]] >= threshold).sum())
    true_positives = int((positives >= threshold).sum())
    return _Run(np.argsort(-positives, kind="stable"), true_positives, predicted, scores_above, (curves[0], curves[1]))


def _curve(chosen: Floats, order: np.ndarray, rising: Floats) -> _Curve:
    scores = chosen[order]
    complete = len(order) == len(chosen)
    ends = np.flatnonzero(scores[1:] != scores[:-1])
    # The last score of a part may go on below it.
    ends = np.append(ends, len(order) - 1) if complete else ends
    at_least, above = (len(rising) - np.searchsorted(rising, scores[ends], side=side) for side in ("left", "right"))
    return _Curve(order, ends, at_least, above, complete)


def _recalls(pair: _Pair, chosen: Floats, drawn: Floats) -> Floats:
    """R_a, R_b, R_b@f_a and R_a@f_b with weights of the choosing examples and of the test positives."""
    found = [np.concatenate([[0.0], np.cumsum(drawn[run.positives])]) for run in pair]
    points = [_own_point(run, chosen, hits) for run, hits in zip(pair, found, strict=True)]
    own = [hits[run.true_positives] for run, hits in zip(pair, found, strict=True)]
    matched = [_recall_at(pair[one], chosen, found[one], *points[1 - one]) for one in (1, 0)]
    return np.asarray([*own, *matched]) / float(drawn.sum())


def _own_point(run: _Run, chosen: Floats, found: Floats) -> tuple[float, float]:
    """The weight of choosing examples at or above a run's threshold, and its place between two of them.

    The place is the share of the test positives between the two that lie above the threshold; one half without any.
    """
    weight = 0.0
    for curve in run.curves:
        levels = np.cumsum(chosen[curve.order])[curve.ends]
        weight = float(levels[run.scores_above - 1]) if run.scores_above else 0.0
        if curve.complete or (len(levels) and levels[-1] > weight * _ABOVE):
            break
    low, high = _step(curve, levels, found, weight)
    return weight, float((found[run.true_positives] - low) / (high - low)) if high > low else 0.5


def _recall_at(run: _Run, chosen: Floats, found: Floats, weight: float, place: float) -> float:
    """Test positives above the threshold where choosing examples of this weight are, on the ROC curve."""
    for curve in run.curves:
        levels = np.cumsum(chosen[curve.order])[curve.ends]
        after = int(np.searchsorted(levels, weight * _ABOVE, side="right"))
        if curve.complete or (after < len(levels) and levels[-1] > levels[after]):
            break
    before = float(levels[after - 1]) if after else 0.0
    low, high = _step(curve, levels, found, before)
    recall = low + place * (high - low)
    if after == len(levels) or weight <= before:
        return float(recall)
    low, high = _step(curve, levels, found, float(levels[after]))
    share = (weight - before) / (levels[after] - before)
    return float(recall + share * (low + place * (high - low) - recall))


def _step(curve: _Curve, levels: Floats, found: Floats, level: float) -> tuple[float, float]:
    """The lowest and the highest recall at a weight that a threshold reaches: a vertical step of the ROC curve."""
    first = int(np.searchsorted(levels, level / _ABOVE, side="left"))
    after = int(np.searchsorted(levels, level * _ABOVE, side="right"))
    low = found[curve.at_least[first]] if level > 0 else 0.0
    return float(low), float(found[curve.above[after]] if after < len(levels) else found[-1])


def _draws(
    pairs: list[_Pair], val_positive: Bools, weights: Floats, n_positives: int, same_set: bool, draws: int, seed: int
) -> Floats:
    """The four recalls in each draw of examples, mean over seeds; shape (draws, 4)."""
    streams = np.random.default_rng(seed).spawn(3)
    tested = (row for block in resample_counts(n_positives, draws, rng=streams[0]) for row in block)
    negatives = (row for block in resample_counts(int((~val_positive).sum()), draws, rng=streams[1]) for row in block)
    others = (row for block in resample_counts(int(val_positive.sum()), draws, rng=streams[2]) for row in block)
    recalls = np.zeros((draws, 4))
    chosen = np.empty(len(val_positive))
    for draw, (positive_counts, negative_counts) in enumerate(zip(tested, negatives, strict=True)):
        chosen[~val_positive] = negative_counts
        if val_positive.any():
            # Without a validation set, the same draw of positives chooses and is evaluated.
            chosen[val_positive] = positive_counts if same_set else next(others)
        for pair in pairs:
            recalls[draw] += _recalls(pair, chosen * weights, positive_counts) / len(pairs)
    return recalls


def _parts(by_seed: Floats, drawn: Floats, predicted: Floats, *, n_positives: int, chosen_on: str) -> Decomposition:
    value = by_seed.mean(axis=0)

    def estimate(signs: list[float]) -> Estimate:
        examples = percentile_interval(float(value @ signs), drawn @ signs)
        return widen_for_seeds(examples, by_seed @ signs)

    return Decomposition(
        recall_a=float(value[0]),
        recall_b=float(value[1]),
        drop=estimate([1, -1, 0, 0]),
        seed_half_width=seed_half_width(by_seed @ [1, -1, 0, 0]),
        ranking=estimate([1, 0, -1, 0]),
        threshold=estimate([0, -1, 1, 0]),
        ranking_other=estimate([0, -1, 0, 1]),
        threshold_other=estimate([1, 0, 0, -1]),
        ranking_mean=estimate([0.5, -0.5, -0.5, 0.5]),
        threshold_mean=estimate([0.5, -0.5, 0.5, -0.5]),
        n_positives=n_positives,
        n_seeds=len(by_seed),
        false_positives_a=float(predicted[0]),
        false_positives_b=float(predicted[1]),
        chosen_on=chosen_on,
    )


def decisive_parts(parts: Decomposition) -> tuple[Estimate, Estimate]:
    """Ranking and threshold part to show: means of both orders, or the first order where only that is valid."""
    if parts.both_orders:
        return parts.ranking_mean, parts.threshold_mean
    return parts.ranking, parts.threshold


def paired_runs(ratios: ArrayLike, seeds: ArrayLike, *, runs: int) -> dict[float, tuple[np.ndarray, np.ndarray]]:
    """Row numbers of the runs at the smallest ratio and at each larger one, paired by seed."""
    ratio, seed = per_run(ratios, seeds, runs=runs)
    levels = np.unique(ratio)
    base = np.flatnonzero(ratio == levels[0])
    pairs = {}
    for level in levels[1:]:
        here = np.flatnonzero(ratio == level)
        _, first, second = np.intersect1d(seed[base], seed[here], return_indices=True)
        if len(first):
            pairs[float(level)] = (base[first], here[second])
    return pairs
