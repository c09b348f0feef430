"""The Data map page: one ratio, the same positives across ratios, a selection in Errors, and runs without a map."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from closecall.charts.colours import CLASS_COLOURS
from closecall.data.annotations.selections import load_selection
from closecall.data.experiments.runs import TrainingDynamics, load_dynamics, load_run, save_dynamics
from closecall.data.experiments.store import (
    ExperimentConfig,
    RunConfig,
    create_experiment,
    load_evaluation,
    load_plan,
    run_folder,
)
from closecall.pages.shared.maps.training_dynamics import positives_by_ratio
from tests.makers import make_dataset, make_experiment
from tests.pages_driver import headline_of, link_targets, open_page, page_text, table_with


@pytest.fixture
def sweep(workspace: Path) -> Path:
    """At 1:5 the first positive is never right, and the second is right in one epoch of three."""
    make_experiment(make_dataset(), ratios=(1, 5), seeds=(0, 1), with_embeddings=False)
    for seed in (0, 1):
        rewrite(f"r5-s{seed}-none", {0: [0.1, 0.2, 0.3], 1: [0.2, 0.8, 0.2]})
    return workspace


def rewrite(name: str, columns: dict[int, list[float]]) -> None:
    run = load_run("sweep", name)
    dynamics = load_dynamics(run)
    probs = dynamics.pos_probs.copy()
    for column, values in columns.items():
        probs[:, column] = values[: len(probs)]
    save_dynamics(run.folder, TrainingDynamics(dynamics.ids, dynamics.labels, probs))


def charts(at: AppTest) -> list[dict[str, Any]]:
    return [json.loads(str(chart.proto.spec)) for chart in at.get("plotly_chart")]


def select(at: AppTest, rows: list[int]) -> AppTest:
    points = [{"customdata": [row]} for row in rows]
    at.session_state["data-map"] = {"selection": {"points": points, "point_indices": rows, "box": [], "lasso": []}}
    at.run()
    assert not at.exception
    return at


def test_without_an_experiment_it_links_to_training(workspace: Path) -> None:
    at = open_page("data_map")
    assert len(at.info) == 1 and [page for page, _ in link_targets(at)] == ["train"]


def test_without_training_dynamics_it_has_no_chart(sweep: Path) -> None:
    (run_folder("sweep", "r5-s0-none") / "dynamics.npz").unlink()
    at = open_page("data_map", ratio="1:5", seed="0")
    assert "r5" in at.info[0].value and not charts(at)
    assert charts(open_page("data_map", ratio="1:1", seed="0"))


def test_the_headline_has_the_numbers_of_this_experiment(sweep: Path) -> None:
    at = open_page("data_map", ratio="1:5")
    assert headline_of(at).startswith("### 1 of 39 positives ")
    assert "at 1:5, 0 at 1:1" in headline_of(at) and "0\\.70 at 1:1" in headline_of(at)
    assert "2 of 39 positives" in charts(at)[0]["layout"]["title"]["text"]


def test_the_url_chooses_the_class(sweep: Path) -> None:
    both, positives = (
        {trace["marker"]["color"] for trace in charts(open_page("data_map", ratio="1:5", **query))[0]["data"]}
        for query in ({}, {"class": "Positives"})
    )
    assert both == set(CLASS_COLOURS.values()) and positives == {CLASS_COLOURS[1]}


@pytest.mark.parametrize("view", ["Across ratios", "From ratio to ratio"])
def test_the_url_chooses_the_view_also_by_its_former_name(sweep: Path, view: str) -> None:
    at = open_page("data_map", view=view)
    assert at.segmented_control(key="view").value == "Across ratios"
    assert at.query_params["view"] in ("Across ratios", ["Across ratios"])
    (chart,) = charts(at)
    assert "0.70 at 1:1" in chart["layout"]["title"]["text"]
    numbers = table_with(at, "Never right")
    assert numbers["Ratio"].tolist() == ["1:1", "1:5"] and numbers["Never right"].tolist() == ["0", "1"]
    assert numbers["Below 0.50"][1].endswith("2/39")
    assert len(table_with(at, "number-0")) == 2


def test_a_lasso_opens_its_training_texts_in_errors(sweep: Path) -> None:
    at = select(open_page("data_map", ratio="1:5", seed="1"), [0, 1])
    assert table_with(at, "confidence")["right"].tolist() == ["0/3", "1/3"]
    (query,) = [parse_qs(query) for page, query in link_targets(at) if page == "errors"]
    assert query["split"] == ["train"] and len(load_selection("sweep", query["picked"][0]).ids) == 2
    errors = open_page("errors", **{name: values[0] for name, values in query.items()})
    assert "1 of 2" in page_text(errors)
    at.button(key="clear-picked").click().run()
    assert "picked" not in at.query_params


def test_one_epoch_has_no_variability(workspace: Path) -> None:
    make_experiment(make_dataset(), ratios=(1,), seeds=(0,), with_embeddings=False)
    run = load_run("sweep", "r1-s0-none")
    dynamics = load_dynamics(run)
    save_dynamics(run.folder, TrainingDynamics(dynamics.ids, dynamics.labels, dynamics.pos_probs[:1]))
    at = open_page("data_map")
    assert "no variability" in page_text(at) and "of 41 positives" in headline_of(at)


def test_one_ratio_cannot_be_compared(workspace: Path) -> None:
    make_experiment(make_dataset(), ratios=(1,), seeds=(0,), with_embeddings=False)
    at = open_page("data_map", view="Across ratios")
    assert len(at.info) == 1 and not charts(at)


def test_the_same_positives_are_compared_across_ratios(sweep: Path) -> None:
    positives = positives_by_ratio("sweep")
    assert positives is not None and positives.ratios == (1.0, 5.0)
    assert np.allclose(positives.confidence[0], 0.7, atol=1e-6)
    assert np.allclose(positives.confidence[1, :3], [0.2, 0.4, 0.7], atol=1e-6)
    assert positives.correctness[1, 0] == 0


def test_imported_predictions_have_no_data_map(sweep: Path) -> None:
    config = ExperimentConfig("taken", "Taken", "posts", kind="imported", ratios=(1,))
    runs = [RunConfig("taken", 1, 0)]
    create_experiment(config, evaluation=load_evaluation("sweep"), plan=load_plan("sweep"), runs=runs)
    source, target = run_folder("sweep", "r1-s0-none"), run_folder("taken", "r1-s0-none")
    (target / "predictions.parquet").write_bytes((source / "predictions.parquet").read_bytes())
    at = open_page("data_map", experiment="taken")
    assert "imported" in at.info[0].value and not charts(at)
