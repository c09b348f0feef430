"""The same sample drawn again and again: paired over runs, crossed with seeds, one class at a time."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from analysis.checks import Floats, as_share
from analysis.intervals import Estimate

# Resampling weights held at a time: 16 MB.
_BLOCK_CELLS = 2_000_000


def resample_counts(n: int, draws: int, *, rng: np.random.Generator) -> Iterator[Floats]:
    """How often is each of n examples drawn, `draws` times over? Blocks of rows (b, n), each row summing to n."""
    step = max(1, _BLOCK_CELLS // max(n, 1))
    for start in range(0, draws, step):
        rows = min(step, draws - start)
        picks = rng.integers(0, n, size=(rows, n)) + np.arange(rows)[:, None] * n
        yield np.bincount(picks.ravel(), minlength=rows * n).reshape(rows, n).astype(np.float64)


def seed_weights(seeds: int, draws: int, *, rng: np.random.Generator) -> Floats:
    """With which weight does each seed enter each draw? Shape (draws, seeds), rows summing to 1; one seed stays itself.

    Examples and seeds drawn apart and crossed are the pigeonhole bootstrap (Owen 2007), a little too wide where both
    vary. Drawing s seeds from s shows only (s - 1)/s of their variance, so each weight's distance from 1/s is stretched
    by the root of s/(s - 1) (Davison and Hinkley 1997); weights may fall below 0. For quantities linear in the seeds.
    """
    if seeds == 1:
        return np.ones((draws, 1))
    drawn = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=draws) / seeds
    return 1 / seeds + (drawn - 1 / seeds) * np.sqrt(seeds / (seeds - 1))


def resampled_means(values: ArrayLike, *, draws: int = 1000, seed: int = 0) -> Floats:
    """How do the means of paired quantities vary from sample to sample of one class?

    `values` (quantities, seeds, n): the same examples and the same seeds are drawn for every quantity, so differences
    of the answer's rows (quantities, draws) are paired. For both classes call it for each: that is the stratified
    bootstrap. Raises ValueError for another shape or no example.
    """
    cube = np.asarray(values, dtype=np.float64)
    if cube.ndim != 3 or 0 in cube.shape:
        raise ValueError(f"Values must have the shape (quantities, seeds, examples), none empty; it is {cube.shape}.")
    quantities, seeds, n = cube.shape
    rng = np.random.default_rng(seed)
    by_seed = seed_weights(seeds, draws, rng=rng)
    flat = cube.reshape(quantities * seeds, n)
    sums = np.concatenate([counts @ flat.T for counts in resample_counts(n, draws, rng=rng)])
    return np.einsum("dqs,ds->qd", sums.reshape(draws, quantities, seeds), by_seed) / n


def percentile_interval(value: float, draws: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Between which bounds do the middle `level` of the draws (draws,) lie?"""
    tail = (1 - as_share(level, name="The level")) / 2
    low, high = np.quantile(np.asarray(draws, dtype=np.float64), [tail, 1 - tail])
    return Estimate(float(value), float(low), float(high))
