"""Checks of array shapes and values at the edge of each public function."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def as_labels(labels: ArrayLike) -> Bools:
    """Labels as booleans, True for a positive. Shape (n,), n > 0, values 0 and 1. Raises ValueError otherwise."""
    array = np.asarray(labels)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"Labels must be a list of at least one value; their shape is {array.shape}.")
    if array.dtype != np.bool_ and not np.isin(array, (0, 1)).all():
        raise ValueError("Labels must be 0 (negative) or 1 (positive).")
    return array.astype(np.bool_)


def both_classes(labels: ArrayLike) -> Bools:
    """Labels as booleans (n,); raises ValueError unless there is at least one positive and one negative."""
    positive = as_labels(labels)
    if positive.all() or not positive.any():
        raise ValueError("This needs at least one positive and one negative example.")
    return positive


def as_scores(scores: ArrayLike, n: int, *, name: str = "scores") -> Floats:
    """Scores of n examples as float64, shape (n,). Raises ValueError for another shape or a missing value."""
    array = np.asarray(scores, dtype=np.float64)
    if array.shape != (n,):
        raise ValueError(f"{name} must hold one value for each of the {n} labels; their shape is {array.shape}.")
    if np.isnan(array).any():
        raise ValueError(f"{name} must not hold missing values.")
    return array


def as_runs(scores: ArrayLike, n: int, *, name: str = "pos_probs") -> Floats:
    """Scores of several runs as float64, (runs, n); one run may be (n,). Raises ValueError for other shapes and nan."""
    array = np.atleast_2d(np.asarray(scores, dtype=np.float64))
    if array.ndim != 2 or array.shape[1] != n or array.shape[0] == 0:
        raise ValueError(f"{name} must have the shape (runs, {n}), one row for each run; it is {array.shape}.")
    if np.isnan(array).any():
        raise ValueError(f"{name} must not hold missing values.")
    return array


def as_probs(pos_probs: ArrayLike, n: int, *, name: str = "pos_probs") -> Floats:
    """Probabilities of several runs, (runs, n), each 0 to 1. Raises ValueError otherwise."""
    array = as_runs(pos_probs, n, name=name)
    if array.min() < 0 or array.max() > 1:
        raise ValueError(f"{name} must be probabilities between 0 and 1, not logits.")
    return array


def as_share(value: Any, *, name: str, inclusive: bool = False) -> float:
    """One number strictly between 0 and 1, or 0 to 1 when `inclusive`. Raises ValueError otherwise."""
    number = float(value)
    if not (0 <= number <= 1 if inclusive else 0 < number < 1):
        raise ValueError(f"{name} is {number:g}; it must lie between 0 and 1.")
    return number


def per_run(*axes: ArrayLike, runs: int) -> list[NDArray[Any]]:
    """Ratios, seeds or thresholds as arrays (runs,); one value is repeated. Raises ValueError for other shapes."""
    arrays = [np.asarray(axis) for axis in axes]
    for array in arrays:
        if array.shape not in ((), (runs,)):
            raise ValueError(f"There are {runs} runs; ratios, seeds and thresholds need one value for each of them.")
    return [np.broadcast_to(array, (runs,)) for array in arrays]
