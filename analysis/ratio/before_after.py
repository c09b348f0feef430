"""Two experiments on the same examples, compared ratio by ratio."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from closecall.analysis.bootstrap import percentile_interval, resampled_means
from closecall.analysis.metrics.outcomes import predicted
from closecall.analysis.seeds import widen_for_seeds
from closecall.analysis.validation import Bools, as_labels, as_probs, per_run

RunSet = tuple[ArrayLike, ArrayLike, ArrayLike]
"""Probabilities (runs, n), ratios (runs,) and seeds (runs,) of one experiment."""


def before_after(labels: ArrayLike, before: RunSet, after: RunSet, *, threshold: float = 0.5) -> pd.DataFrame:
    """Change of the share right between two experiments, on the same examples and seeds.

    One row for each class (positives first) and each ratio with a common seed: `label, ratio, seeds, n, before, after`
    (means over seeds), `difference` (after - before) with `low, high`: 95 %, 1,000 draws of examples, widened
    for seeds. Both are evaluated by `labels` (n,). Empty when no runs can be paired. Raises ValueError for other
    shapes.
    """
    positive = as_labels(labels)
    experiments = [_runs(runs, positive, threshold) for runs in (before, after)]
    rows = []
    for label in (1, 0):
        own = positive == bool(label)
        for ratio in sorted({ratio for ratio, _ in experiments[0]} & {ratio for ratio, _ in experiments[1]}):
            seeds = sorted(seed for one, seed in experiments[0] if one == ratio and (ratio, seed) in experiments[1])
            if seeds and own.any():
                right = np.stack([[runs[ratio, seed][own] for seed in seeds] for runs in experiments])
                rows.append({"label": label, "ratio": ratio, **_row(right)})
    columns = ["label", "ratio", "seeds", "n", "before", "after", "difference", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def _row(right: Bools) -> dict[str, float]:
    """`right` (2, seeds, n)."""
    draws = resampled_means(right)
    first, second = right.mean(axis=(1, 2))
    by_seed = right[1].mean(axis=1) - right[0].mean(axis=1)
    change = widen_for_seeds(percentile_interval(second - first, draws[1] - draws[0]), by_seed)
    counts = {"seeds": right.shape[1], "n": right.shape[2], "before": float(first), "after": float(second)}
    return {**counts, "difference": change.value, "low": change.low, "high": change.high}


def _runs(runs: RunSet, positive: Bools, threshold: float) -> dict[tuple[float, int], Bools]:
    """Which examples each run predicts correctly, by ratio and seed."""
    probs = as_probs(runs[0], len(positive))
    ratios, seeds = per_run(runs[1], runs[2], runs=len(probs))
    right = predicted(probs, threshold) == positive
    return {(float(ratio), int(seed)): row for ratio, seed, row in zip(ratios, seeds, right, strict=True)}
