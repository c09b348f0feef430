"""How much of a drop in recall is lost ranking, and how much would a threshold give back."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from closecall.analysis.bootstrap import percentile_interval, resample_counts
from closecall.analysis.intervals import Estimate
from closecall.analysis.metrics.ranking import class_weights, sorted_cut, weighted_cut
from closecall.analysis.seeds import over_seeds, seed_reach
from closecall.analysis.validation import Bools, Floats, as_probs, both_classes, same_runs

# In simulations without any loss of ranking the other order claimed one in 10 to 40 % of the sets below this count.
FEW = 5


@dataclass(frozen=True)
class Decomposition:
    """A drop in recall from a to b in two parts, in both orders and their mean; each pair of parts sums to the drop.

    `ranking` = R_a - R_b@f_a with `threshold` = R_b@f_a - R_b; `ranking_other` = R_a@f_b - R_b with `threshold_other` =
    R_a - R_a@f_b. A negative ranking part: b ranks better than a. `flagged_a`, `flagged_b`: false alarms (or alerts)
    that f_a and f_b rest on, mean over seeds. Below FEW of b the other order, and with it the mean, leans towards lost
    ranking: b's own cut is somewhere above its best negatives, the matched one just above those of a. `seed_reach`: how
    far other seeds alone may carry the drop.
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
    seed_reach: float
    n_positives: int
    n_seeds: int
    flagged_a: float
    flagged_b: float

    @property
    def both_orders(self) -> bool:
        """Whether b has enough false alarms for the other order and the mean to be read."""
        return self.flagged_b >= FEW


class Validation(NamedTuple):
    """Predictions that choose thresholds: labels (n,) and the probabilities of both sides, (seeds, n) each."""

    labels: ArrayLike
    pos_probs_a: ArrayLike
    pos_probs_b: ArrayLike


class _Pair(NamedTuple):
    """One seed's two runs, as far as a draw needs them: test positives, and the examples that choose the cuts.

    `order`, `falling`: the highest of the choosing examples, as many as the cuts are likely to need, and their scores.
    """

    found: Floats  # (2, positives) in the test set
    hits: Bools
    choosing: Floats  # (2, choosing)
    flagged: Bools
    order: np.ndarray  # (2, highest)
    falling: Floats


def decompose_drop(
    labels: ArrayLike,
    pos_probs_a: ArrayLike,
    pos_probs_b: ArrayLike,
    *,
    threshold: float = 0.5,
    validation: Validation | None = None,
    alerts_at: float | None = None,
    draws: int = 500,
    seed: int = 0,
) -> Decomposition:
    """How much of the drop in recall from run a to run b is ranking, and how much threshold?

    f_a, f_b: false-positive rates at `threshold`; R_b@f_a: recall of b when cut to f_a. With `alerts_at` (a prevalence
    q) the two are made level in alert rate q TPR + (1 - q) FPR instead. Cuts are chosen on `validation`, else on the
    test set itself. Probabilities (seeds, n) or (n,), rows paired by seed. Intervals: percentile bootstrap over
    examples, stratified by class, the same draw for a and b, cuts chosen anew in each; widened to other seeds
    (`analysis.seeds`).
    """
    positive = both_classes(labels)
    test = _runs(positive, pos_probs_a, pos_probs_b)
    chooser = positive if validation is None else both_classes(validation.labels)
    choosing = test if validation is None else _runs(chooser, validation.pos_probs_a, validation.pos_probs_b)
    if choosing.shape[1] != test.shape[1]:
        raise ValueError("Validation and test predictions must come from the same seeds.")
    weights = class_weights(chooser, q=alerts_at) if alerts_at is not None else np.where(chooser, 0.0, 1.0)
    used = weights > 0
    pairs = [_pair(test[:, s, positive], choosing[:, s, used], threshold=threshold) for s in range(test.shape[1])]
    n_positives = int(positive.sum())
    by_seed = np.array([_recalls(pair, weights[used], np.ones(n_positives)) for pair in pairs])
    drawn = _draws(pairs, chooser[used], weights[used], n_positives, validation is None, draws, seed)
    flagged = np.mean([pair.flagged.sum(axis=1) for pair in pairs], axis=0)
    return _parts(by_seed, drawn, flagged, n_positives=n_positives)


def _runs(positive: Bools, pos_probs_a: ArrayLike, pos_probs_b: ArrayLike) -> Floats:
    a = as_probs(pos_probs_a, len(positive), name="pos_probs_a")
    b = as_probs(pos_probs_b, len(positive), name="pos_probs_b")
    if a.shape != b.shape:
        raise ValueError(f"Both sides need the same seeds; there are {len(a)} and {len(b)} runs.")
    return np.stack([a, b])


def _pair(found: Floats, choosing: Floats, *, threshold: float) -> _Pair:
    flagged = choosing >= threshold
    order = np.argsort(choosing, axis=1)[:, ::-1][:, : 2 * int(flagged.sum(axis=1).max()) + 200]
    falling = np.take_along_axis(choosing, order, axis=1)
    return _Pair(found, found >= threshold, choosing, flagged, order, falling)


def _recalls(pair: _Pair, chosen: Floats, drawn: Floats) -> Floats:
    """R_a, R_b, R_b@f_a and R_a@f_b under weights of the choosing examples and of the test positives."""
    total = chosen.sum()
    rates = pair.flagged @ chosen / total
    cut_a, cut_b = _cut(pair, 0, chosen, rates[1], total), _cut(pair, 1, chosen, rates[0], total)
    hits = np.stack([pair.hits[0], pair.hits[1], pair.found[1] >= cut_b, pair.found[0] >= cut_a])
    return hits @ drawn / drawn.sum()


def _cut(pair: _Pair, side: int, chosen: Floats, rate: float, total: float) -> float:
    """Where one side must be cut for this rate: looked for among its highest scores, then among all."""
    cut = sorted_cut(pair.falling[side], chosen[pair.order[side]], rate, total=total)
    return weighted_cut(pair.choosing[side], chosen, rate) if np.isnan(cut) else cut


def _draws(
    pairs: list[_Pair], chooser: Bools, weights: Floats, n_positives: int, one_set: bool, draws: int, seed: int
) -> Floats:
    """The four recalls in each draw of examples, mean over the seeds; shape (draws, 4)."""
    streams = np.random.default_rng(seed).spawn(3)
    tested = (row for block in resample_counts(n_positives, draws, rng=streams[0]) for row in block)
    negatives = (row for block in resample_counts(int((~chooser).sum()), draws, rng=streams[1]) for row in block)
    others = (row for block in resample_counts(int(chooser.sum()), draws, rng=streams[2]) for row in block)
    recalls = np.zeros((draws, 4))
    chosen = np.empty(len(chooser))
    for draw, (found, kept) in enumerate(zip(tested, negatives, strict=True)):
        chosen[~chooser] = kept
        if chooser.any():
            # Where the test set chooses for itself its positives are drawn once, not twice.
            chosen[chooser] = found if one_set else next(others)
        for pair in pairs:
            recalls[draw] += _recalls(pair, chosen * weights, found) / len(pairs)
    return recalls


def _parts(by_seed: Floats, drawn: Floats, flagged: Floats, *, n_positives: int) -> Decomposition:
    value = by_seed.mean(axis=0)

    def estimate(signs: list[float]) -> Estimate:
        examples = percentile_interval(float(value @ signs), drawn @ signs)
        return over_seeds(examples, seed_reach(by_seed @ signs, runs=2))

    return Decomposition(
        recall_a=float(value[0]),
        recall_b=float(value[1]),
        drop=estimate([1, -1, 0, 0]),
        seed_reach=seed_reach(by_seed @ [1, -1, 0, 0], runs=2),
        ranking=estimate([1, 0, -1, 0]),
        threshold=estimate([0, -1, 1, 0]),
        ranking_other=estimate([0, -1, 0, 1]),
        threshold_other=estimate([1, 0, 0, -1]),
        ranking_mean=estimate([0.5, -0.5, -0.5, 0.5]),
        threshold_mean=estimate([0.5, -0.5, 0.5, -0.5]),
        n_positives=n_positives,
        n_seeds=len(by_seed),
        flagged_a=float(flagged[0]),
        flagged_b=float(flagged[1]),
    )


def paired_runs(ratios: ArrayLike, seeds: ArrayLike, *, runs: int) -> dict[float, tuple[np.ndarray, np.ndarray]]:
    """Which runs of the smallest ratio and of each larger one have a seed in common? Row numbers, paired."""
    ratio, seed = same_runs(ratios, seeds, runs=runs)
    levels = np.unique(ratio)
    base = np.flatnonzero(ratio == levels[0])
    pairs = {}
    for level in levels[1:]:
        here = np.flatnonzero(ratio == level)
        _, first, second = np.intersect1d(seed[base], seed[here], return_indices=True)
        if len(first):
            pairs[float(level)] = (base[first], here[second])
    return pairs
