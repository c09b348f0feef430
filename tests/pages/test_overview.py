"""Overview: the finding, the verdict and the links, before, while and after runs are trained."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from closecall.analysis.formatting import percent_text
from closecall.data.experiments.runs import RunStatus, load_run, write_status
from closecall.data.experiments.store import run_folder
from closecall.models.results.valid_runs import by_ratio
from closecall.pages.shared.runs import outcomes_by_run
from tests.makers import make_dataset, make_experiment
from tests.pages_driver import headline_of, keys_of, link_targets, links, open_page, page_text


def test_an_empty_workspace_offers_the_demo_and_the_import_of_texts(workspace: Path) -> None:
    at = open_page("overview")
    assert len(at.button) == 2
    assert ("pages/data/page.py", "part=Import+your+own") in [
        (page if page.endswith(".py") else f"pages/{page}/page.py", query) for page, query in link_targets(at)
    ]


def test_waiting_runs_are_named(workspace: Path) -> None:
    make_experiment(make_dataset(), ratios=(1, 10), seeds=(0,), state="queued")
    at = open_page("overview")
    assert "1:1 and 1:10" in page_text(at)
    assert not keys_of(at, "download_button")


def test_the_first_results_are_shown_while_other_runs_wait(workspace: Path) -> None:
    config = make_experiment(make_dataset(), ratios=(1, 3, 10), seeds=(0,))
    folder = run_folder(config.id, "r10-s0-none")
    (folder / "predictions.parquet").unlink()
    write_status(folder, RunStatus(state="queued"))
    finding = headline_of(open_page("overview"))
    assert "1:3" in finding and "1:10" not in finding


def test_the_finding_and_every_link_have_the_numbers_of_the_experiment(workspace: Path) -> None:
    config = make_experiment(make_dataset(positives=240, negatives=1200), ratios=(1, 3, 10), seeds=(0, 1))
    at = open_page("overview")
    means = by_ratio(outcomes_by_run(config.id))
    finding = page_text(at)
    for name in ("recall", "specificity"):
        for value in means[name].iloc[[0, -1]]:
            assert f"{percent_text(value)} at" in finding
    test = pd.read_parquet(run_folder(config.id, "r10-s0-none") / "predictions.parquet")
    test = test[(test["split"] == "test") & (test["label"] == 1)]
    missed = int((test["pos_prob"] < 0.5).sum())
    label = next(label for label, query in links(at) if "outcome=fn" in query and "cause=" not in query)
    assert f"{missed} false negative" in label and "1:10, seed 0" in label
    assert all(query.startswith("experiment=sweep") for _, query in links(at))
    assert dict(at.query_params) == {"experiment": "sweep"}


def test_the_report_is_offered_with_the_first_finished_run(workspace: Path) -> None:
    make_experiment(make_dataset(), ratios=(1,), seeds=(0,))
    at = open_page("overview")
    assert "at 1:1" in headline_of(at)
    assert keys_of(at, "download_button") == {"report"}


def test_a_hostile_title_is_shown_as_written(workspace: Path) -> None:
    config = make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,))
    path = run_folder(config.id, "r1-s0-none").parents[1] / "experiment.json"
    path.write_text(path.read_text().replace('"Sweep"', '"**<b>bold</b>** [x](http://localhost)"'))
    at = open_page("overview")
    assert r"\*\*\<b\>bold\</b\>\*\* \[x\]\(http\://localhost\)" in page_text(at).replace("\u2060", "")


@pytest.mark.parametrize("state", ["failed", "interrupted", "cancelled"])
def test_ended_runs_are_reported_as_not_finished(workspace: Path, state: str) -> None:
    config = make_experiment(make_dataset(), ratios=(1,), seeds=(0,), state="queued")
    run = load_run(config.id, "r1-s0-none")
    write_status(run.folder, replace(run.status, state=state))
    at = open_page("overview")
    assert "No run" in headline_of(at) and not keys_of(at, "download_button")
