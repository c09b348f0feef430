"""Which rows a lasso or a click selects."""

import numpy as np
import pandas as pd
import pytest

from closecall.charts.colours import LIGHT
from closecall.charts.map import rows_to_draw
from closecall.charts.point_groups import point_groups
from closecall.pages.shared.maps.map_chart import rows_inside


@pytest.fixture
def points() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 3_000
    outcome = rng.choice(["tn", "fp", "tp", "fn"], n, p=[0.6, 0.2, 0.15, 0.05])
    return pd.DataFrame({
        "id": [f"a{number}" for number in range(n)], "split": "test", "outcome": outcome.astype(object),
        "label": np.isin(outcome, ["tp", "fn"]).astype(int), "x": rng.normal(size=n), "y": rng.normal(size=n),
    })  # fmt: skip


def test_a_group_hidden_in_the_legend_is_not_selected(points: pd.DataFrame) -> None:
    drawn = rows_to_draw(points, np.array([], dtype=int), limit=500)
    groups = [(group.rows[drawn[group.rows]], group.rows) for group in point_groups(points, "Outcome", theme=LIGHT)]
    outline = [[-1, 1, 1, -1], [-1, -1, 1, 1]]
    inside = (points["x"].abs() < 1) & (points["y"].abs() < 1)
    reported = np.flatnonzero(inside & drawn & (points["outcome"] != "tn"))
    found = rows_inside({"rows": reported.tolist(), "outlines": [outline]}, points, groups)
    assert found.tolist() == np.flatnonzero(inside & (points["outcome"] != "tn")).tolist()


def test_a_click_selects_the_reported_rows_that_exist(points: pd.DataFrame) -> None:
    assert rows_inside({"rows": [3, 3, 99_999], "outlines": []}, points, []).tolist() == [3]
