"""Bootstrap draws: paired over runs, crossed with seeds, stratified by class."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from closecall.analysis.intervals import Estimate
from closecall.analysis.validation import Floats, as_share

# Resampling weights held at a time: 16 MB.
_BLOCK_CELLS = 2_000_000


def resample_counts(n: int, draws: int, *, rng: np.random.Generator, block_examples: int = 0) -> Iterator[Floats]:
    """How often each of n examples is drawn, in blocks of draws (b, n); each row sums to n.

    `draws` rows in all. `block_examples`: number of examples that sets the block size, so that blocks of two classes
    match.
    """
    step = max(1, _BLOCK_CELLS // max(n, block_examples, 1))
    for start in range(0, draws, step):
        rows = min(step, draws - start)
        picks = rng.integers(0, n, size=(rows, n)) + np.arange(rows)[:, None] * n
        yield np.bincount(picks.ravel(), minlength=rows * n).reshape(rows, n).astype(np.float64)


def seed_weights(seeds: int, draws: int, *, rng: np.random.Generator) -> Floats:
    """Weight of each seed in each draw, (draws, seeds), rows summing to 1; a single seed always has weight 1.

    Resampling examples and seeds independently is the pigeonhole bootstrap (Owen 2007), slightly too wide where both
    vary. Drawing s seeds from s shows only (s - 1)/s of their variance. Each weight's distance from 1/s is therefore
    multiplied by sqrt(s/(s - 1)) (Davison and Hinkley 1997); weights may be below 0. For quantities linear in the
    seeds.
    """
    if seeds == 1:
        return np.ones((draws, 1))
    drawn = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=draws) / seeds
    return np.asarray(1 / seeds + (drawn - 1 / seeds) * np.sqrt(seeds / (seeds - 1)))


def resampled_means(values: ArrayLike, *, draws: int = 1000, seed: int = 0) -> Floats:
    """Bootstrap means of paired quantities over examples of one class, (quantities, draws).

    `values` (quantities, seeds, n). The same examples and seeds are drawn for every quantity, so differences of rows
    are paired. Call it for each class: that is the stratified bootstrap. Raises ValueError for another shape or no
    example.
    """
    cube = np.asarray(values, dtype=np.float64)
    if cube.ndim != 3 or 0 in cube.shape:
        raise ValueError(f"Values must have the shape (quantities, seeds, examples), none empty; it is {cube.shape}.")
    quantities, seeds, n = cube.shape
    rng = np.random.default_rng(seed)
    by_seed = seed_weights(seeds, draws, rng=rng)
    flat = cube.reshape(quantities * seeds, n)
    sums = np.concatenate([counts @ flat.T for counts in resample_counts(n, draws, rng=rng)])
    return np.asarray(np.einsum("dqs,ds->qd", sums.reshape(draws, quantities, seeds), by_seed) / n)


def stratified_means(
    positives: ArrayLike, negatives: ArrayLike, *, draws: int = 1000, seed: int = 0
) -> tuple[Floats, Floats]:
    """Bootstrap means over positives, (a, draws), and over negatives, (b, draws), with the same seeds drawn for both.

    `positives` (a, seeds, n+), `negatives` (b, seeds, n-), seeds in the same order. Examples of the two classes are
    drawn independently, so sums and differences of any rows are paired. Raises ValueError for other shapes.
    """
    cubes = [np.asarray(cube, dtype=np.float64) for cube in (positives, negatives)]
    if any(cube.ndim != 3 or 0 in cube.shape for cube in cubes) or cubes[0].shape[1] != cubes[1].shape[1]:
        raise ValueError("Values must have the shapes (quantities, seeds, examples), with the same seeds, none empty.")
    streams = np.random.default_rng(seed).spawn(3)
    by_seed = seed_weights(cubes[0].shape[1], draws, rng=streams[0])
    resampled = []
    for cube, rng in zip(cubes, streams[1:], strict=True):
        quantities, seeds, n = cube.shape
        flat = cube.reshape(quantities * seeds, n).T
        sums = np.concatenate([counts @ flat for counts in resample_counts(n, draws, rng=rng)])
        resampled.append(np.einsum("dqs,ds->qd", sums.reshape(draws, quantities, seeds), by_seed) / n)
    return resampled[0], resampled[1]


def percentile_interval(value: float, draws: ArrayLike, *, level: float = 0.95) -> Estimate:
    """A value with the interval that holds the middle `level` of the bootstrap draws (draws,)."""
    tail = (1 - as_share(level, name="The level")) / 2
    low, high = np.quantile(np.asarray(draws, dtype=np.float64), [tail, 1 - tail])
    return Estimate(float(value), float(low), float(high))
