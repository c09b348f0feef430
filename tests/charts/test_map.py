"""The map figure: which points are drawn, highlighted and grouped, and how much the browser receives."""

import numpy as np
import pandas as pd
import pytest

from closecall.charts.colours import LIGHT, OUTCOME_COLOURS, Theme
from closecall.charts.map import MapFrame, map_figure, rows_to_draw
from closecall.charts.point_groups import COLOURINGS, PointGroup, point_groups

NONE = np.array([], dtype=int)


@pytest.fixture
def points() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 3_000
    outcome = rng.choice(["tn", "fp", "tp", "fn"], n, p=[0.6, 0.2, 0.15, 0.05])
    return pd.DataFrame({
        "id": [f"a{number}" for number in range(n)], "split": "test", "outcome": outcome.astype(object),
        "label": np.isin(outcome, ["tp", "fn"]).astype(int), "x": rng.normal(size=n), "y": rng.normal(size=n),
        "group": np.where(outcome == "fn", "lost at 1:5", ""), "named": np.where(outcome == "fp", "<b>", ""),
        "confidence": np.nan,
    })  # fmt: skip


def frame_of(*, densities: bool = False) -> MapFrame:
    return MapFrame((-4, 4), (-4, 4), 400, densities=densities, revision=0)


def test_a_sample_contains_every_false_negative_and_the_required_rows(points: pd.DataFrame) -> None:
    drawn = rows_to_draw(points, np.array([5, 6]), limit=500)
    missed = (points["outcome"] == "fn").to_numpy()
    assert drawn.sum() == 500 and drawn[missed].all() and drawn[[5, 6]].all()
    assert rows_to_draw(points, NONE, limit=10)[missed].all()


def test_the_sample_depends_on_the_ids_only(points: pd.DataFrame) -> None:
    reversed_points = points.iloc[::-1].reset_index(drop=True)
    drawn, other = rows_to_draw(points, NONE, limit=500), rows_to_draw(reversed_points, NONE, limit=500)
    assert set(points["id"][drawn]) == set(reversed_points["id"][other])


def test_errors_only_draws_no_other_outcomes(points: pd.DataFrame) -> None:
    drawn = rows_to_draw(points, np.array([5]), errors_only=True)
    assert set(points["outcome"][drawn]) <= {"fn", "fp", points["outcome"][5]}


@pytest.mark.parametrize("colouring", COLOURINGS)
def test_every_point_is_in_exactly_one_group(points: pd.DataFrame, colouring: str) -> None:
    points.loc[:99, "split"] = "train"
    points.loc[:99, ["outcome", "group", "named"]] = ""
    points.loc[:49, "confidence"] = np.linspace(0, 1, 50)
    groups = point_groups(points, colouring, theme=LIGHT)
    rows = np.concatenate([group.rows for group in groups])
    if colouring != "Outcome group":  # a positive without an outcome group has no point
        assert sorted(rows.tolist()) == list(range(len(points)))
    assert len(rows) == len(set(rows.tolist()))
    assert len({(group.colour, group.symbol, group.faded) for group in groups}) == len(groups)


def test_false_negatives_are_drawn_last(points: pd.DataFrame) -> None:
    groups = point_groups(points, "Outcome", theme=LIGHT)
    assert groups[-1].colour == OUTCOME_COLOURS["fn"] and groups[-1].symbol == "x"


def test_the_colours_of_confidence_follow_the_theme(points: pd.DataFrame) -> None:
    points["confidence"] = 0.1
    light, dark = (point_groups(points, "Confidence in training", theme=Theme(dark=dark)) for dark in (False, True))
    assert light[-1].colour != dark[-1].colour


def test_highlighted_rows_are_selected_in_every_trace(points: pd.DataFrame) -> None:
    groups = point_groups(points, "Outcome", theme=LIGHT)
    hover, drawn = np.full(len(points), "text", dtype=object), np.ones(len(points), dtype=bool)
    figures = [
        map_figure(points, groups, drawn, rows, hover=hover, frame=frame_of(), title="t", theme=LIGHT)
        for rows in (NONE, np.array([3, 7]))
    ]
    assert all(trace.selectedpoints is None for trace in figures[0].data)
    rows = [trace.customdata[trace.selectedpoints].tolist() for trace in figures[1].data]
    assert sorted(one for part in rows for one in part) == [3, 7]


def test_arrays_are_sent_packed_and_hover_labels_are_escaped(points: pd.DataFrame) -> None:
    groups = [PointGroup("<b>tag</b>", np.arange(5), "#000000", "x")]
    hover, drawn = np.full(len(points), "<i>" * 40, dtype=object), np.arange(len(points)) < 5
    figure = map_figure(points, groups, drawn, NONE, hover=hover, frame=frame_of(), title="t", theme=LIGHT)
    (trace,) = figure.data
    assert trace.x.dtype == np.float32 and trace.customdata.dtype == np.int32
    assert "<b>" not in trace.name and all("<i>" not in text and "<br>" in text for text in trace.text)


def test_densities_add_two_contours_for_each_class(points: pd.DataFrame) -> None:
    groups = point_groups(points, "Outcome", theme=LIGHT)
    hover, drawn = np.full(len(points), "", dtype=object), rows_to_draw(points, NONE, errors_only=True)
    frame = frame_of(densities=True)
    figure = map_figure(points, groups, drawn, NONE, hover=hover, frame=frame, title="t", theme=LIGHT)
    kinds = [trace.type for trace in figure.data]
    assert kinds.count("contour") == 4 and kinds.count("scattergl") == 2
