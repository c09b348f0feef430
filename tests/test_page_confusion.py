"""Confusion: the matrix at a threshold, its links, the desk and the comparison."""

from pathlib import Path

import pandas as pd
import pytest

from data.experiments import run_folder
from tests.makers import make_dataset, make_experiment
from tests.pages_driver import links, open_page, said


@pytest.fixture
def sweep(workspace: Path) -> str:
    return make_experiment(make_dataset(positives=240, negatives=1200), ratios=(1, 10), seeds=(0, 1)).id


def counts(experiment: str, run: str, threshold: float) -> tuple[int, int]:
    frame = pd.read_parquet(run_folder(experiment, run) / "predictions.parquet")
    frame = frame[frame["split"] == "test"]
    called = frame["pos_prob"].astype(float) >= threshold
    return int((called & (frame["label"] == 1)).sum()), int((called & (frame["label"] == 0)).sum())


def test_empty_and_waiting_workspaces_have_a_way_on(workspace: Path) -> None:
    assert "There is no experiment yet." in said(open_page("compare/confusion"))
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,), state="queued")
    assert "No run of this experiment has finished yet." in said(open_page("compare/confusion"))


def test_the_url_chooses_run_and_threshold(sweep: str) -> None:
    at = open_page("compare/confusion", ratio="1:1", seed="1", threshold="0.3")
    found, alarms = counts(sweep, "r1-s1-none", 0.3)
    assert f"Cut at .30, 1:1 finds {found} of 80 positives and raises {alarms} false alarms" in said(at)


def test_every_cell_links_to_its_examples(sweep: str) -> None:
    at = open_page("compare/confusion", ratio="1:10", seed="0", threshold="0.25")
    queries = [query for _, query in links(at)]
    for outcome in ("tp", "fn", "fp", "tn"):
        expected = f"experiment={sweep}&ratio=1%3A10&seed=0&threshold=0.25&outcome={outcome}"
        assert expected in queries


def test_the_slider_moves_matrix_and_words(sweep: str) -> None:
    at = open_page("compare/confusion")
    at.slider(key="threshold").set_value(0.1).run()
    found, alarms = counts(sweep, "r10-s0-none", 0.1)
    assert f"Cut at .10, 1:10 finds {found} of 80 positives and raises {alarms} false alarms" in said(at)


def test_shares_can_be_of_the_class_or_of_the_call(sweep: str) -> None:
    assert "Shares of each row" in said(open_page("compare/confusion", show="Of the class"))
    assert "Shares of each column" in said(open_page("compare/confusion", show="Of the call"))


def test_the_desk_chooses_on_validation_and_tells_on_test(sweep: str) -> None:
    at = open_page("compare/confusion")
    desk = next(one.value for one in at.dataframe if "rule" in one.value)
    assert len(desk) == 6
    assert desk.loc[0, "threshold"] == ".50"
    assert desk["found"].between(0, 100).all()


def test_one_run_against_another_lists_what_only_one_has_right(sweep: str) -> None:
    at = open_page("compare/confusion", below="Against another run", ratio="1:10")
    cells = next(one.value for one in at.dataframe if "Right" in one.value)
    assert cells["Examples"].sum() == 480
    assert "McNemar" in said(at)


def test_calibration_is_told(sweep: str) -> None:
    assert "temperature" in said(open_page("compare/confusion", below="Calibration"))
