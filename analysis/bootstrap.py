"""Bootstrap draws of examples: paired over runs, stratified by class. Seeds are joined in `analysis.seeds`."""

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


def resampled_means(values: ArrayLike, *, draws: int = 1000, seed: int = 0) -> Floats:
    """Bootstrap means of paired quantities over examples of one class, (quantities, draws).

    `values` (quantities, seeds, n). The same examples are drawn for every quantity and seed, so differences of rows are
    paired; the answer is the mean over seeds. Widen its interval for seeds (`analysis.seeds.widen_for_seeds`). Call it
    for each class: that is the stratified bootstrap. Raises ValueError for another shape or no example.
    """
    cube = np.asarray(values, dtype=np.float64)
    if cube.ndim != 3 or 0 in cube.shape:
        raise ValueError(f"Values must have the shape (quantities, seeds, examples), none empty; it is {cube.shape}.")
    return _resampled(cube, draws, np.random.default_rng(seed))


def stratified_means(
    positives: ArrayLike, negatives: ArrayLike, *, draws: int = 1000, seed: int = 0
) -> tuple[Floats, Floats]:
    """Bootstrap means over positives, (a, draws), and over negatives, (b, draws), each the mean over seeds.

    `positives` (a, seeds, n+), `negatives` (b, seeds, n-). Examples of the two classes are drawn independently, so sums
    and differences of any rows are paired. Raises ValueError for other shapes.
    """
    cubes = [np.asarray(cube, dtype=np.float64) for cube in (positives, negatives)]
    if any(cube.ndim != 3 or 0 in cube.shape for cube in cubes) or cubes[0].shape[1] != cubes[1].shape[1]:
        raise ValueError("Values must have the shapes (quantities, seeds, examples), with the same seeds, none empty.")
    first, second = np.random.default_rng(seed).spawn(2)
    return _resampled(cubes[0], draws, first), _resampled(cubes[1], draws, second)


def _resampled(cube: Floats, draws: int, rng: np.random.Generator) -> Floats:
    means = cube.mean(axis=1).T
    n = cube.shape[2]
    return np.asarray(np.concatenate([counts @ means for counts in resample_counts(n, draws, rng=rng)]).T / n)


def percentile_interval(value: float, draws: ArrayLike, *, level: float = 0.95) -> Estimate:
    """A value with the interval that holds the middle `level` of the bootstrap draws (draws,)."""
    tail = (1 - as_share(level, name="The level")) / 2
    low, high = np.quantile(np.asarray(draws, dtype=np.float64), [tail, 1 - tail])
    return Estimate(float(value), float(low), float(high))
