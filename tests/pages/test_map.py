"""The Map: points with their outcomes, two maps side by side, a selection to a table, to Errors and to the list."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from closecall.data.annotations.hard_cases import add_tag, load_hard_cases
from closecall.data.annotations.selections import load_selection, save_selection
from closecall.data.annotations.slices import load_slices
from closecall.pages.shared.maps.picks import rows_inside
from closecall.pages.shared.maps.points import drawn, kinds
from tests.makers import make_dataset, make_experiment
from tests.pages_driver import links, open_page, page_text


@pytest.fixture
def sweep(workspace: Path) -> Path:
    make_experiment(make_dataset(), ratios=(1, 5), seeds=(0,))
    return workspace


def opened(**query: str) -> AppTest:
    return open_page("map", **query)


def figures(at: AppTest) -> list[str]:
    return [str(chart.proto.spec) for chart in at.get("plotly_chart")]


def select(
    at: AppTest, rows: list[int], *, key: str = "map-left", lasso: list[dict[str, Any]] | None = None
) -> AppTest:
    points = [{"customdata": [row]} for row in rows]
    found = {"points": points, "point_indices": rows, "box": [], "lasso": lasso or []}
    at.session_state[key] = {"selection": found}
    at.run()
    assert not at.exception
    return at


def in_url(at: AppTest, name: str) -> str:
    value = at.query_params[name]
    return value if isinstance(value, str) else value[0]


def lit(spec: str) -> int | None:
    """How many marks a figure lights, None when it greys nothing."""
    traces = [one for one in json.loads(spec)["data"] if "selectedpoints" in one]
    return sum(_length(one["selectedpoints"]) for one in traces) if traces else None


def _length(packed: Any) -> int:
    """Plotly packs arrays as base64."""
    import base64

    if isinstance(packed, list):
        return len(packed)
    return len(base64.b64decode(packed["bdata"])) // np.dtype(packed["dtype"]).itemsize


def test_without_experiment_it_shows_the_way_on(workspace: Path) -> None:
    assert opened().info[0].value == "There is no experiment yet."


def test_without_a_projection_it_says_what_is_missing(workspace: Path) -> None:
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,), with_embeddings=False)
    at = opened()
    assert "no map to show" in at.markdown[0].value
    assert "projection" in at.info[0].value


def test_marks_differ_by_shape_and_name(sweep: Path) -> None:
    at = opened()
    assert "missed positive" in at.markdown[0].value
    for word in ("Misses", "False alarms", '"symbol":"x"', "triangle-up"):
        assert word in figures(at)[0]


def test_the_url_chooses_encoder_and_colours(sweep: Path) -> None:
    at = opened(by="Label", left="Frozen", training="True")
    assert "Training positives" in figures(at)[0]
    assert "before any training" in page_text(at)
    at.selectbox(key="by").select("Confidence in training").run()
    assert "Confidence" in figures(at)[0] and in_url(at, "by") == "Confidence in training"


def test_two_maps_tell_how_far_they_agree(sweep: Path) -> None:
    at = opened(ratio="1:5", right="1:1")
    assert len(figures(at)) == 2
    assert "are missed by both" in page_text(at) or "is missed by both" in page_text(at)
    assert "nearest neighbours of a text" in page_text(at) and "by chance" in page_text(at)
    before = opened(ratio="1:5", right="Before training (frozen)")
    assert "before training and after" in page_text(before) and len(figures(before)) == 2


def test_what_is_drawn_on_one_map_is_lit_on_the_other(sweep: Path) -> None:
    at = opened(ratio="1:5", right="1:1")
    plain = figures(at)
    select(at, [0, 1, 2])
    assert "3 texts selected" in page_text(at)
    after = figures(at)
    assert after[0] == plain[0], "the map that was drawn on keeps its outline"
    assert lit(after[1]) == 3
    key = in_url(at, "picked")
    assert len(load_selection("sweep", key).ids) == 3
    select(at, [7], key="map-right")
    assert "1 text selected" in page_text(at)
    assert [lit(one) for one in figures(at)] == [1, 3]

    again = opened(ratio="1:5", right="1:1", picked=key)
    assert [lit(one) for one in figures(again)] == [3, 3]
    assert "3 texts selected" in page_text(again)
    again.button(key="clear-picked").click().run()
    assert [lit(one) for one in figures(again)] == [None, None]
    assert "picked" not in again.query_params


def test_a_selection_opens_in_errors(sweep: Path) -> None:
    at = select(opened(ratio="1:5", training="True"), [0, 1, 2])
    (query,) = [parse_qs(query) for label, query in links(at) if label == "Read these in Errors"]
    assert query["outcome"] == ["all"] and query["ratio"] == ["1:5"]
    ids = load_selection("sweep", query["picked"][0]).ids
    read = open_page("errors", **{name: values[0] for name, values in query.items()})
    assert "1 of 3" in page_text(read) and in_url(read, "example") in ids


def test_a_selection_is_listed_and_added(sweep: Path) -> None:
    at = select(opened(), [0, 1, 2])
    before = figures(at)
    at.button(key="add-selection").click().run()
    assert len(load_hard_cases("sweep")) == 3
    assert load_hard_cases("sweep")["reasons"].str.contains("chosen on the map").all()
    assert figures(at) == before
    at.button(key="undo").click().run()
    assert load_hard_cases("sweep").empty


def test_a_selection_is_saved_as_a_slice(sweep: Path) -> None:
    at = select(opened(by="Cluster"), [0, 1, 2])
    at.text_input(key="slice-name").input("close calls").run()
    at.button(key="save-slice").click().run()
    assert [one.name for one in load_slices("sweep")] == ["close calls"]
    at.text_input(key="slice-name").input("close calls").run()
    at.button(key="save-slice").click().run()
    assert any("Choose another name" in one.value for one in at.error)


def test_a_link_to_a_selection_that_is_gone_is_told(sweep: Path) -> None:
    at = opened(picked="0123456789ab")
    assert "no selection 0123456789ab" in at.error[0].value.replace("\\", "")
    assert "Nothing is selected" in page_text(at)


def test_a_lasso_takes_in_texts_without_a_mark(sweep: Path) -> None:
    square = {"x": [-99, 99, 99, -99], "y": [-99, -99, 99, 99]}
    at = select(opened(show="Density"), list(range(160)), lasso=[square])
    assert "160 texts selected" in page_text(at)


def test_hover_texts_are_escaped(sweep: Path) -> None:
    save_selection("sweep", ["post-00001"], source="a test")
    add_tag("sweep", ["post-00003"], "<b>bold</b> %{x}")
    at = opened(training="True", by="Tag")
    assert "<script>alert" not in figures(at)[0]
    assert "<b>bold" not in figures(at)[0] and "bold" in figures(at)[0]


def many(n: int = 3_000) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    outcome = rng.choice(["tn", "fp", "tp", "fn"], n, p=[0.6, 0.2, 0.15, 0.05])
    return pd.DataFrame({
        "id": [f"a{number}" for number in range(n)], "split": "test", "outcome": outcome.astype(object),
        "label": np.isin(outcome, ["tp", "fn"]).astype(int), "x": rng.normal(size=n), "y": rng.normal(size=n),
    })  # fmt: skip


def test_very_many_points_are_sampled_and_no_miss_is_left_out() -> None:
    points = many()
    marks = drawn(points, np.array([5, 6]), limit=500)
    misses = (points["outcome"] == "fn").to_numpy()
    assert marks.sum() == 500 and marks[misses].all() and marks[[5, 6]].all()
    turned = points.iloc[::-1].reset_index(drop=True)
    assert set(turned["id"][drawn(turned, np.array([], dtype=int), limit=500)]) >= set(points["id"][misses])
    shaded = drawn(points, np.array([5]), errors_only=True)
    assert set(points["outcome"][shaded]) <= {"fn", "fp", points["outcome"][5]}
    assert drawn(points, np.array([], dtype=int), limit=10)[misses].all()


def test_what_is_switched_off_in_the_legend_is_not_taken() -> None:
    points = many()
    marks = drawn(points, np.array([], dtype=int), limit=500)
    legend = [(kind.rows[marks[kind.rows]], kind.rows) for kind in kinds(points, "Outcome")]
    around = [[[-1, 1, 1, -1], [-1, -1, 1, 1]]]
    inside = (points["x"].abs() < 1) & (points["y"].abs() < 1)
    caught = np.flatnonzero(inside & marks & (points["outcome"] != "tn"))
    found = rows_inside({"rows": caught.tolist(), "outlines": around}, points, legend)
    assert found.tolist() == np.flatnonzero(inside & (points["outcome"] != "tn")).tolist()
    assert rows_inside({"rows": [3, 3, 99_999], "outlines": []}, points, legend).tolist() == [3]
