"""The same sample drawn again and again: paired over runs, crossed with seeds, one class at a time."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from closecall.analysis.intervals import Estimate
from closecall.analysis.validation import Floats, as_share

# Resampling weights held at a time: 16 MB.
_BLOCK_CELLS = 2_000_000


def resample_counts(n: int, draws: int, *, rng: np.random.Generator, together: int = 0) -> Iterator[Floats]:
    """How often is each of n examples drawn, `draws` times over? Blocks of rows (b, n), each row summing to n.

    `together`: the examples of all classes, where blocks of two classes must have the same number of rows.
    """
    step = max(1, _BLOCK_CELLS // max(n, together, 1))
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


def stratified_means(
    positives: ArrayLike, negatives: ArrayLike, *, draws: int = 1000, seed: int = 0
) -> tuple[Floats, Floats]:
    """How do means over positives and means over negatives vary together, seeds being drawn once for both?

    `positives` (a, seeds, n+) and `negatives` (b, seeds, n-), in one order of seeds; answers (a, draws), (b, draws).
    Examples of the two classes are drawn apart, so sums and differences of any of the rows are paired.
    """
    cubes = [np.asarray(cube, dtype=np.float64) for cube in (positives, negatives)]
    if any(cube.ndim != 3 or 0 in cube.shape for cube in cubes) or cubes[0].shape[1] != cubes[1].shape[1]:
        raise ValueError("Values must have the shapes (quantities, seeds, examples), with the same seeds, none empty.")
    streams = np.random.default_rng(seed).spawn(3)
    by_seed = seed_weights(cubes[0].shape[1], draws, rng=streams[0])
    answers = []
    for cube, rng in zip(cubes, streams[1:], strict=True):
        quantities, seeds, n = cube.shape
        flat = cube.reshape(quantities * seeds, n).T
        sums = np.concatenate([counts @ flat for counts in resample_counts(n, draws, rng=rng)])
        answers.append(np.einsum("dqs,ds->qd", sums.reshape(draws, quantities, seeds), by_seed) / n)
    return answers[0], answers[1]


def percentile_interval(value: float, draws: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Between which bounds do the middle `level` of the draws (draws,) lie?"""
    tail = (1 - as_share(level, name="The level")) / 2
    low, high = np.quantile(np.asarray(draws, dtype=np.float64), [tail, 1 - tail])
    return Estimate(float(value), float(low), float(high))
