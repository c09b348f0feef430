"""Alignment: against scipy's Procrustes, by a turned and scaled copy; neighbours kept against sorted distances."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import orthogonal_procrustes
from scipy.spatial import procrustes
from scipy.spatial.distance import cdist

from closecall.analysis.maps.alignment import alignment, neighbourhood_preservation


def maps(seed: int, n: int = 40, noise: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    first = rng.normal(size=(n, 2)) * [3, 1]
    turn = np.array([[math.cos(2), -math.sin(2)], [math.sin(2), math.cos(2)]]) @ np.diag([1, -1])
    return first, 2.5 * first @ turn + [7, -4] + noise * rng.normal(size=(n, 2))


@given(st.integers(0, 10_000))
def test_it_agrees_with_scipy(seed: int) -> None:
    source, target = maps(seed)
    found = alignment(source, target)
    theirs, _ = orthogonal_procrustes(source - source.mean(0), target - target.mean(0))
    assert np.allclose(found.rotation, theirs)
    assert math.isclose(found.disparity, procrustes(target, source)[2], abs_tol=1e-9)
    spread = ((target - target.mean(0)) ** 2).sum()
    assert math.isclose(((found.transform(source) - found.target_centre) ** 2).sum(), spread)
    best = math.sqrt(1 - found.disparity) * (found.transform(source) - found.target_centre) + found.target_centre
    assert math.isclose(((best - target) ** 2).sum() / spread, found.disparity, abs_tol=1e-9)


@given(st.integers(0, 10_000), st.floats(-3, 3))
def test_no_other_rotation_fits_better(seed: int, angle: float) -> None:
    source, target = maps(seed)
    found = alignment(source, target)
    nudge = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    other = (found.transform(source) - found.target_centre) @ nudge + found.target_centre
    assert ((other - target) ** 2).sum() >= ((found.transform(source) - target) ** 2).sum() - 1e-9


def test_a_rotated_reflected_copy_is_aligned_exactly() -> None:
    source, target = maps(1, noise=0)
    found = alignment(source, target)
    assert np.allclose(found.transform(source), target)
    assert math.isclose(found.scale, 2.5) and found.disparity < 1e-12
    assert neighbourhood_preservation(source, target) == 1.0


def test_a_map_without_spread_is_only_translated() -> None:
    found = alignment([[1, 1], [1, 1]], [[3, 4], [5, 6]])
    assert np.allclose(found.transform([[1, 1]]), [[4, 5]]) and found.disparity == 1.0


@pytest.mark.parametrize("bad", [[[1.0, 2.0, 3.0]], [], [[math.nan, 1.0]]])
def test_invalid_maps_raise(bad: list) -> None:
    with pytest.raises(ValueError, match="two finite coordinates"):
        alignment(bad, bad)
    with pytest.raises(ValueError, match="same texts"):
        alignment([[1.0, 2.0]], [[1.0, 2.0], [2.0, 1.0]])


@given(st.integers(0, 10_000), st.integers(1, 12))
def test_neighbourhood_preservation_agrees_with_sorted_distances(seed: int, k: int) -> None:
    source, target = maps(seed, n=30, noise=4)
    shares = []
    for one in range(len(source)):
        near = [np.argsort(np.delete(cdist(points, points)[one], one))[:k] for points in (source, target)]
        shares.append(len(set(near[0]) & set(near[1])) / k)
    assert math.isclose(neighbourhood_preservation(source, target, k=k), float(np.mean(shares)))


def test_neighbourhood_preservation_of_few_and_of_many_in_one_place() -> None:
    assert math.isnan(neighbourhood_preservation([[0, 0]], [[1, 1]]))
    assert neighbourhood_preservation([[0, 0], [1, 1]], [[5, 5], [9, 9]]) == 1.0
    assert 0 <= neighbourhood_preservation(np.zeros((30, 2)), np.ones((30, 2)), k=3) <= 1
    rng = np.random.default_rng(0)
    apart = neighbourhood_preservation(rng.normal(size=(500, 2)), rng.normal(size=(500, 2)))
    assert abs(apart - 10 / 499) < 0.01
