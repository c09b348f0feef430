import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_distances

from closecall.models.encoders.projection import near_rows, nearest, principal_components, project, unit_rows


def clusters(n: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, 16)) + np.where(np.arange(n)[:, None] % 2, 4, -4)).astype(np.float32)


def test_two_clusters_stay_apart_and_the_seed_decides() -> None:
    rows = clusters(120)
    flat = project(rows)
    assert flat.shape == (120, 2) and flat.dtype == np.float32
    centres = flat[::2].mean(0), flat[1::2].mean(0)
    spread = max(flat[::2].std(), flat[1::2].std())
    assert np.linalg.norm(centres[0] - centres[1]) > 2 * spread
    assert np.array_equal(project(rows), flat)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 9, 10, 11, 16, 17])
def test_few_points_are_projected_too(n: int) -> None:
    flat = project(clusters(n).reshape(n, 16))
    assert flat.shape == (n, 2) and np.isfinite(flat).all()


def test_duplicates_and_zeros_are_projected_too() -> None:
    rows = np.repeat(clusters(4), 20, axis=0)
    rows[:3] = 0
    assert np.isfinite(project(rows)).all()
    assert np.isfinite(project(np.ones((40, 5)))).all()


def test_neighbours_are_exact() -> None:
    rows = unit_rows(clusters(1500))
    indices, distances = nearest(rows, 6)
    expected = cosine_distances(rows.astype(np.float64))
    np.testing.assert_allclose(distances[:, 1:], np.sort(expected, axis=1)[:, 1:6], atol=1e-5)
    np.testing.assert_allclose(np.take_along_axis(expected, indices, 1)[:, 1:], distances[:, 1:], atol=1e-5)
    assert indices.dtype == np.int32 and np.array_equal(indices[:, 0], np.arange(1500))


def test_known_neighbours_give_the_same_projection() -> None:
    rows = clusters(60)
    assert np.array_equal(project(rows, near_rows(rows)), project(rows))
    indices, distances = near_rows(rows)
    assert indices.shape == distances.shape == (60, 15) and near_rows(rows[:4])[0].shape == (4, 3)


def test_itself_comes_before_its_duplicates() -> None:
    indices, distances = nearest(unit_rows(np.ones((30, 4))), 5)
    assert np.array_equal(indices[:, 0], np.arange(30))
    assert distances.min() == 0


def test_principal_components_are_those_of_scikit_learn() -> None:
    from sklearn.decomposition import PCA

    rows = clusters(9)
    expected = PCA(2).fit_transform(rows)
    np.testing.assert_allclose(np.abs(principal_components(rows)), np.abs(expected), atol=1e-3)
