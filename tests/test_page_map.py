"""The Map: points with their outcomes, a selection to a table, the way to the list."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from data.hard_cases import load_hard_cases
from tests.makers import make_dataset, make_experiment

APP = str(Path(__file__).resolve().parents[1] / "app.py")


@pytest.fixture
def sweep(workspace: Path) -> Path:
    make_experiment(make_dataset(), ratios=(1, 5), seeds=(0,))
    return workspace


def opened(**query: str) -> AppTest:
    at = AppTest.from_file(APP, default_timeout=30).run()
    at.switch_page("pages/inspect/map.py")
    for name, value in query.items():
        at.query_params[name] = value
    return at.run()


def figure(at: AppTest) -> str:
    return str(at.get("plotly_chart")[0].proto.spec)


def select(at: AppTest, rows: list[int]) -> AppTest:
    points = [{"customdata": [row]} for row in rows]
    at.session_state["map"] = {"selection": {"points": points, "point_indices": rows, "box": [], "lasso": []}}
    return at.run()


def test_without_experiment_it_shows_the_way_on(workspace: Path) -> None:
    assert opened().info[0].value == "There is no experiment yet."


def test_without_a_projection_it_says_what_is_missing(workspace: Path) -> None:
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,), with_embeddings=False)
    at = opened()
    assert not at.exception
    assert "no map to show" in at.markdown[0].value
    assert "projection" in at.info[0].value


def test_marks_differ_by_shape_and_name(sweep: Path) -> None:
    at = opened()
    assert not at.exception
    assert "missed positive" in at.markdown[0].value
    for word in ("Misses", "False alarms", '"symbol":"x"', "triangle-up"):
        assert word in figure(at)


def test_the_url_chooses_encoder_and_colours(sweep: Path) -> None:
    at = opened(by="Label", encoder="Frozen", training="True")
    assert not at.exception
    assert "Training positives" in figure(at)
    assert "before any training" in at.markdown[1].value


def test_a_selection_is_listed_and_added(sweep: Path) -> None:
    at = select(opened(), [0, 1, 2])
    assert not at.exception
    assert any("3 texts selected" in one.value for one in at.markdown)
    before = figure(at)
    at.button(key="add-selection").click().run()
    assert len(load_hard_cases("sweep")) == 3
    assert load_hard_cases("sweep")["reasons"].str.contains("chosen on the map").all()
    assert figure(at) == before
    at.button(key="undo").click().run()
    assert load_hard_cases("sweep").empty


def test_hover_texts_are_escaped(sweep: Path) -> None:
    spec = figure(opened(training="True"))
    assert "<script>alert" not in spec
