"""Train: configure and queue, watch, stop and go on, or load what was made elsewhere. No run is trained here."""

import os
from pathlib import Path

import pandas as pd
import psutil
import pytest
from streamlit.testing.v1 import AppTest

import closecall.models.queue.jobs
from closecall.data.experiments.previews import load_previews
from closecall.data.experiments.runs import RunStatus, read_status, write_status
from closecall.data.experiments.store import experiment_ids, load_experiment, run_folder
from closecall.data.io.files import write_json
from closecall.data.io.processes import this_machine
from closecall.models.queue.backends import driver_file
from closecall.models.queue.sweeps import SweepRequest, make_sweep
from tests.makers import make_dataset, make_experiment
from tests.pages_driver import open_page, page_text
from tests.tiny_bert import make_tiny_bert


@pytest.fixture(autouse=True)
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Queueing writes the real folders; only the worker process is not started."""
    monkeypatch.setattr(closecall.models.queue.jobs, "ensure_worker", lambda: None)


def queue(at: AppTest) -> AppTest:
    at.button(key="sweep-go").click().run()
    assert [one.message for one in at.exception] == []
    return at


def test_an_empty_workspace_offers_the_demos_and_says_that_training_stays(workspace: Path) -> None:
    text = page_text(open_page("train"))
    assert "Run the demo" in text
    assert "Training goes on when this page, the browser or the app is closed." in text
    assert "There is no dataset with texts yet." in text


def test_a_sweep_is_queued_as_it_was_configured(workspace: Path) -> None:
    make_dataset()
    at = open_page("train", dataset="posts")
    at.text_input(key="sweep-ratios").set_value("1, 3").run()
    at.text_input(key="sweep-seeds").set_value("0,7").run()
    at.text_input(key="sweep-title").set_value("My *sweep*").run()
    queue(at)
    config = load_experiment(experiment_ids()[0])
    assert (config.ratios, config.seeds, config.title) == ((1, 3), (0, 7), "My *sweep*")
    assert "0 of 4 runs are done" in page_text(at)
    assert r"My \*sweep\*" in page_text(at)


def test_a_preview_is_queued_where_it_is_wished(workspace: Path) -> None:
    make_dataset()
    at = open_page("train", dataset="posts")
    at.text_input(key="sweep-ratios").set_value("1, 3").run()
    at.toggle(key="sweep-preview").set_value(True).run()
    queue(at)
    previews = load_previews(experiment_ids()[0])
    assert [(one.kind, one.ratio, one.status.state) for one in previews] == [
        (kind, ratio, "queued") for kind in ("linear", "prefix") for ratio in (1.0, 3.0)
    ]
    rows = next(one.value for one in at.dataframe if "state" in one.value)
    assert rows.iloc[0][["run", "state", "step"]].tolist() == ["preview of all ratios", "waits", "0 of 4 parts"]


def test_a_ratio_that_the_data_cannot_give_is_refused_before_queueing(workspace: Path) -> None:
    make_dataset()
    at = open_page("train", dataset="posts")
    at.number_input(key="sweep-positives-posts").set_value(41).run()
    assert "The largest possible ratio is 1:4.8" in page_text(at).replace("\\", "")
    assert experiment_ids() == []


@pytest.mark.parametrize(("field", "text", "told"), [
    ("sweep-ratios", "one, two", "one is not a ratio"),
    ("sweep-ratios", "1, 1", "different numbers"),
    ("sweep-seeds", "0.5", "is not a whole number"),
])  # fmt: skip
def test_bad_input_is_told_and_kept(workspace: Path, field: str, text: str, told: str) -> None:
    make_dataset()
    at = open_page("train", dataset="posts")
    at.text_input(key=field).set_value(text).run()
    assert told in page_text(at).replace("\\", "")
    assert at.text_input(key=field).value == text


def test_runs_are_listed_with_their_state_and_can_be_cancelled_and_resumed(workspace: Path) -> None:
    config = make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,), state="queued")
    at = open_page("train")
    assert set(next(one.value for one in at.dataframe if "state" in one.value)["state"]) == {"waits"}
    at.button(key="job-Cancel all").click().run()
    assert read_status(run_folder(config.id, "r1-s0-none")).state == "cancelled"
    at.button(key="job-Resume 2 runs").click().run()
    assert read_status(run_folder(config.id, "r1-s0-none")).state == "queued"


@pytest.mark.slow
def test_runs_that_wait_for_ray_are_shown_as_at_work_or_offered_to_be_trained_here(workspace: Path) -> None:
    make_dataset()
    make_sweep(SweepRequest("posts", title="far", ratios=[1, 2], on="ray"))
    own = {"pid": os.getpid(), "pid_created": psutil.Process().create_time(), "machine": this_machine()}
    told = {"ready": True, "ended": False, "address": "ray", "lanes": 7, "busy": 1, "nodes": 2, "message": "*Why.*"}
    write_json(driver_file("far"), {"schema": 1, **own, **told, "heartbeat": ""})
    assert "nothing works on them" not in page_text(open_page("train", experiment="far"))
    write_json(driver_file("far"), {"schema": 1, **own, **told, "heartbeat": "", "ended": True})
    at = open_page("train", experiment="far")
    assert r"the Ray driver has ended. \*Why\.\*" in page_text(at)
    at.button(key="start-worker").click().run()
    assert load_experiment("far").engine == ""


def test_a_failed_run_says_what_to_do_and_folds_the_details(workspace: Path) -> None:
    config = make_experiment(make_dataset(), ratios=(1,), seeds=(0,), state="queued")
    failed = RunStatus(state="failed", message="The disk is *full*.", details="Traceback ...")
    write_status(run_folder(config.id, "r1-s0-none"), failed)
    at = open_page("train")
    assert r"The disk is \*full\*\." in page_text(at)
    assert any("Details of" in one.label for one in at.expander)


def test_finished_runs_lead_to_the_overview(workspace: Path) -> None:
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,))
    assert "All 2 runs are done" in page_text(open_page("train"))


def test_a_checkpoint_that_is_not_there_is_told_and_its_path_kept(workspace: Path, tmp_path: Path) -> None:
    make_dataset()
    at = open_page("train", make="Load a classifier")
    at.text_input(key="checkpoint-path").set_value(str(tmp_path / "none")).run()
    at.button(key="checkpoint-go").click().run()
    assert "There is no classifier folder" in page_text(at)
    assert at.text_input(key="checkpoint-path").value == str(tmp_path / "none")


def test_predictions_made_elsewhere_become_an_experiment(workspace: Path, tmp_path: Path) -> None:
    rows = [
        {"id": f"e{n}", "label": n % 2, "prob": 0.9 if n % 2 else 0.2, "ratio": ratio, "split": split}
        for n in range(60)
        for ratio in (1, 10)
        for split in ["test" if n < 40 else "validation"]
    ]
    path = tmp_path / "predictions.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    at = open_page("train", make="Load predictions")
    at.segmented_control(key="predictions-way").set_value("Path on the server").run()
    at.text_input(key="predictions-path").set_value(str(path)).run()
    at.button(key="predictions-go").click().run()
    assert [one.message for one in at.exception] == []
    config = load_experiment(experiment_ids()[0])
    assert (config.kind, config.ratios) == ("imported", (1, 10))
    assert "Of 20 test positives" in page_text(at)


def test_a_second_experiment_is_opened_when_it_is_queued(workspace: Path) -> None:
    """Its id is bound to the side bar's box then, and Streamlit lets no code set that in the URL."""
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,))
    at = open_page("train", experiment="sweep")
    at.text_input(key="sweep-ratios").set_value("1, 2").run()
    queue(at)
    assert at.query_params["experiment"] == next(one for one in experiment_ids() if one != "sweep")
    assert "0 of 6 runs are done" in page_text(at)


def test_what_is_kept_of_the_classifiers_is_chosen_with_its_size_told(workspace: Path) -> None:
    make_dataset()
    make_tiny_bert(workspace / "tiny")
    at = open_page("train")
    at.text_input(key="sweep-encoder").set_value(str(workspace / "tiny")).run()
    choice = at.get("button_group")
    assert any("MB a run" in option.content for one in choice for option in one.proto.options)
    at.button_group(key="sweep-keep").set_value("head").run()
    at.button(key="sweep-go").click().run()
    assert load_experiment(experiment_ids()[0]).keep == "head"
