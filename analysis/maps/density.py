"""Where a class lies thick: the smoothed density of points on a map, told as the share of the class it holds."""

import numpy as np
from numpy.typing import ArrayLike

from closecall.analysis.validation import Floats

WIDTH = 0.06
"""How wide 100 points are smoothed, as a share of the range."""


def held_share(
    x: ArrayLike, y: ArrayLike, *, across: tuple[float, float], down: tuple[float, float], cells: int = 80
) -> Floats:
    """How deep in the crowd is each cell of a grid? 1 in the thickest cell, near 0 where nobody lies.

    The n points are counted on a grid of cells x cells over the ranges `across` (of x) and `down` (of y), smoothed by
    a Gaussian of 6 % of the range at 100 points and narrower with more, as n ** (-1/6) (Scott's rule; his standard
    deviations would blur maps that fall into islands), and each cell is given the mass of all cells less dense than
    it. The line at .1 holds nine tenths of the points, the line at .5 half of them: highest-density regions (Hyndman
    1996). Answer (cells x cells), rows along y. Points outside are left out; zeros without any.
    """
    from scipy.ndimage import gaussian_filter

    xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    counts = np.histogram2d(ys, xs, bins=cells, range=[down, across])[0]
    if not counts.sum():
        return np.zeros((cells, cells))
    width = max(1.0, WIDTH * cells * (counts.sum() / 100) ** (-1 / 6))
    smooth = gaussian_filter(counts, sigma=width, mode="constant")
    return _share(smooth)


def _share(density: Floats) -> Floats:
    """The share of the mass that lies in cells less dense than each; equal cells have equal shares."""
    _, place = np.unique(density, return_inverse=True)
    mass = np.bincount(place.ravel(), weights=density.ravel())
    below = np.cumsum(mass) - mass
    return (below[place.ravel()] / density.sum()).reshape(density.shape)
