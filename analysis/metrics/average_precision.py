"""Confidence intervals of average precision and of differences, over test examples and seeds."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from closecall.analysis.bootstrap import percentile_interval, resample_counts
from closecall.analysis.intervals import Estimate
from closecall.analysis.metrics.prevalence import average_precision_at
from closecall.analysis.seeds import widen_for_seeds, within
from closecall.analysis.validation import Bools, Floats, as_runs, as_share, both_classes


class _Sorted(NamedTuple):
    """One run: row numbers from the highest score to the lowest, and the positions of the last row of each tie."""

    order: np.ndarray
    last_of_tie: np.ndarray


def average_precision_interval(labels: ArrayLike, scores: ArrayLike, *, q: float, draws: int = 500) -> Estimate:
    """Mean average precision of the runs of one method at prevalence q, with a 95 % bootstrap interval.

    `labels` (n,), `scores` (seeds, n) of any scale. Examples are resampled within each class, the same for every seed;
    the interval is widened for seeds (`analysis.seeds`).
    """
    positive = both_classes(labels)
    runs = as_runs(scores, len(positive), name="scores")
    by_seed = _by_seed(positive, runs, q)
    examples = percentile_interval(float(by_seed.mean()), _resampled(positive, runs, q, draws))
    return within(widen_for_seeds(examples, by_seed), 0.0, 1.0)


def average_precision_difference(
    labels: ArrayLike, scores_a: ArrayLike, scores_b: ArrayLike, *, q: float, draws: int = 500
) -> Estimate:
    """Difference a - b of the mean average precision at prevalence q on the same examples.

    `scores_a`, `scores_b` (seeds, n), rows paired by seed. 95 % bootstrap interval with the same examples drawn for
    both, widened for seeds. Raises ValueError for different numbers of seeds.
    """
    positive = both_classes(labels)
    a, b = (as_runs(one, len(positive), name="scores") for one in (scores_a, scores_b))
    if len(a) != len(b):
        raise ValueError(f"Both need the same seeds; there are {len(a)} and {len(b)} runs.")
    drawn = _resampled(positive, a, q, draws) - _resampled(positive, b, q, draws)
    by_seed = _by_seed(positive, a, q) - _by_seed(positive, b, q)
    return within(widen_for_seeds(percentile_interval(float(by_seed.mean()), drawn), by_seed), -1.0, 1.0)


def _by_seed(positive: Bools, runs: Floats, q: float) -> Floats:
    return np.array([average_precision_at(positive, row, q=q) for row in runs])


def _resampled(positive: Bools, runs: Floats, q: float, draws: int) -> Floats:
    """Mean average precision in each draw, (draws,): the same draws for the same numbers of examples."""
    share = as_share(q, name="The prevalence")
    streams = np.random.default_rng(0).spawn(2)
    positives = resample_counts(int(positive.sum()), draws, rng=streams[0], block_examples=len(positive))
    negatives = resample_counts(int((~positive).sum()), draws, rng=streams[1], block_examples=len(positive))
    ordered = [_sorted(row) for row in runs]
    drawn = [
        np.mean([_resampled_one(one, positive, pos_counts, neg_counts, share) for one in ordered], axis=0)
        for pos_counts, neg_counts in zip(positives, negatives, strict=True)
    ]
    return np.concatenate(drawn)


def _sorted(scores: Floats) -> _Sorted:
    order = np.argsort(scores)[::-1]
    return _Sorted(order, np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1))


def _resampled_one(run: _Sorted, positive: Bools, positives: Floats, negatives: Floats, q: float) -> Floats:
    """Average precision of one run in each draw (b,), from how often each positive and negative was drawn."""
    counts = np.zeros((2, len(positives), len(positive)))
    counts[0][:, positive], counts[1][:, ~positive] = positives / positives.shape[1], negatives / negatives.shape[1]
    recall, fpr = np.cumsum(counts[:, :, run.order], axis=2)[:, :, run.last_of_tie]
    with np.errstate(invalid="ignore"):  # 0/0 above the highest score drawn
        precision = q * recall / (q * recall + (1 - q) * fpr)
    return np.asarray((np.diff(recall, prepend=0.0, axis=1) * np.nan_to_num(precision)).sum(axis=1))
