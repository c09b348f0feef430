"""The Train page: queue a sweep, show progress, cancel and resume, load a classifier, import predictions.

No run is trained here.
"""

import os
from pathlib import Path

import pandas as pd
import psutil
import pytest
from streamlit.testing.v1 import AppTest

import closecall.models.queue.jobs
from closecall.data.experiments.previews import load_previews
from closecall.data.experiments.runs import RunStatus, load_run, read_status, save_metrics, write_status
from closecall.data.experiments.store import (
    TrainingConfig,
    experiment_ids,
    load_experiment,
    load_run_config,
    run_folder,
)
from closecall.data.io.files import write_json
from closecall.data.io.processes import this_machine
from closecall.models.queue.backends import driver_file
from closecall.models.queue.sweeps import SweepRequest, make_checkpoint_run, make_sweep
from closecall.models.runtime import extras
from tests.makers import make_dataset, make_experiment
from tests.pages_driver import headline_of, keys_of, link_targets, open_page, page_text, table_with
from tests.tiny_bert import make_tiny_bert


@pytest.fixture(autouse=True)
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Queueing writes the real folders; only the worker process is not started."""
    monkeypatch.setattr(closecall.models.queue.jobs, "ensure_scheduler", lambda: None)


def queue(at: AppTest) -> AppTest:
    at.button(key="sweep-go").click().run()
    assert [one.message for one in at.exception] == []
    return at


def test_an_empty_workspace_offers_the_demos_and_links_to_the_data_page(workspace: Path) -> None:
    at = open_page("train")
    assert {"demo-0", "demo-1"} <= keys_of(at, "button")
    assert ("data", "") in link_targets(at) and "sweep-go" not in keys_of(at, "button")


@pytest.mark.parametrize("part", ["Train a sweep", "Load a classifier"])
def test_without_the_training_packages_the_forms_say_what_to_install(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    monkeypatch.setattr(extras, "TRAINING_PACKAGES", ("no_such_package",))
    make_dataset()
    at = open_page("train", make=part)
    assert "closecall[train]" in at.info[0].value.replace("\\", "")
    assert not {"sweep-go", "checkpoint-go"} & keys_of(at, "button")


def test_without_the_training_packages_predictions_can_be_imported(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "TRAINING_PACKAGES", ("no_such_package",))
    at = open_page("train", make="Load predictions")
    assert at.segmented_control(key="predictions-way").value == "Upload"


def test_a_sweep_is_queued_as_it_was_configured(workspace: Path) -> None:
    make_dataset()
    at = open_page("train", dataset="posts")
    at.text_input(key="sweep-ratios").set_value("1, 3").run()
    at.text_input(key="sweep-seeds").set_value("0,7").run()
    at.text_input(key="sweep-title").set_value("My *sweep*").run()
    queue(at)
    config = load_experiment(experiment_ids()[0])
    assert (config.ratios, config.seeds, config.title) == ((1, 3), (0, 7), "My *sweep*")
    assert "0 of 4 runs" in headline_of(at)
    assert r"My \*sweep\*" in page_text(at)


def test_a_link_fills_the_form_in_with_fewer_positives(workspace: Path) -> None:
    make_dataset(positives=160, negatives=800)
    make_sweep(
        SweepRequest("posts", title="source", ratios=[1, 3], positives=64, test_negatives_cap=50, seeds=[0, 4],
                     training=TrainingConfig(epochs=2, max_tokens=40))
    )  # fmt: skip
    at = open_page("train", experiment="source", make="Train a sweep", fill="positives")
    assert "8, 16, 32 and 64 training positives" in page_text(at) and "192 negatives" in page_text(at)
    queue(at)
    config = next(one for one in map(load_experiment, experiment_ids()) if one.sweep == "fixed_negatives")
    assert (config.dataset, config.ratios, config.positives) == ("posts", (3, 6, 12, 24), 64)
    assert config.seeds == (0, 1, 2) and config.test_negatives_cap == 50
    assert (config.training.epochs, config.training.max_tokens) == (2, 40)
    counts = [load_run(config.id, f"r{ratio}-s0-none").config for ratio in (3, 6, 12, 24)]
    assert [(one.n_positives, one.n_negatives) for one in counts] == [(64, 192), (32, 192), (16, 192), (8, 192)]


def test_the_form_is_filled_in_once(workspace: Path) -> None:
    make_dataset()
    make_sweep(SweepRequest("posts", title="source", ratios=[1, 2], positives=16))
    at = open_page("train", experiment="source", make="Train a sweep", fill="positives")
    assert at.text_input(key="sweep-ratios").value == "2, 4, 8, 16"
    at.text_input(key="sweep-ratios").set_value("1, 2").run()
    assert at.text_input(key="sweep-ratios").value == "1, 2"
    at.selectbox(key="sweep-kind").set_value("fixed_positives").run()
    assert "Filled in from" not in page_text(at)


def test_a_preview_is_queued_when_it_is_chosen(workspace: Path) -> None:
    make_dataset()
    at = open_page("train", dataset="posts")
    at.text_input(key="sweep-ratios").set_value("1, 3").run()
    at.toggle(key="sweep-preview").set_value(True).run()
    queue(at)
    previews = load_previews(experiment_ids()[0])
    assert [(one.kind, one.ratio, one.status.state) for one in previews] == [
        (kind, ratio, "queued") for kind in ("linear", "prefix") for ratio in (1.0, 3.0)
    ]
    assert table_with(at, "state").iloc[0][["state", "step"]].tolist() == ["queued", "0 of 4 parts"]


def test_an_impossible_ratio_shows_an_error_before_queueing(workspace: Path) -> None:
    make_dataset()
    at = open_page("train", dataset="posts")
    at.number_input(key="sweep-positives-posts").set_value(41).run()
    assert "1:4.8" in at.error[0].value.replace("\\", "")
    assert "sweep-go" not in keys_of(at, "button") and experiment_ids() == []


@pytest.mark.parametrize(("field", "text", "message"), [
    ("sweep-ratios", "one, two", "one is not a ratio"),
    ("sweep-ratios", "1, 1", "different numbers"),
    ("sweep-seeds", "0.5", "is not a whole number"),
])  # fmt: skip
def test_invalid_input_shows_an_error_and_is_kept(workspace: Path, field: str, text: str, message: str) -> None:
    make_dataset()
    at = open_page("train", dataset="posts")
    at.text_input(key=field).set_value(text).run()
    assert message in at.error[0].value.replace("\\", "")
    assert at.text_input(key=field).value == text


def test_runs_are_listed_with_their_state_and_can_be_cancelled_and_resumed(workspace: Path) -> None:
    config = make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,), state="queued")
    at = open_page("train")
    assert set(table_with(at, "state")["state"]) == {"queued"}
    at.button(key="job-Cancel all").click().run()
    assert read_status(run_folder(config.id, "r1-s0-none")).state == "cancelled"
    at.button(key="job-Resume 2 runs").click().run()
    assert read_status(run_folder(config.id, "r1-s0-none")).state == "queued"


@pytest.mark.slow
def test_runs_queued_for_ray_can_continue_here_when_the_driver_has_ended(workspace: Path) -> None:
    make_dataset()
    make_sweep(SweepRequest("posts", title="far", ratios=[1, 2], on="ray"))
    own = {"pid": os.getpid(), "pid_created": psutil.Process().create_time(), "machine": this_machine()}
    state = {"ready": True, "ended": False, "address": "ray", "lanes": 7, "busy": 1, "nodes": 2, "message": "*Why.*"}
    write_json(driver_file("far"), {"schema": 1, **own, **state, "heartbeat": ""})
    assert "start-worker" not in keys_of(open_page("train", experiment="far"), "button")
    write_json(driver_file("far"), {"schema": 1, **own, **state, "heartbeat": "", "ended": True})
    at = open_page("train", experiment="far")
    assert r"\*Why\.\*" in at.warning[0].value
    at.button(key="start-worker").click().run()
    assert load_experiment("far").backend == ""


def test_a_failed_run_shows_its_message_and_its_details_in_an_expander(workspace: Path) -> None:
    config = make_experiment(make_dataset(), ratios=(1,), seeds=(0,), state="queued")
    failed = RunStatus(state="failed", message="The disk is *full*.", details="Traceback ...")
    write_status(run_folder(config.id, "r1-s0-none"), failed)
    at = open_page("train")
    assert r"The disk is \*full\*\." in at.warning[0].value
    assert [one.value for expander in at.expander for one in expander.code] == ["Traceback ..."]


def test_finished_runs_link_to_the_overview(workspace: Path) -> None:
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,))
    assert ("", "experiment=sweep") in link_targets(open_page("train"))


def test_a_missing_checkpoint_shows_an_error_and_its_path_is_kept(workspace: Path, tmp_path: Path) -> None:
    make_dataset()
    at = open_page("train", make="Load a classifier")
    at.text_input(key="checkpoint-path").set_value(str(tmp_path / "none")).run()
    at.button(key="checkpoint-go").click().run()
    assert len(at.error) == 1
    assert at.text_input(key="checkpoint-path").value == str(tmp_path / "none")


def test_a_model_that_cannot_be_used_queues_nothing_until_it_is_changed(workspace: Path) -> None:
    make_dataset()
    unfit = make_tiny_bert(workspace / "unfit", labels=2)
    config = (unfit / "config.json").read_text()
    (unfit / "config.json").write_text(config.replace('"intermediate_size": 64', '"intermediate_size": 96'))
    many = make_tiny_bert(workspace / "many", labels=3)
    at = open_page("train", make="Load a classifier")
    at.number_input(key="checkpoint-tokens").set_value(32)
    for folder, sentence in ((unfit, "do not fit"), (many, "3 outputs")):
        at.text_input(key="checkpoint-path").set_value(str(folder))
        at.button(key="checkpoint-go").click().run()
        assert len(at.error) == 1 and sentence in at.error[0].value and experiment_ids() == []
    at.text_input(key="checkpoint-positive").set_value("0, 2")
    at.button(key="checkpoint-go").click().run()
    assert load_run_config(experiment_ids()[0], "r1-s0-none").positive == ("0", "2")


def test_what_was_assumed_about_a_loaded_classifier_is_shown(workspace: Path) -> None:
    make_dataset()
    named = make_tiny_bert(workspace / "unnamed", labels=2)
    config = make_checkpoint_run("posts", str(named), ratio=1)
    folder = run_folder(config.id, "r1-s0-none")
    save_metrics(folder, {"positive_output": {"indices": [1], "assumption": "The *second* is positive."}})
    at = open_page("train", experiment=config.id)
    assert [one.value for one in at.info] == [r"The \*second\* is positive\."]


def test_imported_predictions_become_an_experiment(workspace: Path, tmp_path: Path) -> None:
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


def test_a_second_experiment_is_opened_when_it_is_queued(workspace: Path) -> None:
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,))
    at = open_page("train", experiment="sweep")
    at.text_input(key="sweep-ratios").set_value("1, 2").run()
    queue(at)
    assert at.query_params["experiment"] == next(one for one in experiment_ids() if one != "sweep")
    assert "0 of 6 runs" in headline_of(at)


def test_the_part_of_the_classifier_to_keep_is_chosen_by_its_size(workspace: Path) -> None:
    make_dataset()
    make_tiny_bert(workspace / "tiny")
    at = open_page("train")
    at.text_input(key="sweep-encoder").set_value(str(workspace / "tiny")).run()
    at.number_input(key="sweep-tokens").set_value(64).run()
    choice = at.get("button_group")
    assert any("MB a run" in option.content for one in choice for option in one.proto.options)
    at.button_group(key="sweep-keep").set_value("head").run()
    at.button(key="sweep-go").click().run()
    assert load_experiment(experiment_ids()[0]).keep == "head"
