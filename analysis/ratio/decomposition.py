"""A drop in recall decomposed into a ranking part and a threshold part."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from closecall.analysis.bootstrap import percentile_interval, resample_counts
from closecall.analysis.intervals import Estimate
from closecall.analysis.metrics.ranking import class_weights, threshold_from_sorted, weighted_threshold
from closecall.analysis.seeds import seed_half_width, widen_for_seeds
from closecall.analysis.validation import Bools, Floats, as_probs, both_classes, per_run

# In simulations without a loss of ranking, the other order reported one in 10 to 40 % of the sets below this count.
MIN_FALSE_POSITIVES = 5


@dataclass(frozen=True)
class Decomposition:
    """A drop in recall from a to b in two parts, in both orders and their mean; each pair of parts sums to the drop.

    `ranking` = R_a - R_b@f_a with `threshold` = R_b@f_a - R_b; `ranking_other` = R_a@f_b - R_b with `threshold_other` =
    R_a - R_a@f_b. A negative ranking part: b ranks better than a. `false_positives_a`, `false_positives_b`: numbers on
    which f_a and f_b rest, mean over seeds (predicted positives with `match_prevalence`). Below MIN_FALSE_POSITIVES of
    b, the other order and the mean are biased towards a loss of ranking. `seed_half_width`: half width of the interval
    of the drop from seeds alone.
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

    @property
    def both_orders(self) -> bool:
        """Whether b has enough false positives for the other order and the mean."""
        return self.false_positives_b >= MIN_FALSE_POSITIVES


class Validation(NamedTuple):
    """Predictions that choose thresholds: labels (n,) and the probabilities of a and b, (seeds, n) each."""

    labels: ArrayLike
    pos_probs_a: ArrayLike
    pos_probs_b: ArrayLike


class _Pair(NamedTuple):
    """Two runs of one seed: probabilities of the test positives, and of the examples that choose thresholds.

    `order`, `sorted_probs`: the highest of the latter, as many as the thresholds are likely to need, and their scores.
    """

    test_probs: Floats  # (2, test positives)
    true_positives: Bools
    val_probs: Floats  # (2, validation examples)
    predicted: Bools
    order: np.ndarray  # (2, highest)
    sorted_probs: Floats


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

    f_a, f_b: false-positive rates at `threshold`; R_b@f_a: recall of b at the threshold with rate f_a.
    `match_prevalence` (a prevalence q) matches the predicted-positive rate q TPR + (1 - q) FPR instead. Thresholds are
    chosen on `validation`, else on the test set. Probabilities (seeds, n) or (n,), rows paired by seed. Intervals:
    percentile bootstrap over examples, stratified by class, the same draws for a and b, thresholds chosen again in
    each; widened for seeds (`analysis.seeds`). Raises ValueError for other shapes.
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
    pairs = [_pair(test[:, s, positive], val_probs[:, s, used], threshold=threshold) for s in range(test.shape[1])]
    n_positives = int(positive.sum())
    by_seed = np.array([_recalls(pair, weights[used], np.ones(n_positives)) for pair in pairs])
    drawn = _draws(pairs, val_positive[used], weights[used], n_positives, validation is None, draws, seed)
    predicted = np.mean([pair.predicted.sum(axis=1) for pair in pairs], axis=0)
    return _parts(by_seed, drawn, predicted, n_positives=n_positives)


def _runs(positive: Bools, pos_probs_a: ArrayLike, pos_probs_b: ArrayLike) -> Floats:
    a = as_probs(pos_probs_a, len(positive), name="pos_probs_a")
    b = as_probs(pos_probs_b, len(positive), name="pos_probs_b")
    if a.shape != b.shape:
        raise ValueError(f"Both runs need the same seeds; there are {len(a)} and {len(b)} runs.")
    return np.stack([a, b])


def _pair(test_probs: Floats, val_probs: Floats, *, threshold: float) -> _Pair:
    predicted = val_probs >= threshold
    order = np.argsort(val_probs, axis=1)[:, ::-1][:, : 2 * int(predicted.sum(axis=1).max()) + 200]
    sorted_probs = np.take_along_axis(val_probs, order, axis=1)
    return _Pair(test_probs, test_probs >= threshold, val_probs, predicted, order, sorted_probs)


def _recalls(pair: _Pair, chosen: Floats, drawn: Floats) -> Floats:
    """R_a, R_b, R_b@f_a and R_a@f_b with weights of the choosing examples and of the test positives."""
    total = chosen.sum()
    rates = pair.predicted @ chosen / total
    a_at_b = pair.test_probs[0] >= _matched_threshold(pair, 0, chosen, rates[1], total)
    b_at_a = pair.test_probs[1] >= _matched_threshold(pair, 1, chosen, rates[0], total)
    return np.asarray(np.stack([*pair.true_positives, b_at_a, a_at_b]) @ drawn / drawn.sum())


def _matched_threshold(pair: _Pair, side: int, chosen: Floats, rate: float, total: float) -> float:
    """The threshold of one run with this rate, from its highest scores where they suffice, else from all."""
    threshold = threshold_from_sorted(pair.sorted_probs[side], chosen[pair.order[side]], rate, total=total)
    return weighted_threshold(pair.val_probs[side], chosen, rate) if np.isnan(threshold) else threshold


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


def _parts(by_seed: Floats, drawn: Floats, predicted: Floats, *, n_positives: int) -> Decomposition:
    value = by_seed.mean(axis=0)

    def estimate(signs: list[float]) -> Estimate:
        examples = percentile_interval(float(value @ signs), drawn @ signs)
        return widen_for_seeds(examples, seed_half_width(by_seed @ signs, runs=2))

    return Decomposition(
        recall_a=float(value[0]),
        recall_b=float(value[1]),
        drop=estimate([1, -1, 0, 0]),
        seed_half_width=seed_half_width(by_seed @ [1, -1, 0, 0], runs=2),
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
    )


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
