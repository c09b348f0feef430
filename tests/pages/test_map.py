"""The Map page: points with outcomes, two maps, and a selection as a table, in Errors, on the list and as a slice."""

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from closecall.data.annotations.hard_cases import add_tag, load_hard_cases
from closecall.data.annotations.selections import load_selection, save_selection
from closecall.data.annotations.slices import load_slices
from tests.makers import make_dataset, make_experiment
from tests.pages_driver import headline_of, keys_of, link_targets, open_page, page_text, table_with

ERRORS, TRAIN = "errors", "train"


@pytest.fixture
def sweep(workspace: Path) -> Path:
    make_experiment(make_dataset(), ratios=(1, 5), seeds=(0,))
    return workspace


def open_map(**query: str) -> AppTest:
    return open_page("map", **query)


def figures(at: AppTest) -> list[str]:
    return [str(chart.proto.spec) for chart in at.get("plotly_chart")]


def traces(at: AppTest, number: int = 0) -> list[dict[str, Any]]:
    return list(json.loads(figures(at)[number])["data"])


def symbols(at: AppTest) -> set[str]:
    return {trace["marker"]["symbol"] for trace in traces(at)}


def select(
    at: AppTest, rows: list[int], *, key: str = "map-left", lasso: list[dict[str, Any]] | None = None
) -> AppTest:
    points = [{"customdata": [row]} for row in rows]
    selection = {"points": points, "point_indices": rows, "box": [], "lasso": lasso or []}
    at.session_state[key] = {"selection": selection}
    at.run()
    assert not at.exception
    return at


def in_url(at: AppTest, name: str) -> str:
    value = at.query_params[name]
    return value if isinstance(value, str) else value[0]


def selected(at: AppTest) -> int:
    """How many texts the selection in the URL has."""
    return len(load_selection("sweep", in_url(at, "picked")).ids)


def errors_query(at: AppTest) -> dict[str, str]:
    """The URL query of the link to the selection in Errors."""
    queries = [parse_qs(query) for page, query in link_targets(at) if page.endswith(ERRORS)]
    (query,) = [query for query in queries if "picked" in query]
    return {name: values[0] for name, values in query.items()}


def highlighted(at: AppTest) -> list[int | None]:
    """How many points each figure highlights, None when it highlights none."""
    counts: list[int | None] = []
    for number in range(len(figures(at))):
        marked = [one["selectedpoints"] for one in traces(at, number) if "selectedpoints" in one]
        counts.append(sum(_length(one) for one in marked) if marked else None)
    return counts


def _length(packed: Any) -> int:
    """Plotly packs arrays as base64."""
    if isinstance(packed, list):
        return len(packed)
    return len(base64.b64decode(packed["bdata"])) // np.dtype(packed["dtype"]).itemsize


def test_without_an_experiment_it_links_to_training(workspace: Path) -> None:
    at = open_map()
    assert len(at.info) == 1 and not figures(at)
    assert [page for page, _ in link_targets(at)] == [TRAIN]


@pytest.mark.parametrize("encoder", ["Fine-tuned", "Frozen"])
def test_without_a_projection_it_links_to_the_progress(workspace: Path, encoder: str) -> None:
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,), with_embeddings=False)
    at = open_map(left=encoder)
    assert len(at.info) == 1 and not figures(at)
    assert at.segmented_control(key="left").value == encoder
    assert TRAIN in [page for page, _ in link_targets(at)]


def test_outcomes_differ_by_symbol_and_the_headline_counts_missed_positives(sweep: Path) -> None:
    at = open_map()
    assert symbols(at) == {"x", "triangle-up", "diamond", "circle"}
    missed = next(trace for trace in traces(at) if trace["marker"]["symbol"] == "x")
    number = _length(missed["customdata"])
    assert f"misses {number} of 26 positives" in headline_of(at)


def test_the_url_chooses_encoder_and_colours(sweep: Path) -> None:
    at = open_map(by="Label", left="Frozen", training="True")
    assert at.segmented_control(key="left").value == "Frozen" and symbols(at) == {"square", "circle", "diamond"}
    at.selectbox(key="by").select("Confidence in training").run()
    assert "Confidence 0.6 to 0.8" in figures(at)[0] and in_url(at, "by") == "Confidence in training"


def test_values_of_earlier_urls_still_work(sweep: Path) -> None:
    at = open_map(ratio="1:5", right="Before training (frozen)", show="Marks")
    assert at.selectbox(key="right").value == "Frozen encoder" and len(figures(at)) == 2
    assert at.segmented_control(key="show").value == "Points"
    assert len(figures(open_map(right="One map alone"))) == 1


def test_a_second_map_is_drawn_with_the_agreement_of_neighbours(sweep: Path) -> None:
    at = open_map(ratio="1:5", right="1:1")
    assert len(figures(at)) == 2 and "by chance" in page_text(at)
    assert "1:5 misses" in headline_of(at) and "1:1 misses" in headline_of(at)
    assert {trace["marker"]["symbol"] for trace in traces(at, 1)} == symbols(at)


def test_a_selection_on_one_map_is_highlighted_on_the_other(sweep: Path) -> None:
    at = open_map(ratio="1:5", right="1:1")
    before = figures(at)
    select(at, [0, 1, 2])
    after = figures(at)
    assert after[0] == before[0], "the map that was drawn on keeps its outline"
    assert highlighted(at) == [None, 3]
    key = in_url(at, "picked")
    assert selected(at) == 3
    select(at, [7], key="map-right")
    assert selected(at) == 1 and highlighted(at) == [1, 3]

    again = open_map(ratio="1:5", right="1:1", picked=key)
    assert highlighted(again) == [3, 3] and len(table_with(again, "outcome")) == 3
    again.button(key="clear-picked").click().run()
    assert highlighted(again) == [None, None]
    assert "picked" not in again.query_params


def test_a_selection_opens_in_errors(sweep: Path) -> None:
    query = errors_query(select(open_map(ratio="1:5", training="True"), [0, 1, 2]))
    assert query["outcome"] == "all" and query["ratio"] == "1:5"
    ids = load_selection("sweep", query["picked"]).ids
    errors = open_page("errors", **query)
    assert in_url(errors, "example") in ids


def test_a_selection_is_added_to_the_list_and_undone(sweep: Path) -> None:
    at = select(open_map(), [0, 1, 2])
    before = figures(at)
    at.button(key="add-selection").click().run()
    assert len(load_hard_cases("sweep")) == 3
    assert load_hard_cases("sweep")["reasons"].str.contains("map").all()
    assert figures(at) == before and at.button(key="add-selection").disabled
    at.button(key="undo").click().run()
    assert load_hard_cases("sweep").empty


def test_a_selection_is_saved_as_a_slice_under_an_unused_name(sweep: Path) -> None:
    at = select(open_map(by="Cluster"), [0, 1, 2])
    for _ in range(2):
        assert not at.error
        at.text_input(key="slice-name").input("close calls").run()
        at.button(key="save-slice").click().run()
    assert [one.name for one in load_slices("sweep")] == ["close calls"]
    assert len(at.error) == 1


def test_a_link_to_a_missing_selection_is_an_error(sweep: Path) -> None:
    at = open_map(picked="0123456789ab")
    assert "0123456789ab" in at.error[0].value
    assert "clear-picked" not in keys_of(at, "button") and "picked" not in at.query_params


def test_a_lasso_selects_texts_without_a_point(sweep: Path) -> None:
    square = {"x": [-99, 99, 99, -99], "y": [-99, -99, 99, 99]}
    at = select(open_map(show="Density"), list(range(160)), lasso=[square])
    assert selected(at) == 160


def test_hover_texts_and_tags_are_escaped(sweep: Path) -> None:
    save_selection("sweep", ["post-00001"], source="a test")
    add_tag("sweep", ["post-00003"], "<b>bold</b> %{x}")
    at = open_map(training="True", by="Tag")
    assert "<script>alert" not in figures(at)[0]
    assert "<b>bold" not in figures(at)[0] and "bold" in figures(at)[0]
