"""Points inside a polygon drawn on a map."""

import numpy as np
from numpy.typing import ArrayLike

from closecall.analysis.validation import Bools, Floats


def points_in_polygon(x: ArrayLike, y: ArrayLike, outline_x: ArrayLike, outline_y: ArrayLike) -> Bools:
    """Which points are inside a polygon? Even-odd rule (Shimrat 1962).

    `x`, `y` (n,); corners `outline_x`, `outline_y` (m,), closed from the last to the first. Fewer than three corners
    contain nothing. Answer (n,).
    """
    xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    corners_x, corners_y = np.asarray(outline_x, dtype=np.float64), np.asarray(outline_y, dtype=np.float64)
    inside = np.zeros(len(xs), dtype=bool)
    if len(corners_x) < 3:
        return inside
    candidates = np.flatnonzero(
        (xs >= corners_x.min()) & (xs <= corners_x.max()) & (ys >= corners_y.min()) & (ys <= corners_y.max())
    )
    inside[candidates] = _crossings(xs[candidates], ys[candidates], corners_x, corners_y) % 2 == 1
    return inside


def _crossings(xs: Floats, ys: Floats, corners_x: Floats, corners_y: Floats) -> np.ndarray:
    """How many sides of the polygon a ray from each point to the right crosses."""
    crossings = np.zeros(len(xs), dtype=np.int64)
    sides = zip(corners_x, corners_y, np.roll(corners_x, -1), np.roll(corners_y, -1), strict=True)
    for start_x, start_y, end_x, end_y in sides:
        if start_y == end_y:
            continue
        spanned = (ys < start_y) != (ys < end_y)
        crossings[spanned] += xs[spanned] < start_x + (ys[spanned] - start_y) * (end_x - start_x) / (end_y - start_y)
    return crossings
