"""Two experiments on the same examples, ratio by ratio: what did the second change?"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from closecall.analysis.bootstrap import percentile_interval, resampled_means
from closecall.analysis.metrics.outcomes import predicted
from closecall.analysis.validation import Bools, as_labels, as_probs, same_runs

Side = tuple[ArrayLike, ArrayLike, ArrayLike]
"""Probabilities (runs, n), ratios (runs,) and seeds (runs,) of one experiment."""


def before_after(labels: ArrayLike, before: Side, after: Side, *, threshold: float = 0.5) -> pd.DataFrame:
    """Which share of each class is right before and after, on the same examples and the same seeds?

    One row for each class (positives first) and each ratio that both have a common seed of: `label, ratio, seeds, n,
    before, after` (means over the seeds), `difference` (after - before) with `low, high`, 95 % by 1,000 draws of
    examples crossed with seeds. `labels` (n,) judge both. Empty when no run is paired. Raises ValueError for shapes.
    """
    positive = as_labels(labels)
    sides = [_runs(side, positive, threshold) for side in (before, after)]
    rows = []
    for label in (1, 0):
        own = positive == bool(label)
        for ratio in sorted({ratio for ratio, _ in sides[0]} & {ratio for ratio, _ in sides[1]}):
            seeds = sorted(seed for one, seed in sides[0] if one == ratio and (ratio, seed) in sides[1])
            if seeds and own.any():
                right = np.stack([[side[ratio, seed][own] for seed in seeds] for side in sides])
                rows.append({"label": label, "ratio": ratio, **_row(right)})
    columns = ["label", "ratio", "seeds", "n", "before", "after", "difference", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def _row(right: Bools) -> dict[str, float]:
    """`right` (2, seeds, n)."""
    draws = resampled_means(right)
    first, second = right.mean(axis=(1, 2))
    change = percentile_interval(second - first, draws[1] - draws[0])
    counts = {"seeds": right.shape[1], "n": right.shape[2], "before": float(first), "after": float(second)}
    return {**counts, "difference": change.value, "low": change.low, "high": change.high}


def _runs(side: Side, positive: Bools, threshold: float) -> dict[tuple[float, int], Bools]:
    """Which examples each run has right, by ratio and seed."""
    probs = as_probs(side[0], len(positive))
    ratios, seeds = same_runs(side[1], side[2], runs=len(probs))
    right = predicted(probs, threshold) == positive
    return {(float(ratio), int(seed)): row for ratio, seed, row in zip(ratios, seeds, right, strict=True)}
