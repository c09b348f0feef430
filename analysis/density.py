"""Where a class lies thick: the smoothed density of points on a map, told as the share of the class it holds."""

import numpy as np
from numpy.typing import ArrayLike

from analysis.checks import Floats


def held_share(
    x: ArrayLike, y: ArrayLike, *, across: tuple[float, float], down: tuple[float, float], cells: int = 80
) -> Floats:
    """How deep in the crowd is each cell of a grid? 1 in the thickest cell, near 0 where nobody lies.

    The points are counted on a grid of cells x cells over the ranges `across` (of x) and `down` (of y), smoothed by a
    Gaussian as wide as Scott's rule says (n ** (-1/6) standard deviations, at least one cell), and each cell is given
    1 - the mass of all cells at least as dense. The line at .1 holds nine tenths of the points, the line at .5 half of
    them: highest-density regions (Hyndman 1996). Answer (cells x cells), rows along y. Points outside are left out;
    zeros without any.
    """
    from scipy.ndimage import gaussian_filter

    xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    counts = np.histogram2d(ys, xs, bins=cells, range=[down, across])[0]
    if not counts.sum():
        return np.zeros((cells, cells))
    width = len(xs) ** (-1 / 6)
    per_cell = cells * np.array([np.std(ys) / (down[1] - down[0]), np.std(xs) / (across[1] - across[0])])
    smooth = gaussian_filter(counts, sigma=np.maximum(1.0, width * per_cell), mode="constant")
    return _share(smooth)


def _share(density: Floats) -> Floats:
    """1 - the mass of the cells at least as dense as each; equal cells have equal shares."""
    values, place = np.unique(density, return_inverse=True)
    mass = np.bincount(place.ravel(), weights=density.ravel())
    below = np.cumsum(mass) - mass
    return (below[place.ravel()] / density.sum()).reshape(density.shape) if values.size else density
