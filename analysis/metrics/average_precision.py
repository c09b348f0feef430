"""How sure is an average precision, or a difference of two, over test examples and over seeds?"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from closecall.analysis.bootstrap import percentile_interval, resample_counts, seed_weights
from closecall.analysis.intervals import Estimate
from closecall.analysis.metrics.prevalence import average_precision_at
from closecall.analysis.validation import Bools, Floats, as_runs, as_share, both_classes


class _Sorted(NamedTuple):
    """One run's examples from the highest score to the lowest, and the last of each tie."""

    order: np.ndarray
    last_of_tie: np.ndarray


def average_precision_interval(labels: ArrayLike, scores: ArrayLike, *, q: float, draws: int = 500) -> Estimate:
    """The mean average precision of the runs of one arm at prevalence q, with a 95 % bootstrap interval.

    `scores` is (seeds, n). Examples are drawn by class, the same for every seed, crossed with the seeds.
    """
    positive = both_classes(labels)
    runs = as_runs(scores, len(positive), name="scores")
    return percentile_interval(_mean(positive, runs, q), _resampled(positive, runs, q, draws))


def average_precision_difference(
    labels: ArrayLike, scores_a: ArrayLike, scores_b: ArrayLike, *, q: float, draws: int = 500
) -> Estimate:
    """How much higher is the mean average precision of a than that of b at prevalence q, on the same examples?

    Both are (seeds, n), rows paired by seed; 95 % bootstrap interval, the same examples and seeds drawn for a and b.
    """
    positive = both_classes(labels)
    a, b = (as_runs(one, len(positive), name="scores") for one in (scores_a, scores_b))
    if len(a) != len(b):
        raise ValueError(f"Both need the same seeds; there are {len(a)} and {len(b)} runs.")
    drawn = _resampled(positive, a, q, draws) - _resampled(positive, b, q, draws)
    return percentile_interval(_mean(positive, a, q) - _mean(positive, b, q), drawn)


def _mean(positive: Bools, runs: Floats, q: float) -> float:
    return float(np.mean([average_precision_at(positive, row, q=q) for row in runs]))


def _resampled(positive: Bools, runs: Floats, q: float, draws: int) -> Floats:
    """The mean average precision in each draw (draws,): the same draws for as many runs on as many examples."""
    share = as_share(q, name="The prevalence")
    streams = np.random.default_rng(0).spawn(3)
    by_seed = seed_weights(len(runs), draws, rng=streams[0])
    found = resample_counts(int(positive.sum()), draws, rng=streams[1], together=len(positive))
    others = resample_counts(int((~positive).sum()), draws, rng=streams[2], together=len(positive))
    ordered = [_sorted(row) for row in runs]
    drawn = [
        np.stack([_drawn(one, positive, kept, rest, share) for one in ordered], axis=1)
        for kept, rest in zip(found, others, strict=True)
    ]
    return (np.concatenate(drawn) * by_seed).sum(axis=1)


def _sorted(scores: Floats) -> _Sorted:
    order = np.argsort(scores)[::-1]
    return _Sorted(order, np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1))


def _drawn(run: _Sorted, positive: Bools, found: Floats, others: Floats, q: float) -> Floats:
    """The average precision of one run in each draw (b,), from how often each positive and negative was drawn."""
    counts = np.zeros((2, len(found), len(positive)))
    counts[0][:, positive], counts[1][:, ~positive] = found / found.shape[1], others / others.shape[1]
    recall, alarms = np.cumsum(counts[:, :, run.order], axis=2)[:, :, run.last_of_tie]
    with np.errstate(invalid="ignore"):  # above the highest score that was drawn there is nothing
        precision = q * recall / (q * recall + (1 - q) * alarms)
    return (np.diff(recall, prepend=0.0, axis=1) * np.nan_to_num(precision)).sum(axis=1)
