"""One run, end to end, on a tiny BERT: its files, and resuming after a stop or a kill."""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from accelerate.state import AcceleratorState
from transformers import AutoModelForSequenceClassification, AutoTokenizer, DistilBertConfig, DistilBertModel

from closecall.data.datasets.store import load_dataset, load_examples
from closecall.data.experiments.plans import training_ids
from closecall.data.experiments.runs import (
    load_dynamics,
    load_embeddings,
    load_metrics,
    load_neighbours,
    load_predictions,
    load_projection,
    load_run,
    save_embeddings,
)
from closecall.data.experiments.store import RunConfig, TrainingConfig, load_evaluation, load_plan, run_folder
from closecall.data.io.errors import UserError
from closecall.data.io.files import read_frame, read_json
from closecall.models.encoders.checkpoints import checkpoint_of
from closecall.models.encoders.loading import load_tokenizer
from closecall.models.explain.classifiers import Classifier
from closecall.models.queue.sweeps import make_checkpoint_run
from closecall.models.runtime import devices
from closecall.models.runtime.child_process import CODE_FOLDER
from closecall.models.runtime.progress import Cancelled, Progress
from closecall.models.training.resume import FILE as RESUME
from closecall.models.training.run import execute
from tests.tiny_bert import make_tiny_bert
from tests.tiny_sweep import LEARNABLE, ignore, make_tiny_sweep, never, runs_of

KILLED = """
import os, sys
from closecall.data.experiments.store import load_run_config
from closecall.models.training import loop
from closecall.models.training.run import execute

loop.SAVE_SECONDS, loop.SAVE_SHARE = 0.0, float("inf")  # a resume file at each step

def work(experiment, name, last_call):
    calls = 0

    def should_stop():
        nonlocal calls
        calls += 1
        if calls == last_call:
            os.kill(os.getpid(), 9)
        return False

    execute(load_run_config(experiment, name), should_stop=should_stop, report=lambda progress: None)

experiments, name, calls = sys.argv[1].split(","), sys.argv[2], sys.argv[3].split(",")
for experiment, call in zip(experiments, calls, strict=True):
    child = os.fork()  # torch is imported once for all that are killed
    if not child:
        work(experiment, name, int(call))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
CALLS = (7, 14, 25)
"""Killed when asked whether to stop for the n-th time: in the first epoch, between the two, in the second, later."""


def finish(run: RunConfig) -> Path:
    execute(run, should_stop=never, report=ignore)
    return run_folder(run.experiment, run.name)


def same_results(one: Path, other: Path) -> None:
    for name in ("predictions.parquet", "projection.parquet", "embedding_rows.parquet"):
        pd.testing.assert_frame_equal(read_frame(one / name), read_frame(other / name), check_exact=True)
    for name in ("embeddings.npy",):
        assert np.array_equal(np.load(one / name), np.load(other / name))
    with np.load(one / "dynamics.npz") as first, np.load(other / "dynamics.npz") as second:
        assert all(np.array_equal(first[key], second[key], equal_nan=key == "pos_probs") for key in first)
    assert read_json(one / "metrics.json")["history"] == read_json(other / "metrics.json")["history"]


def test_a_run_leaves_everything_that_is_promised(workspace: Path) -> None:
    config, (run,) = make_tiny_sweep(workspace)
    seen: list[Progress] = []
    execute(run, should_stop=never, report=seen.append)
    done = load_run(config.id, run.name)
    evaluation, training = load_evaluation(config.id), training_ids(load_plan(config.id), ratio=2, seed=0)

    frame = read_frame(done.folder / "predictions.parquet")
    assert frame["id"].tolist() == evaluation["id"].tolist() and frame["split"].tolist() == evaluation["split"].tolist()
    assert frame.dtypes.astype(str).to_dict() == {
        **{"id": "str", "split": "str", "label": "int8"},
        "pos_prob": "float64",
        **dict.fromkeys(("logit", "logit_negative", "logit_positive"), "float32"),
    }
    np.testing.assert_allclose(frame["logit"], frame["logit_positive"] - frame["logit_negative"], atol=1e-6)
    np.testing.assert_allclose(frame["pos_prob"], 1 / (1 + np.exp(-frame["logit"])), atol=1e-6)

    dynamics = load_dynamics(done)
    assert dynamics.ids.tolist() == training["id"].tolist() and dynamics.pos_probs.shape == (2, len(training))
    rows, embeddings = load_embeddings(done.folder)
    test = evaluation[evaluation["split"] == "test"]
    assert rows["id"].tolist() == [*test["id"], *training["id"]]
    assert set(rows["split"]) == {"test", "train"} and embeddings.shape == (len(rows), 32)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)
    projection = load_projection(done.folder)
    assert projection.columns.tolist() == ["id", "split", "label", "x", "y"]
    assert projection["id"].tolist() == rows["id"].tolist() and np.isfinite(projection[["x", "y"]]).all(axis=None)
    assert not (done.folder / RESUME).exists() and not (done.folder / "test_embeddings.npy").exists()
    phases = list(dict.fromkeys(one.phase for one in seen))
    assert phases == ["loading", "training", "predicting", "embedding", "projecting"]


def test_metrics_record_how_the_run_was_made(workspace: Path) -> None:
    config, (run,) = make_tiny_sweep(workspace)
    finish(run)
    metrics = load_metrics(load_run(config.id, run.name))
    predictions = load_predictions(load_run(config.id, run.name), "validation")
    found = predictions.pos_probs[predictions.labels == 1] >= 0.5
    assert metrics["validation"]["recall"] == pytest.approx(found.mean())
    assert metrics["validation"]["n_positives"] == 13 and metrics["test"]["n_positives"] == 26
    assert 0 <= metrics["test"]["auc"] <= 1 and 0 <= metrics["test"]["average_precision"] <= 1
    assert metrics["steps"] == 2 * -(-(run.n_positives + run.n_negatives) // 16) and metrics["epochs"] == 2
    assert [one["epoch"] for one in metrics["history"]] == [1, 2]
    assert metrics["history"][0]["validation"]["n_positives"] > 0
    assert metrics["dataset_sha256"] == load_dataset("posts").info.content_sha256
    assert metrics["seconds"].keys() == {"loading", "training", "predicting", "embedding", "projecting"}
    assert metrics["device"] == "cpu" and metrics["threads"] == 1 and metrics["precision"] in ("fp32", "bf16")
    assert metrics["versions"]["torch"] == torch.__version__ and metrics["examples_per_second"] > 0


def test_the_checkpoint_is_a_usual_folder(workspace: Path) -> None:
    _, (run,) = make_tiny_sweep(workspace)
    folder = finish(run)
    model = AutoModelForSequenceClassification.from_pretrained(folder / "checkpoint")
    tokenizer = AutoTokenizer.from_pretrained(folder / "checkpoint")
    assert model.config.id2label == {0: "negative", 1: "positive"}
    examples = load_dataset("posts").examples.set_index("id")
    frame = read_frame(folder / "predictions.parquet").iloc[:5]
    texts = examples.loc[frame["id"], "text"].tolist()
    inputs = tokenizer(texts, truncation=True, max_length=24, padding=True, return_tensors="pt")
    with torch.no_grad():
        logits = model(**inputs).logits
    np.testing.assert_allclose(logits, frame[["logit_negative", "logit_positive"]], atol=1e-5)
    assert not list((folder / "checkpoint").glob("*.bin"))


def test_what_can_be_learned_is_learned(workspace: Path) -> None:
    config, (run,) = make_tiny_sweep(workspace, epochs=6, **LEARNABLE)
    finish(run)
    metrics = load_metrics(load_run(config.id, run.name))
    assert metrics["test"]["recall"] > 0.9 and metrics["test"]["true_negative_rate"] > 0.9
    assert metrics["history"][-1]["train"]["nll_positives"] < metrics["history"][0]["train"]["nll_positives"] / 2


def test_twice_on_one_machine_is_the_same_to_the_last_bit(workspace: Path) -> None:
    first, second = (finish(make_tiny_sweep(workspace, title=title)[1][0]) for title in ("one", "two"))
    same_results(first, second)


def test_a_run_killed_anywhere_and_resumed_is_bit_identical(workspace: Path) -> None:
    _, (whole,) = make_tiny_sweep(workspace, title="whole")
    runs = [make_tiny_sweep(workspace, title=f"killed {call}")[1][0] for call in CALLS]
    child = subprocess.run(
        [sys.executable, "-c", KILLED, ",".join(run.experiment for run in runs), whole.name, ",".join(map(str, CALLS))],
        cwd=CODE_FOLDER,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(CODE_FOLDER)},
        capture_output=True,
        text=True,
    )
    assert child.stdout.split() == ["-9"] * len(CALLS), child.stderr
    reference = finish(whole)
    for run in runs:
        assert (run_folder(run.experiment, run.name) / RESUME).exists()
        same_results(reference, finish(run))


def test_stopped_again_and_again_it_ends_the_same(workspace: Path) -> None:
    _, (run,) = make_tiny_sweep(workspace, title="stopped")
    _, (whole,) = make_tiny_sweep(workspace, title="whole")
    for patience in (3, 8, 8):
        answers = iter([False] * patience)
        with pytest.raises(Cancelled):
            execute(run, should_stop=lambda answers=answers: next(answers, True), report=ignore)
    same_results(finish(whole), finish(run))


def test_a_stop_is_obeyed_at_once(workspace: Path) -> None:
    _, (run,) = make_tiny_sweep(workspace, epochs=50)
    asked: list[float] = []

    def should_stop() -> bool:
        if len(asked) < 12:
            asked.append(time.monotonic())
            return False
        return True

    with pytest.raises(Cancelled):
        execute(run, should_stop=should_stop, report=ignore)
    assert time.monotonic() - asked[-1] < 5
    assert (run_folder(run.experiment, run.name) / RESUME).exists()


def test_finished_stages_are_skipped(workspace: Path) -> None:
    _, (run,) = make_tiny_sweep(workspace)
    folder = finish(run)
    kept = {path: path.stat().st_mtime_ns for path in folder.glob("*.parquet")}
    (folder / "projection.parquet").unlink()
    (folder / "embeddings.npy").write_bytes(b"half a file")
    seen: list[Progress] = []
    execute(run, should_stop=never, report=seen.append)
    assert {one.phase for one in seen} == {"loading", "embedding", "projecting"}
    assert (folder / "predictions.parquet").stat().st_mtime_ns == kept[folder / "predictions.parquet"]
    metrics = read_json(folder / "metrics.json")
    assert len(metrics["history"]) == 2 and metrics["seconds"]["training"] > 0
    same = load_projection(folder)
    assert len(same) == len(load_embeddings(folder)[0])


def test_neighbours_are_computed_once_for_the_embeddings_they_belong_to(workspace: Path) -> None:
    _, (run,) = make_tiny_sweep(workspace)
    folder = finish(run)
    rows, embeddings = load_embeddings(folder)
    indices, distances = load_neighbours(folder, len(rows))
    assert np.array_equal(indices[:, 0], np.arange(len(rows))) and indices.shape == distances.shape == (len(rows), 15)
    written = (folder / "neighbours.npz").stat().st_mtime_ns
    (folder / "projection.parquet").unlink()
    finish(run)
    assert (folder / "neighbours.npz").stat().st_mtime_ns == written and len(load_projection(folder)) == len(rows)
    save_embeddings(folder, rows, np.asarray(embeddings)[::-1])
    assert load_neighbours(folder, len(rows)) is None


def test_what_a_kill_left_half_written_is_removed(workspace: Path) -> None:
    _, (run,) = make_tiny_sweep(workspace)
    folder = run_folder(run.experiment, run.name)
    (folder / ".checkpoint.abc" / "new").mkdir(parents=True)
    for name in (".resume.safetensors.abc.safetensors", ".embeddings.npy.abc.npy", ".checkpoint.abc/new/weights"):
        (folder / name).write_bytes(b"half")
    assert {path.name for path in finish(run).glob(".*")} == set()


def test_a_finished_run_is_not_changed_even_without_its_checkpoint(workspace: Path) -> None:
    _, (run,) = make_tiny_sweep(workspace)
    folder = finish(run)
    shutil.rmtree(folder / "checkpoint")
    kept = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert {path: path.stat().st_mtime_ns for path in finish(run).iterdir()} == kept


def test_another_kind_of_model_is_trained_the_usual_way(workspace: Path) -> None:
    _, (run,) = make_tiny_sweep(workspace)
    config = DistilBertConfig(vocab_size=200, dim=32, n_layers=1, n_heads=2, hidden_dim=32, max_position_embeddings=64)
    DistilBertModel(config).save_pretrained(workspace / "tiny-bert")
    folder = finish(run)
    assert read_json(folder / "checkpoint" / "config.json")["architectures"] == ["DistilBertForSequenceClassification"]
    assert load_embeddings(folder)[1].shape[1] == 32


def test_bf16_trains_in_bf16_and_predicts_in_fp32(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, (run,) = make_tiny_sweep(workspace, title="bf16")
    _, (plain,) = make_tiny_sweep(workspace, title="fp32")
    monkeypatch.setattr(devices, "has_bf16", lambda: True)
    AcceleratorState._reset_state(reset_partial_state=True)
    try:
        folder = finish(run)
    finally:
        monkeypatch.undo()
        AcceleratorState._reset_state(reset_partial_state=True)
    monkeypatch.setenv("CLOSECALL_HOME", str(workspace))
    assert read_json(folder / "metrics.json")["precision"] == "bf16"
    logits = read_frame(folder / "predictions.parquet")["logit_positive"].to_numpy()
    rounded = torch.tensor(logits).bfloat16().float().numpy()
    assert not np.array_equal(logits, rounded)
    other = read_frame(finish(plain) / "predictions.parquet")["logit_positive"]
    np.testing.assert_allclose(logits, other, atol=0.05)
    weights = AutoModelForSequenceClassification.from_pretrained(folder / "checkpoint")
    assert {weight.dtype for weight in weights.parameters()} == {torch.float32}


def test_a_loaded_checkpoint_is_predicted_and_embedded(workspace: Path) -> None:
    _, (run,) = make_tiny_sweep(workspace)
    trained = finish(run)
    config = make_checkpoint_run("posts", str(trained / "checkpoint"), ratio=2, training=run.training)
    (loaded,) = runs_of(config)
    folder = finish(loaded)
    ours, theirs = (read_frame(one / "predictions.parquet").set_index("id")["logit"] for one in (trained, folder))
    np.testing.assert_allclose(theirs, ours.loc[theirs.index], atol=1e-5)
    metrics = read_json(folder / "metrics.json")
    output = {"indices": [1], "name": "positive", "outputs": 2, "sigmoid": False, "assumption": ""}
    assert metrics["positive_output"] == output
    assert metrics["kind"] == "checkpoint" and "history" not in metrics
    rows, _ = load_embeddings(folder)
    assert (rows["split"] == "train").sum() == len(load_plan(config.id))
    assert not (folder / "checkpoint").exists() and len(load_projection(folder)) == len(rows)


def test_the_positive_output_is_found_by_its_name(workspace: Path) -> None:
    make_tiny_sweep(workspace)
    names = {"id2label": {0: "Mac", 1: "PC"}, "label2id": {"Mac": 0, "PC": 1}}
    shown = make_tiny_bert(workspace / "shown", labels=2, **names)
    unnamed = make_tiny_bert(workspace / "unnamed", labels=2)
    folders = []
    for checkpoint in (shown, unnamed):
        config = make_checkpoint_run("posts", str(checkpoint), title=checkpoint.name, ratio=1)
        folders.append(finish(replace(runs_of(config)[0], training=replace(config.training, max_tokens=24))))
    one, other = (read_frame(folder / "predictions.parquet") for folder in folders)
    np.testing.assert_allclose(one["logit"], -other["logit"], atol=1e-6)
    first, second = (read_json(folder / "metrics.json")["positive_output"] for folder in folders)
    assert (first["indices"], first["name"], first["assumption"]) == ([0], "Mac", "")
    assert second["indices"] == [1] and "second is taken as positive" in second["assumption"]


HEADS = {
    "one output": (1, {}, (), lambda logits: logits[0].sigmoid()),
    "labels of their own": (3, {"problem_type": "multi_label_classification"}, ("2",), lambda z: z[2].sigmoid()),
    "two of four": (4, {}, ("LABEL_0", "3"), lambda z: z.softmax(0)[[0, 3]].sum()),
}
"""By kind: outputs, changes to the config, `--positive`, and the probability from the logits of one text."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", HEADS)
def test_any_head_gives_the_probability_of_its_kind(workspace: Path, kind: str) -> None:
    outputs, changes, positive, probability = HEADS[kind]
    make_tiny_sweep(workspace)
    source = make_tiny_bert(workspace / "loaded", labels=outputs, initializer_range=0.3, **changes)
    training = TrainingConfig(max_tokens=24)
    config = make_checkpoint_run("posts", str(source), ratio=1, training=training, positive=positive)
    folder = finish(runs_of(config)[0])
    frame = read_frame(folder / "predictions.parquet").set_index("id")["pos_prob"]
    texts = load_examples("posts", ["id", "text"]).set_index("id")["text"]
    ids = [one for one in frame.index if texts[one].isascii()][:20]
    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(source).eval(), load_tokenizer(str(source))
    with torch.inference_mode():
        given = [tokenizer(texts[one], truncation=True, max_length=24, return_tensors="pt") for one in ids]
        expected = [float(probability(model(**one).logits[0].double())) for one in given]
    assert np.ptp(expected) > 0.05
    np.testing.assert_allclose(frame.loc[ids], expected, atol=1e-5)
    checkpoint = checkpoint_of(load_run(config.id, "r1-s0-none"))
    assert checkpoint is not None
    explained = Classifier(checkpoint).log_odds([texts[one] for one in ids])
    np.testing.assert_allclose(1 / (1 + np.exp(-explained)), expected, atol=1e-5)


def test_problems_that_the_user_can_fix_are_user_errors(workspace: Path) -> None:
    _, (run,) = make_tiny_sweep(workspace)
    three = make_tiny_bert(workspace / "three", labels=3)
    for changes, sentence in (
        ({"remedy": "prayer"}, "remedy prayer is not known"),
        ({"checkpoint": str(three)}, "has 3 outputs"),
        ({"training": replace(run.training, max_tokens=65)}, "at most 64 tokens"),
        ({"training": replace(run.training, encoder="/gone")}, "There is no folder /gone"),
    ):
        with pytest.raises(UserError, match=sentence):
            execute(replace(run, **changes), should_stop=never, report=ignore)
