"""Datasets, experiments and runs as files."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

from closecall.data.datasets.store import (
    Dataset,
    content_hash,
    dataset_names,
    delete_dataset,
    load_dataset,
    load_info,
    save_dataset,
)
from closecall.data.experiments.runs import (
    Predictions,
    RunStatus,
    load_dynamics,
    load_embeddings,
    load_predictions,
    load_run,
    load_runs,
    read_status,
    save_embeddings,
    write_status,
)
from closecall.data.experiments.store import (
    ExperimentConfig,
    RunConfig,
    TrainingConfig,
    add_run,
    experiment_folder,
    fresh_experiment_id,
    load_experiment,
    load_run_config,
    run_folder,
    run_name,
    run_names,
)
from closecall.data.io.errors import UserError
from closecall.data.io.workspace import slug, workspace_folder
from tests.makers import make_dataset, make_experiment


def test_the_workspace_is_the_folder_in_the_variable(workspace: Path) -> None:
    assert workspace_folder() == workspace.resolve()


def test_a_workspace_that_cannot_be_made_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CLOSECALL_HOME", str(tmp_path / "file" / "below"))
    with pytest.raises(UserError, match="CLOSECALL_HOME"):
        workspace_folder()


@pytest.mark.parametrize(
    ("title", "name"),
    [("Äpfel & Birnen", "apfel-birnen"), ("../../etc", "etc"), ("😀", "unnamed"), ("a" * 99, "a" * 60)],
)
def test_slugs_are_safe_folder_names(title: str, name: str) -> None:
    assert slug(title) == name


def test_a_dataset_comes_back(workspace: Path) -> None:
    saved = make_dataset("posts")
    loaded = load_dataset("posts")
    assert loaded.info == saved.info
    pd.testing.assert_frame_equal(loaded.examples, saved.examples, check_dtype=False)
    assert loaded.info.content_sha256 == content_hash(loaded.examples)
    assert dataset_names() == ["posts"]


def test_the_hash_follows_text_label_and_split(workspace: Path) -> None:
    examples = make_dataset("posts").examples
    first = content_hash(examples)
    for column, value in (("text", "other"), ("label", 0), ("split", "validation"), ("id", "other")):
        changed = examples.copy()
        changed.loc[0, column] = value
        assert content_hash(changed) != first, column


def test_a_taken_name_is_refused_and_nothing_is_lost(workspace: Path) -> None:
    dataset = make_dataset("posts")
    with pytest.raises(UserError, match="already"):
        save_dataset(dataset)
    assert len(load_dataset("posts").examples) == len(dataset.examples)


@pytest.mark.parametrize("name", ["../out", "", "a/b", ".hidden", "a b"])
def test_names_that_leave_the_folder_are_refused(workspace: Path, name: str) -> None:
    with pytest.raises(UserError):
        load_info(name)


def test_unknown_names_list_the_known(workspace: Path) -> None:
    make_dataset("posts")
    with pytest.raises(UserError, match="Known datasets: posts"):
        load_dataset("postz")
    with pytest.raises(UserError, match="none yet"):
        load_experiment("sweep")


def test_an_id_twice_is_refused(workspace: Path) -> None:
    dataset = make_dataset("posts")
    examples = dataset.examples.copy()
    examples.loc[1, "id"] = examples.loc[0, "id"]
    with pytest.raises(UserError, match="twice"):
        Dataset(dataset.info, examples, dataset.set_aside, dataset.conflicts)


def test_deleting_a_dataset(workspace: Path) -> None:
    make_dataset("posts")
    delete_dataset("posts")
    assert dataset_names() == []


def test_an_experiment_comes_back(workspace: Path) -> None:
    config = make_experiment(make_dataset(), ratios=(1, 1.5, 3), seeds=(0, 1))
    assert load_experiment("sweep") == config
    assert run_names("sweep")[:3] == ["r1-s0-none", "r1-s1-none", "r1.5-s0-none"]
    run = load_run("sweep", "r1.5-s0-none")
    assert run.config.training == config.training
    assert run.status.state == "done"
    assert fresh_experiment_id("sweep") == "sweep-2"


def test_a_run_is_added_once(workspace: Path) -> None:
    make_experiment(make_dataset(), ratios=(1, 2), seeds=(0,))
    add_run(RunConfig("sweep", 20, 0))
    assert run_names("sweep")[-1] == run_name(20, 0)
    with pytest.raises(UserError, match="already"):
        add_run(RunConfig("sweep", 20, 0))


@pytest.mark.parametrize(
    "wrong",
    [
        {"ratios": ()},
        {"ratios": (0,)},
        {"ratios": (1, 1)},
        {"ratios": (2000,)},
        {"seeds": ()},
        {"seeds": (-1,)},
        {"seeds": (1, 1)},
        {"sweep": "D"},
        {"kind": "guessed"},
    ],
)
def test_impossible_experiments_are_refused(wrong: dict) -> None:
    with pytest.raises(UserError):
        ExperimentConfig(id="x", title="x", dataset="posts", **wrong)


@pytest.mark.parametrize(
    "wrong", [{"epochs": 0}, {"learning_rate": 2.0}, {"batch_size": 0}, {"max_tokens": 4}, {"encoder": " "}]
)
def test_impossible_training_is_refused(wrong: dict) -> None:
    with pytest.raises(UserError):
        TrainingConfig(**wrong)


def test_a_config_of_another_version_is_named(workspace: Path) -> None:
    make_experiment(make_dataset(), ratios=(1,), seeds=(0,))
    path = experiment_folder("sweep") / "experiment.json"
    path.write_text(path.read_text().replace('"schema": 1', '"schema": 9'))
    with pytest.raises(UserError, match="another version"):
        load_experiment("sweep")
    path = run_folder("sweep", "r1-s0-none") / "config.json"
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 0, "surprise": 1'))
    with pytest.raises(UserError, match="surprise"):
        load_run_config("sweep", "r1-s0-none")


def test_a_running_run_of_a_dead_process_is_interrupted(tmp_path: Path) -> None:
    own = psutil.Process(os.getpid())
    alive = RunStatus(state="running", pid=own.pid, pid_created=own.create_time())
    write_status(tmp_path, alive)
    assert read_status(tmp_path).state == "running"
    write_status(tmp_path, replace(alive, pid_created=own.create_time() - 100))
    assert read_status(tmp_path).state == "interrupted"
    write_status(tmp_path, replace(alive, pid=2**22 + 1))
    assert read_status(tmp_path).state == "interrupted"


def test_predictions_dynamics_and_embeddings_come_back(workspace: Path) -> None:
    make_experiment(make_dataset(positives=30, negatives=90), ratios=(1, 2), seeds=(0,))
    run = load_runs("sweep")[1]
    test = load_predictions(run, "test")
    assert len(test.ids) == 40
    np.testing.assert_allclose(test.pos_probs, 1 / (1 + np.exp(-test.logits)), atol=1e-6)
    dynamics = load_dynamics(run)
    assert dynamics.pos_probs.shape == (3, run.config.n_positives + run.config.n_negatives)
    rows, embeddings = load_embeddings(run.folder)
    assert embeddings.shape == (len(rows), 16)


def test_embeddings_without_their_rows_are_refused(tmp_path: Path) -> None:
    rows = pd.DataFrame({"id": ["a", "b"], "split": "test", "label": [0, 1]})
    save_embeddings(tmp_path, rows, np.eye(2))
    np.save(tmp_path / "embeddings.npy", np.eye(3))
    with pytest.raises(UserError, match="3 embeddings for 2 rows"):
        load_embeddings(tmp_path)


def test_predictions_check_themselves() -> None:
    one = np.array([0.5])
    with pytest.raises(UserError):
        Predictions(np.array(["a"]), np.array([1]), np.array([0.1, 0.2]), one)
    with pytest.raises(UserError, match="between 0 and 1"):
        Predictions(np.array(["a"]), np.array([1]), np.array([1.2]), one)
