"""Density: the lines hold the shares they name, on a known law; the outline test against a plain loop."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from closecall.analysis.maps.density import mass_at_lower_density
from closecall.analysis.maps.point_in_polygon import points_in_polygon

SQUARE = (-5.0, 5.0)


def test_the_lines_hold_the_shares_they_name() -> None:
    """The region that holds half of a round normal law has the radius sqrt(2 ln 2) = 1.177."""
    x, y = np.random.default_rng(0).normal(size=(2, 40_000))
    found = mass_at_lower_density(x, y, across=SQUARE, down=SQUARE)
    column = np.clip(((x + 5) * 8).astype(int), 0, 79)
    row = np.clip(((y + 5) * 8).astype(int), 0, 79)
    for level in (0.1, 0.5, 0.9):
        assert abs((found[row, column] >= level).mean() - (1 - level)) < 0.05
    area = (found >= 0.5).sum() * (10 / 80) ** 2
    assert abs(np.sqrt(area / np.pi) - 1.177) < 0.1


def test_rows_lie_along_y() -> None:
    found = mass_at_lower_density(np.full(50, 3.0), np.full(50, -4.0), across=SQUARE, down=SQUARE, cells=10)
    assert np.unravel_index(found.argmax(), found.shape) == (1, 8)


def test_without_points_there_is_no_density() -> None:
    assert mass_at_lower_density([], [], across=SQUARE, down=SQUARE).sum() == 0
    assert mass_at_lower_density([99.0], [99.0], across=SQUARE, down=SQUARE).sum() == 0


def plainly_inside(x: float, y: float, corners: list[tuple[float, float]]) -> bool:
    answer = False
    for place, (x1, y1) in enumerate(corners):
        x2, y2 = corners[(place + 1) % len(corners)]
        if (y < y1) != (y < y2) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
            answer = not answer
    return answer


@given(st.integers(0, 10_000), st.integers(3, 12))
def test_inside_agrees_with_a_plain_loop(seed: int, corners: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, 60))
    outline = rng.normal(size=(corners, 2))
    found = points_in_polygon(x, y, outline[:, 0], outline[:, 1])
    assert found.tolist() == [plainly_inside(a, b, outline.tolist()) for a, b in zip(x, y, strict=True)]


def test_inside_a_square_and_a_notch() -> None:
    outline = ([0, 4, 4, 2, 0], [0, 0, 4, 1, 4])
    assert points_in_polygon([1, 2, 3, 9, 2], [1, 3, 1, 1, 0.5], *outline).tolist() == [True, False, True, False, True]
    assert points_in_polygon([1], [1], [0, 2], [0, 2]).tolist() == [False]
