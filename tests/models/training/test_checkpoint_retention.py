"""Keeping only the head: the files that stay, the errors where the checkpoint is needed, and training it again."""

import json
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from closecall.cli import explain
from closecall.data.experiments.runs import RunStatus, load_run, read_status, write_status
from closecall.data.experiments.store import (
    ExperimentConfig,
    RunConfig,
    TrainingConfig,
    experiment_folder,
    load_evaluation,
    load_experiment,
    load_run_config,
    run_folder,
)
from closecall.data.io.errors import UserError
from closecall.data.io.files import read_json, write_json
from closecall.models.encoders.checkpoints import checkpoint_of, only_head
from closecall.models.queue.jobs import queue_sweep
from closecall.models.queue.sweeps import SweepRequest, add_remedies, located_model, make_sweep
from closecall.models.training import checkpoint_retention
from closecall.models.training.run import execute
from tests.makers import make_dataset, make_experiment
from tests.models.queue.test_scheduler import small_dataset
from tests.tiny_bert import make_tiny_bert
from tests.tiny_sweep import ignore, never


def make_small_sweep(workspace: Path) -> tuple[ExperimentConfig, RunConfig]:
    """Eight mapped examples: too few for a projection that takes seconds."""
    small_dataset()
    encoder = str(make_tiny_bert(workspace / "tiny-bert"))
    config = make_sweep(
        SweepRequest("small", title="kept", ratios=[1], training=TrainingConfig(encoder, epochs=1, max_tokens=16))
    )
    return config, load_run_config(config.id, "r1-s0-none")


def finish(run: RunConfig) -> Path:
    """Work on a run as a worker process does, to its end."""
    folder = run_folder(run.experiment, run.name)
    write_status(folder, RunStatus(state="running"))
    execute(run, should_stop=never, report=ignore)
    write_status(folder, RunStatus(state="done"))
    return folder


def weights(folder: Path) -> bytes:
    return (folder / "checkpoint" / "model.safetensors").read_bytes()


@pytest.mark.slow
def test_only_the_head_is_kept_and_the_checkpoint_is_restored(workspace: Path) -> None:
    config, plain = make_small_sweep(workspace)
    add_remedies(config.id, ["retrained-head"])
    head = load_run_config(config.id, "r1-s0-retrained-head")
    folder = finish(plain)
    before, whole = weights(folder), load_file(folder / "checkpoint" / "model.safetensors")
    kept = checkpoint_retention.keep(config.id, "head")
    assert (kept.lightened, kept.later) == ((), (plain.name,)), "the re-trained head has yet to begin from it"
    predictions = {name: (folder / name).read_bytes() for name in ("predictions.parquet", "projection.parquet")}

    second = finish(head)
    for one in (folder, second):
        assert only_head(one) and not (one / "checkpoint").exists() and not list(one.glob(".*"))
        assert read_json(one / "head" / "config.json")["model_type"] == "bert"
    stored = load_file(folder / "head" / "head.safetensors")
    assert set(stored) == {name for name in whole if "pooler" in name or name.startswith("classifier.")}
    assert all((stored[name] == whole[name]).all() for name in stored)
    assert checkpoint_of(load_run(config.id, plain.name)) is None
    execute(plain, should_stop=never, report=ignore)  # done is done

    says = f"Only the head of {plain.name} was kept.*closecall keep {config.id} checkpoint"
    for path in (folder, folder / "checkpoint", folder / "head"):
        with pytest.raises(UserError, match=says):
            located_model(str(path), "classifier")
    example = load_evaluation(config.id)["id"].iloc[0]
    with pytest.raises(UserError, match=says):
        explain.why(config.id, example, "1", seed=0)

    kept = checkpoint_retention.keep(config.id, "checkpoint")
    assert kept.again == (plain.name, head.name) and load_experiment(config.id).keep == "checkpoint"
    assert read_status(folder).state == "queued" and (folder / "predictions.parquet").exists()
    with pytest.raises(UserError, match="Only the head"):
        execute(head, should_stop=never, report=ignore)
    finish(plain)
    assert weights(folder) == before and not (folder / "head").exists()
    assert {name: (folder / name).read_bytes() for name in predictions} == predictions
    finish(head)
    assert weights(second) and not (second / checkpoint_retention.TRAIN_AGAIN).exists()


def test_a_kill_between_head_and_checkpoint_leaves_one_of_both(workspace: Path) -> None:
    """Half a removed checkpoint has a name that no reader looks at."""
    config, plain = make_small_sweep(workspace)
    folder = finish(plain)
    (folder / ".checkpoint.gone").mkdir()
    (folder / ".checkpoint.gone" / "model.safetensors").touch()
    kept = checkpoint_retention.keep(config.id, "head")
    assert kept.freed > 0 and kept.lightened == (plain.name,) and only_head(folder) and not list(folder.glob(".*"))
    assert checkpoint_retention.keep(config.id, "head").freed == 0


def test_an_experiment_remembers_what_to_keep(workspace: Path) -> None:
    make_small_sweep(workspace)
    config = queue_sweep(SweepRequest("small", ratios=[1], keep="head"), start=False)
    path = experiment_folder(config.id) / "experiment.json"
    assert load_experiment(config.id).keep == "head" == json.loads(path.read_text())["keep"]
    old = {name: value for name, value in read_json(path).items() if name != "keep"}
    write_json(path, old)  # of an earlier version
    assert load_experiment(config.id).keep == "checkpoint"
    with pytest.raises(UserError, match="checkpoint or head"):
        queue_sweep(SweepRequest("small", ratios=[1], keep="nothing"), start=False)
    with pytest.raises(UserError, match="checkpoint or head"):
        checkpoint_retention.keep(config.id, "nothing")


def test_predictions_made_elsewhere_have_nothing_to_drop(workspace: Path) -> None:
    make_experiment(make_dataset(), "theirs", ratios=(1,), seeds=(0,), with_embeddings=False)
    path = experiment_folder("theirs") / "experiment.json"
    write_json(path, {**read_json(path), "kind": "imported"})
    with pytest.raises(UserError, match="made elsewhere"):
        checkpoint_retention.keep("theirs", "head")


def test_the_size_of_a_checkpoint_is_known_without_fetching_anything(workspace: Path, monkeypatch) -> None:
    monkeypatch.setenv("CLOSECALL_ASSETS", str(workspace / "none"))
    make_tiny_bert(workspace / "tiny-bert")
    assert checkpoint_retention.encoder_bytes(str(workspace / "tiny-bert")) > 10_000
    assert (
        checkpoint_retention.encoder_bytes("minilm") is None
        and checkpoint_retention.encoder_bytes("bert-base-uncased") is None
    )
