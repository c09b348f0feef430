"""Which points lie inside what was drawn around on a map."""

import numpy as np
from numpy.typing import ArrayLike

from closecall.analysis.validation import Bools, Floats


def points_in_polygon(x: ArrayLike, y: ArrayLike, outline_x: ArrayLike, outline_y: ArrayLike) -> Bools:
    """Which points lie inside an outline, closed from its last corner to its first? Even-odd rule (Shimrat 1962).

    `x` and `y` are (n,), the outline's corners (m,); fewer than three corners hold nothing. Answer (n,).
    """
    xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    corners_x, corners_y = np.asarray(outline_x, dtype=np.float64), np.asarray(outline_y, dtype=np.float64)
    found = np.zeros(len(xs), dtype=bool)
    if len(corners_x) < 3:
        return found
    near = np.flatnonzero(
        (xs >= corners_x.min()) & (xs <= corners_x.max()) & (ys >= corners_y.min()) & (ys <= corners_y.max())
    )
    found[near] = _crossings(xs[near], ys[near], corners_x, corners_y) % 2 == 1
    return found


def _crossings(xs: Floats, ys: Floats, corners_x: Floats, corners_y: Floats) -> np.ndarray:
    """How many sides of the outline a ray from each point to the right meets."""
    met = np.zeros(len(xs), dtype=np.int64)
    sides = zip(corners_x, corners_y, np.roll(corners_x, -1), np.roll(corners_y, -1), strict=True)
    for start_x, start_y, end_x, end_y in sides:
        if start_y == end_y:
            continue
        spanned = (ys < start_y) != (ys < end_y)
        met[spanned] += xs[spanned] < start_x + (ys[spanned] - start_y) * (end_x - start_x) / (end_y - start_y)
    return met
