"""The Data map: one ratio, the way from ratio to ratio, a lasso to Errors, and what it says when there is nothing."""

from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

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
from closecall.pages.shared.training_dynamics import positives_over_ratios
from tests.makers import make_dataset, make_experiment
from tests.pages_driver import links, open_page, page_text


@pytest.fixture
def sweep(workspace: Path) -> Path:
    """At 1:5 the first positive is never right, and the second is doubted."""
    make_experiment(make_dataset(), ratios=(1, 5), seeds=(0, 1), with_embeddings=False)
    for seed in (0, 1):
        rewrite(f"r5-s{seed}-none", {0: [0.1, 0.2, 0.3], 1: [0.2, 0.8, 0.2]})
    return workspace


def rewrite(name: str, columns: dict[int, list[float]]) -> None:
    run = load_run("sweep", name)
    dynamics = load_dynamics(run)
    probs = dynamics.pos_probs.copy()
    for place, told in columns.items():
        probs[:, place] = told[: len(probs)]
    save_dynamics(run.folder, TrainingDynamics(dynamics.ids, dynamics.labels, probs))


def select(at: AppTest, rows: list[int]) -> AppTest:
    points = [{"customdata": [row]} for row in rows]
    at.session_state["data-map"] = {"selection": {"points": points, "point_indices": rows, "box": [], "lasso": []}}
    at.run()
    assert not at.exception
    return at


def test_without_experiment_it_shows_the_way_on(workspace: Path) -> None:
    assert open_page("data_map").info[0].value == "There is no experiment yet."


def test_without_dynamics_it_says_why(sweep: Path) -> None:
    (run_folder("sweep", "r5-s0-none") / "dynamics.npz").unlink()
    at = open_page("data_map", ratio="1:5", seed="0")
    assert "no data map" in at.markdown[0].value and "has no training dynamics" in at.info[0].value


def test_the_headline_has_this_experiments_numbers(sweep: Path) -> None:
    at = open_page("data_map", ratio="1:5")
    assert "1 are never right in training with any seed at 1:5, 0 at 1:1" in page_text(at)
    assert "3 epochs are few" in page_text(at)
    assert "confidence below .5 for 2 of" in str(at.get("plotly_chart")[0].proto.spec)


def test_the_url_chooses_the_view_and_the_class(sweep: Path) -> None:
    at = open_page("data_map", ratio="1:5", **{"class": "Positives"})
    spec = str(at.get("plotly_chart")[0].proto.spec)
    assert "Positives, hard to learn" in spec and "Negatives" not in spec
    moved = open_page("data_map", view="From ratio to ratio")
    assert "lose confidence from 1:1 to 1:5" in page_text(moved)
    assert "Median confidence of the positives" in str(moved.get("plotly_chart")[0].proto.spec)


def test_a_lasso_opens_its_training_texts_in_errors(sweep: Path) -> None:
    at = select(open_page("data_map", ratio="1:5", seed="1"), [0, 1])
    assert "2 training texts selected" in page_text(at)
    (query,) = [parse_qs(query) for label, query in links(at) if label == "Read these in Errors"]
    assert query["split"] == ["train"] and len(load_selection("sweep", query["picked"][0]).ids) == 2
    read = open_page("errors", **{name: values[0] for name, values in query.items()})
    assert "1 of 2" in page_text(read)


def test_one_epoch_tells_no_variability(workspace: Path) -> None:
    make_experiment(make_dataset(), ratios=(1,), seeds=(0,), with_embeddings=False)
    run = load_run("sweep", "r1-s0-none")
    dynamics = load_dynamics(run)
    save_dynamics(run.folder, TrainingDynamics(dynamics.ids, dynamics.labels, dynamics.pos_probs[:1]))
    at = open_page("data_map")
    assert "One epoch tells no variability" in page_text(at) and "training never got" in page_text(at)


def test_the_same_positives_are_followed_over_the_ratios(sweep: Path) -> None:
    found = positives_over_ratios("sweep")
    assert found is not None and found.ratios == (1.0, 5.0)
    assert np.allclose(found.confidence[0], 0.7, atol=1e-6)
    assert np.allclose(found.confidence[1, :3], [0.2, 0.4, 0.7], atol=1e-6)
    assert found.correctness[1, 0] == 0


def test_imported_predictions_have_no_data_map(sweep: Path) -> None:
    config = ExperimentConfig("taken", "Taken", "posts", kind="imported", ratios=(1,))
    runs = [RunConfig("taken", 1, 0)]
    create_experiment(config, evaluation=load_evaluation("sweep"), plan=load_plan("sweep"), runs=runs)
    source, target = run_folder("sweep", "r1-s0-none"), run_folder("taken", "r1-s0-none")
    (target / "predictions.parquet").write_bytes((source / "predictions.parquet").read_bytes())
    at = open_page("data_map", experiment="taken")
    assert "imported predictions" in at.info[0].value
