"""Procrustes alignment of two maps of the same texts, and how well their neighbourhoods agree."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from closecall.analysis.validation import Floats


@dataclass(frozen=True)
class Alignment:
    """Transformation of one map onto another: rotation (or reflection), scaling and translation.

    `rotation` (2 x 2) is orthogonal; `scale` gives both maps the same spread; `source_centre`, `target_centre` (2,).
    `disparity`: share of the target's variance that remains unexplained, 0 for identical shapes, 1 for nothing in
    common.
    """

    rotation: Floats
    scale: float
    source_centre: Floats
    target_centre: Floats
    disparity: float

    def transform(self, points: ArrayLike) -> Floats:
        """Points (n x 2) of the source map in the coordinates of the target map."""
        return (
            self.scale * (np.asarray(points, dtype=np.float64) - self.source_centre) @ self.rotation
            + self.target_centre
        )


def alignment(points: ArrayLike, onto: ArrayLike) -> Alignment:
    """Procrustes alignment of `points` onto `onto`, the same texts row by row, both (n x 2).

    With centred A and B and A'B = U S V': rotation = U V', disparity = 1 - trace(S)^2 / (|A|^2 |B|^2) (Schönemann 1966,
    Gower 1975). scale = |B| / |A|, because the least-squares scale would shrink maps with little in common to a point.
    Maps without spread are only translated. Raises ValueError for other shapes, no points or missing values.
    """
    a, b = _points(points), _points(onto)
    if a.shape != b.shape:
        raise ValueError(f"Both maps need the same texts; there are {len(a)} and {len(b)}.")
    source_centre, target_centre = a.mean(axis=0), b.mean(axis=0)
    spread_source, spread_target = float(((a - source_centre) ** 2).sum()), float(((b - target_centre) ** 2).sum())
    if spread_source == 0 or spread_target == 0:
        return Alignment(np.eye(2), 1.0, source_centre, target_centre, 1.0)
    u, s, vt = np.linalg.svd((a - source_centre).T @ (b - target_centre))
    disparity = max(0.0, 1 - float(s.sum()) ** 2 / (spread_source * spread_target))
    return Alignment(u @ vt, (spread_target / spread_source) ** 0.5, source_centre, target_centre, disparity)


def neighbourhood_preservation(points: ArrayLike, others: ArrayLike, *, k: int = 10) -> float:
    """Share of the k nearest neighbours of a text on one map that are among its k nearest on the other.

    Mean over texts, 0 to 1; k / (n - 1) by chance. Both (n x 2), the same texts row by row. Fewer than k + 1 texts use
    all others; nan for one text.
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

    neighbours = np.asarray(cKDTree(points).query(points, k=k + 1)[1])
    own = neighbours == np.arange(len(points))[:, None]
    own[~own.any(axis=1), -1] = True  # among identical points, a point may be missing from its own neighbours
    return np.asarray(neighbours[~own].reshape(len(points), k))


def _points(points: ArrayLike) -> Floats:
    array = np.asarray(points, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 2 or not len(array) or not np.isfinite(array).all():
        raise ValueError(f"A map needs two finite coordinates for each text; the shape is {array.shape}.")
    return array
