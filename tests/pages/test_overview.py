"""Overview: the finding, the verdict, the links with their numbers; before, while and after runs are made."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from closecall.data.experiments.runs import RunStatus, load_run, write_status
from closecall.data.experiments.store import run_folder
from closecall.pages.overview.findings import collapsed_runs, what_happened, which_is_better
from tests.makers import make_dataset, make_experiment
from tests.pages_driver import links, open_page, page_text


def test_an_empty_workspace_offers_the_demo_and_the_reader_s_own_texts(workspace: Path) -> None:
    at = open_page("overview")
    assert "Run the demo" in page_text(at)
    assert "Run the distant pair" in page_text(at)
    assert ("Import texts", "part=Import+your+own") in links(at)


def test_waiting_runs_are_named(workspace: Path) -> None:
    make_experiment(make_dataset(), ratios=(1, 10), seeds=(0,), state="queued")
    text = page_text(open_page("overview"))
    assert "1:1, 1:10 will stand here" in text
    assert "nothing works on them" in text


def test_while_runs_are_made_the_first_results_are_shown(workspace: Path) -> None:
    config = make_experiment(make_dataset(), ratios=(1, 3, 10), seeds=(0,))
    folder = run_folder(config.id, "r10-s0-none")
    (folder / "predictions.parquet").unlink()
    write_status(folder, RunStatus(state="queued"))
    text = page_text(open_page("overview"))
    assert "Still coming" in text
    assert "at 1:3" in text


def test_the_finding_and_every_link_have_this_experiment_s_numbers(workspace: Path) -> None:
    config = make_experiment(make_dataset(positives=240, negatives=1200), ratios=(1, 3, 10), seeds=(0, 1))
    at = open_page("overview")
    text, found = page_text(at), links(at)
    assert "Of 80 test positives" in text
    assert "The threshold moved" in text or "Too few positives" in text
    read = next(label for label, _ in found if label.startswith("Read the"))
    test = pd.read_parquet(run_folder(config.id, "r10-s0-none") / "predictions.parquet")
    test = test[(test["split"] == "test") & (test["label"] == 1)]
    assert f"Read the {(test['pos_prob'] < 0.5).sum()} positives missed at 1:10, seed 0" == read
    assert all(query.startswith("experiment=sweep") for _, query in found)
    assert dict(at.query_params) == {"experiment": "sweep"}


def test_one_finished_run_is_enough_to_begin(workspace: Path) -> None:
    make_experiment(make_dataset(), ratios=(1,), seeds=(0,))
    text = page_text(open_page("overview"))
    assert "Trained at 1:1 the classifier finds" in text


def test_a_hostile_title_is_shown_as_written(workspace: Path) -> None:
    config = make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,))
    path = run_folder(config.id, "r1-s0-none").parents[1] / "experiment.json"
    path.write_text(path.read_text().replace('"Sweep"', '"**<b>bold</b>** [x](http://localhost)"'))
    at = open_page("overview")
    assert r"\*\*\<b\>bold\</b\>\*\* \[x\]\(http\://localhost\)" in page_text(at).replace("\u2060", "")


def means(*rows: tuple[float, float, float]) -> pd.DataFrame:
    columns = ["ratio", "recall", "true_negative_rate"]
    return pd.DataFrame(rows, columns=columns).assign(n_positives=400, n_negatives=400, seeds=1, collapsed=0)


def test_the_asker_s_numbers_flip_with_the_prevalence() -> None:
    sentence = which_is_better(means((1, 0.92, 0.92), (10, 0.80, 0.98)))
    assert "below 27.5 % positives 1:10 has the better F1, above it 1:1" in sentence
    assert "F1 is .68 for 1:1 and .80 for 1:10" in sentence


def test_a_ratio_that_is_better_everywhere_is_said_to_be() -> None:
    assert "1:10 has the better F1 at every share" in which_is_better(means((1, 0.9, 0.9), (10, 0.95, 0.97)))


def test_single_ratios_and_collapsed_runs_have_sentences() -> None:
    assert "400 test positives" in what_happened(means((2, 0.5, 0.9)))
    assert which_is_better(means((2, 0.5, 0.9))) == ""
    assert "1 of 3 at 1:10" in collapsed_runs(means((10, 0.5, 0.9)).assign(collapsed=1, seeds=3))


@pytest.mark.parametrize("state", ["failed", "interrupted", "cancelled"])
def test_ended_runs_are_not_waited_for(workspace: Path, state: str) -> None:
    config = make_experiment(make_dataset(), ratios=(1,), seeds=(0,), state="queued")
    run = load_run(config.id, "r1-s0-none")
    write_status(run.folder, replace(run.status, state=state))
    assert "No run of this experiment has finished." in page_text(open_page("overview"))
