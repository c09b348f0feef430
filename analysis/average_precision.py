"""How sure is an average precision, over test examples and over seeds?"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from analysis.bootstrap import percentile_interval, resample_counts, seed_weights
from analysis.checks import Bools, Floats, as_runs, as_share, both_classes
from analysis.intervals import Estimate
from analysis.prevalence import average_precision_at


class _Sorted(NamedTuple):
    """One run's examples from the highest score to the lowest, and the last of each tie."""

    order: np.ndarray
    last_of_tie: np.ndarray


def average_precision_interval(labels: ArrayLike, scores: ArrayLike, *, q: float, draws: int = 500) -> Estimate:
    """The mean average precision of the runs of one arm at prevalence q, with a 95 % bootstrap interval.

    `scores` is (seeds, n). Examples are drawn by class, the same for every seed, crossed with the seeds.
    """
    positive = both_classes(labels)
    runs, share = as_runs(scores, len(positive), name="scores"), as_share(q, name="The prevalence")
    value = float(np.mean([average_precision_at(positive, row, q=share) for row in runs]))
    streams = np.random.default_rng(0).spawn(3)
    by_seed = seed_weights(len(runs), draws, rng=streams[0])
    found = resample_counts(int(positive.sum()), draws, rng=streams[1], together=len(positive))
    others = resample_counts(int((~positive).sum()), draws, rng=streams[2], together=len(positive))
    ordered = [_sorted(row) for row in runs]
    drawn = [
        np.stack([_drawn(one, positive, kept, rest, share) for one in ordered], axis=1)
        for kept, rest in zip(found, others, strict=True)
    ]
    return percentile_interval(value, (np.concatenate(drawn) * by_seed).sum(axis=1))


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
