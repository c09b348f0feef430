"""Confusion: the matrix at a threshold, its links, the desk and the comparison."""

from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from closecall.analysis.metrics.prevalence import precision_at
from closecall.data.experiments.runs import load_predictions, load_runs
from closecall.data.experiments.store import run_folder
from closecall.pages.confusion.run_comparison import CUTS, level_cut
from tests.makers import make_dataset, make_experiment
from tests.pages_driver import links, open_page, page_text


@pytest.fixture
def sweep(workspace: Path) -> str:
    return make_experiment(make_dataset(positives=240, negatives=1200), ratios=(1, 10), seeds=(0, 1)).id


def counts(experiment: str, run: str, threshold: float) -> tuple[int, int]:
    frame = pd.read_parquet(run_folder(experiment, run) / "predictions.parquet")
    frame = frame[frame["split"] == "test"]
    called = frame["pos_prob"].astype(float) >= threshold
    return int((called & (frame["label"] == 1)).sum()), int((called & (frame["label"] == 0)).sum())


def test_empty_and_waiting_workspaces_have_a_way_on(workspace: Path) -> None:
    assert "There is no experiment yet." in page_text(open_page("confusion"))
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,), state="queued")
    assert "No run of this experiment has finished yet." in page_text(open_page("confusion"))


def test_the_url_chooses_run_and_threshold(sweep: str) -> None:
    at = open_page("confusion", ratio="1:1", seed="1", threshold="0.3")
    found, alarms = counts(sweep, "r1-s1-none", 0.3)
    assert f"Cut at .30, 1:1 finds {found} of 80 positives and raises {alarms} false alarms" in page_text(at)


def test_every_cell_links_to_its_examples(sweep: str) -> None:
    at = open_page("confusion", ratio="1:10", seed="0", threshold="0.25")
    queries = [query for _, query in links(at)]
    for outcome in ("tp", "fn", "fp", "tn"):
        expected = f"experiment={sweep}&ratio=1%3A10&seed=0&threshold=0.25&outcome={outcome}"
        assert expected in queries


def test_the_slider_moves_matrix_and_words(sweep: str) -> None:
    at = open_page("confusion")
    at.slider(key="threshold").set_value(0.1).run()
    found, alarms = counts(sweep, "r10-s0-none", 0.1)
    assert f"Cut at .10, 1:10 finds {found} of 80 positives and raises {alarms} false alarms" in page_text(at)


def test_shares_can_be_of_the_class_or_of_the_call(sweep: str) -> None:
    assert "Shares of each row" in page_text(open_page("confusion", show="Of the class"))
    assert "Shares of each column" in page_text(open_page("confusion", show="Of the call"))


def test_the_desk_chooses_on_validation_and_tells_on_test(sweep: str) -> None:
    at = open_page("confusion")
    desk = next(one.value for one in at.dataframe if "rule" in one.value)
    assert len(desk) == 6
    assert desk.loc[0, "threshold"] == ".50"
    assert desk["found"].between(0, 100).all()


def pair_cells(at: AppTest) -> dict[str, int]:
    """How many examples each cell of run against run says it has."""
    cells = [one for one in at.button if str(one.key).startswith("pair-")]
    return {str(one.key): int(one.label.split("**")[1].replace(",", "")) for one in cells}


def test_one_run_against_another_has_a_matrix_for_each_class(sweep: str) -> None:
    at = open_page("confusion", below="Against another run", ratio="1:10")
    cells = pair_cells(at)
    assert len(cells) == 8 and sum(cells.values()) == 480
    assert "McNemar" in page_text(at)
    found, _ = counts(sweep, "r10-s0-none", 0.5)
    assert cells["pair-1-right-in-both"] + cells["pair-1-broken"] == found


def test_a_cell_lists_its_examples_and_opens_them_as_a_queue(sweep: str) -> None:
    at = open_page("confusion", below="Against another run", ratio="1:10")
    fixed = pair_cells(at)["pair-1-fixed"]
    at.button(key="pair-1-fixed").click().run()
    assert f"{fixed} positives fixed going from 1:10, seed 0" in page_text(at)
    at.button(key="read-1-fixed").click().run()
    assert [one.message for one in at.exception] == []
    assert "Errors of" in page_text(at) and at.query_params["picked"] and at.query_params["ratio"] == "1:10"


def test_the_other_run_is_cut_level_in_false_alarms_or_precision_on_validation(sweep: str) -> None:
    runs = {run.name: run for run in load_runs(sweep)}
    a, b = runs["r10-s0-none"], runs["r1-s0-none"]
    val_a, val_b = load_predictions(a, "validation"), load_predictions(b, "validation")
    alarms = (val_a.pos_probs[val_a.labels == 0] >= 0.4).mean()
    cut, told = level_cut(a, b, 0.4, 0.1, CUTS[1])
    assert (val_b.pos_probs[val_b.labels == 0] >= cut).mean() <= alarms + 1e-9 and "on validation" in told
    found = (val_a.pos_probs[val_a.labels == 1] >= 0.4).mean()
    wanted = precision_at(found, alarms, q=0.1)
    cut, _ = level_cut(a, b, 0.4, 0.1, CUTS[2])
    reached = [float((val_b.pos_probs[val_b.labels == label] >= cut).mean()) for label in (1, 0)]
    assert precision_at(*reached, q=0.1) >= wanted - 1e-9
    at = open_page("confusion", below="Against another run", ratio="1:10")
    at.button_group(key="against-cut").set_value(CUTS[2]).run()
    assert "chosen on validation" in page_text(at)


def test_calibration_is_told(sweep: str) -> None:
    assert "temperature" in page_text(open_page("confusion", below="Calibration"))
