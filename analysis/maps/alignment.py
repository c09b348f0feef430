"""Lay one map over another, so that a text can be followed from map to map, and say how far that works."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from closecall.analysis.validation import Floats


@dataclass(frozen=True)
class Alignment:
    """How the points of one map move onto another: turned (perhaps mirrored), scaled, shifted.

    `turn` is 2 x 2 and orthogonal, `scale` makes both maps equally wide, `start` and `end` are their centres.
    `disparity` is the share of the other map's spread that the best move leaves unexplained: 0 the same picture, 1
    nothing in common.
    """

    turn: Floats
    scale: float
    start: Floats
    end: Floats
    disparity: float

    def moved(self, points: ArrayLike) -> Floats:
        """Points (n x 2) where they lie after the move."""
        return self.scale * (np.asarray(points, dtype=np.float64) - self.start) @ self.turn + self.end


def alignment(points: ArrayLike, onto: ArrayLike) -> Alignment:
    """Which move brings the points of one map nearest to the same texts on another? Procrustes, least squares.

    With centred A and B and A'B = U S V': turn = U V', disparity = 1 - trace(S)^2 / (|A|^2 |B|^2) (Schönemann 1966,
    Gower 1975). scale = |B| / |A|: the least-squares one would shrink maps that have little in common to a spot. Both
    (n x 2), row by row the same text. Maps without spread are only shifted. ValueError for other shapes, no points or
    missing values.
    """
    a, b = _points(points), _points(onto)
    if a.shape != b.shape:
        raise ValueError(f"Both maps need the same texts; there are {len(a)} and {len(b)}.")
    start, end = a.mean(axis=0), b.mean(axis=0)
    spread_a, spread_b = float(((a - start) ** 2).sum()), float(((b - end) ** 2).sum())
    if spread_a == 0 or spread_b == 0:
        return Alignment(np.eye(2), 1.0, start, end, 1.0)
    u, s, vt = np.linalg.svd((a - start).T @ (b - end))
    disparity = max(0.0, 1 - float(s.sum()) ** 2 / (spread_a * spread_b))
    return Alignment(u @ vt, (spread_b / spread_a) ** 0.5, start, end, disparity)


def neighbours_kept(points: ArrayLike, others: ArrayLike, *, k: int = 10) -> float:
    """Of the k nearest neighbours of a text on one map, which share are among its k nearest on the other?

    Mean over texts, 0 to 1; k / (n - 1) is what chance keeps. Both (n x 2), row by row the same text. Fewer than k + 1
    texts take as many neighbours as there are; nan for a single text.
    """
    a, b = _points(points), _points(others)
    if a.shape != b.shape:
        raise ValueError(f"Both maps need the same texts; there are {len(a)} and {len(b)}.")
    k = min(k, len(a) - 1)
    if k < 1:
        return float("nan")
    first, second = _nearest(a, k), _nearest(b, k)
    shared = (first[:, :, None] == second[:, None, :]).any(axis=2)
    return float(shared.mean())


def _nearest(points: Floats, k: int) -> np.ndarray:
    """The k nearest other points of each (n x k)."""
    from scipy.spatial import cKDTree

    found = np.asarray(cKDTree(points).query(points, k=k + 1)[1])
    own = found == np.arange(len(points))[:, None]
    own[~own.any(axis=1), -1] = True  # of many in one place, a point may not be told as its own neighbour
    return found[~own].reshape(len(points), k)


def _points(points: ArrayLike) -> Floats:
    array = np.asarray(points, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 2 or not len(array) or not np.isfinite(array).all():
        raise ValueError(f"A map needs two finite coordinates for each text; the shape is {array.shape}.")
    return array
