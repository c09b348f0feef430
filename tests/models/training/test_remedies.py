"""Every remedy as a run: its files, its place in the queue, and resuming after a stop or a kill."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.covariance import LedoitWolf
from sklearn.linear_model import LogisticRegression

from closecall.analysis.metrics.calibration import log_odds, probabilities
from closecall.analysis.metrics.ranking import auc
from closecall.data.experiments.remedies import (
    METHODS,
    NO_REMEDY,
    REMEDIES,
    find_remedy,
    remedy_title,
    trained_remedies,
)
from closecall.data.experiments.runs import RunStatus, load_run, read_status, write_status
from closecall.data.experiments.store import load_evaluation, load_experiment, load_run_config, run_folder, run_names
from closecall.data.experiments.task_folders import task_folder
from closecall.data.io.errors import UserError
from closecall.data.io.files import read_frame, read_json, write_json
from closecall.models.encoders.inference import run_inference
from closecall.models.encoders.loading import load_checkpoint
from closecall.models.queue.estimate import estimate_remedies
from closecall.models.queue.jobs import queue_remedies, queue_sweep
from closecall.models.queue.scheduler import Scheduler
from closecall.models.queue.sweeps import SweepRequest, add_remedies
from closecall.models.queue.tasks import next_task, training_work
from closecall.models.runtime.progress import Cancelled
from closecall.models.training.baselines import FEATURES, ONE_CLASS
from closecall.models.training.head_retraining import head_layer
from closecall.models.training.losses import LOSSES
from closecall.models.training.resume import FILE as RESUME
from closecall.models.training.run import execute
from closecall.models.training.run_data import run_data_of, training_fingerprint
from closecall.models.training.samplers import LOG_ODDS_SHIFTS, SAMPLERS
from closecall.models.training.throughput import Throughput, save_throughput
from tests.makers import make_experiment
from tests.models.training.test_run import CODE_FOLDER, KILLED, finish, same_results
from tests.tiny_sweep import LEARNABLE, ignore, make_tiny_sweep

ALL = [one.name for one in REMEDIES]
TUNED = [one.name for one in REMEDIES if one.fine_tunes]


def queue_remedies_of(workspace: Path, remedies: list[str], **more):
    config, (plain,) = make_tiny_sweep(workspace, **more)
    add_remedies(config.id, remedies)
    return config, plain, [load_run_config(config.id, f"r2-s0-{one}") for one in remedies]


def finish_baseline(run) -> None:
    finish(run)
    write_status(run_folder(run.experiment, run.name), RunStatus(state="done"))


@pytest.mark.slow
def test_every_remedy_is_trained_in_a_worker_process(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work_through(workspace, ALL, monkeypatch)


def test_a_worker_trains_what_is_queued(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The quick remedies; the slow test above has all."""
    work_through(workspace, ["tfidf-logistic", "one-class-knn"], monkeypatch, plain_too=False)


def work_through(
    workspace: Path, remedies: list[str], monkeypatch: pytest.MonkeyPatch, *, plain_too: bool = True
) -> None:
    """A real scheduler with one worker process trains the baseline and the remedies; all promised files must exist."""
    monkeypatch.setenv("CLOSECALL_PROCESSES", "1")
    config, plain, runs = queue_remedies_of(workspace, remedies, epochs=1)
    if not plain_too:
        for name in (plain.name, "frozen"):
            write_status(task_folder(config.id, name), RunStatus(state="cancelled"))
    worker = Scheduler()
    try:
        worker.run()
    finally:
        worker.close()
    shown = {run.name: read_status(run_folder(config.id, run.name)) for run in runs}
    assert {name: (one.state, one.message) for name, one in shown.items()} == dict.fromkeys(shown, ("done", ""))
    evaluation = load_evaluation(config.id)
    for run in runs:
        done = load_run(config.id, run.name)
        frame = read_frame(done.folder / "predictions.parquet")
        assert frame["id"].tolist() == evaluation["id"].tolist() and np.isfinite(frame["logit"]).all()
        assert set(frame.dtypes.astype(str)) == {"str", "int8", "float64", "float32"}
        np.testing.assert_allclose(frame["logit"], frame["logit_positive"] - frame["logit_negative"], atol=1e-5)
        metrics = read_json(done.folder / "metrics.json")
        assert metrics["remedy"] == run.remedy and 0 <= metrics["test"]["auc"] <= 1
        assert metrics["seconds"]["training"] > 0
        tuned = find_remedy(run.remedy).fine_tunes
        assert done.has_projection == done.has_embeddings == (done.checkpoint / "config.json").exists() == tuned
        assert not (done.folder / RESUME).exists()
    scores = [read_frame(run_folder(config.id, run.name) / "predictions.parquet")["logit"] for run in runs]
    assert len({one.to_numpy().tobytes() for one in scores}) == len(runs)


def test_a_finished_remedy_is_not_computed_again(workspace: Path) -> None:
    _, _, runs = queue_remedies_of(workspace, ["tfidf-logistic", "under-sampling"], epochs=1)
    for run in runs:
        folder = finish(run)
        kept = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
        assert {path: path.stat().st_mtime_ns for path in finish(run).iterdir()} == kept


def test_simple_remedies_learn_what_can_be_learned(workspace: Path) -> None:
    _, _, runs = queue_remedies_of(
        workspace, ["tfidf-logistic", "one-class-knn", "one-class-svm", "one-class-mahalanobis"]
    )
    areas = [read_json(finish(run) / "metrics.json")["test"]["auc"] for run in runs]
    assert areas[0] > 0.95 and len(set(areas)) == len(areas)


def test_the_simple_models_are_scikit_learns_own(workspace: Path) -> None:
    _, _, (run,) = queue_remedies_of(workspace, ["frozen-logistic"])
    frame = read_frame(finish(run) / "predictions.parquet")
    record = read_json(run_folder(run.experiment, run.name) / "metrics.json")["remedy_record"]
    data = run_data_of(run, lambda: None)
    from closecall.models.encoders.loading import load_encoder

    encoder = load_encoder(run.training.encoder)
    own, asked = (
        run_inference(encoder, data.tokens, rows["place"].to_numpy(), score=False).embeddings
        for rows in (data.training, data.evaluation)
    )
    theirs = LogisticRegression(C=record["inverse_penalty"], max_iter=5000).fit(own, data.training["label"])
    np.testing.assert_allclose(frame["logit"], theirs.decision_function(asked), atol=0.02)


def test_every_remedy_has_its_code_and_every_code_its_remedy() -> None:
    by_kind = {kind: {one.name for one in REMEDIES if one.kind == kind} for kind in {one.kind for one in REMEDIES}}
    assert by_kind == {
        "loss": set(LOSSES),
        "sampling": set(SAMPLERS),
        "simple": set(FEATURES),
        "one-class": set(ONE_CLASS),
        "head": {"retrained-head"},
    }
    assert {one.name for one in REMEDIES if one.balanced_to} == set(SAMPLERS) and set(LOG_ODDS_SHIFTS) <= set(SAMPLERS)
    assert all(one.help and one.title for one in METHODS)


def test_one_class_scores_use_positives_only() -> None:
    rng = np.random.default_rng(0)
    positives = rng.normal(size=(40, 8)) + np.r_[4, np.zeros(7)]
    positives /= np.linalg.norm(positives, axis=1, keepdims=True)
    queried = np.concatenate([positives[:5], -positives[:5]])
    for name in ONE_CLASS:
        scores = ONE_CLASS[name](positives, queried)
        assert scores[:5].min() > scores[5:].max()
    distances = [
        (one - positives.mean(0)) @ np.linalg.inv(LedoitWolf().fit(positives).covariance_) @ (one - positives.mean(0))
        for one in queried
    ]
    np.testing.assert_allclose(ONE_CLASS["one-class-mahalanobis"](positives, queried) ** 2, distances)
    nearest = [np.sort(positives @ one)[-5:].mean() for one in queried]
    np.testing.assert_allclose(ONE_CLASS["one-class-knn"](positives, queried), nearest)


def test_a_retrained_head_keeps_the_encoder(workspace: Path) -> None:
    _, plain, (run,) = queue_remedies_of(workspace, ["retrained-head"], epochs=3, **LEARNABLE)
    finish_baseline(plain)
    folder = finish(run)
    before, after = (
        load_checkpoint(str(run_folder(plain.experiment, one.name) / "checkpoint")) for one in (plain, run)
    )
    changed = [
        name
        for (name, one), other in zip(before.state_dict().items(), after.state_dict().values(), strict=True)
        if not torch.equal(one, other)
    ]
    assert changed == ["classifier.weight", "classifier.bias"]
    record = read_json(folder / "metrics.json")["remedy_record"]
    assert record["from"] == "r2-s0-none" and record["inverse_penalty"] > 0
    data = run_data_of(run, lambda: None)
    logits = run_inference(after, data.tokens, data.evaluation["place"].to_numpy()).logits
    frame = read_frame(folder / "predictions.parquet")
    np.testing.assert_allclose(frame["logit"], logits[:, 1] - logits[:, 0], atol=1e-4)
    assert auc(frame["label"], frame["logit"])[0] > 0.9


def test_a_head_waits_for_its_baseline_and_names_what_is_missing(workspace: Path) -> None:
    config, plain, (run,) = queue_remedies_of(workspace, ["retrained-head"])
    folder = run_folder(config.id, plain.name)
    write_status(folder, RunStatus(state="queued"))
    assert next_task(processes=1, taken={(config.id, plain.name)}).name == "frozen"
    write_status(folder, RunStatus(state="cancelled"))
    assert next_task(processes=1, taken={(config.id, plain.name)}).name == run.name
    with pytest.raises(UserError, match="Finish r2-s0-none first, then resume"):
        finish(run)


def test_under_sampling_is_corrected_in_the_classifier_itself(workspace: Path) -> None:
    _, _, (run,) = queue_remedies_of(workspace, ["under-sampling"], epochs=1)
    folder = finish(run)
    model = load_checkpoint(str(folder / "checkpoint"))
    data = run_data_of(run, lambda: None)
    places = data.evaluation["place"].to_numpy()
    logits = run_inference(model, data.tokens, places).logits
    frame = read_frame(folder / "predictions.parquet")
    np.testing.assert_allclose(frame["logit"], logits[:, 1] - logits[:, 0], atol=1e-5)
    kept = run.n_positives / run.n_negatives
    with torch.no_grad():
        head_layer(model).bias[1] -= np.log(kept)  # as it was trained
    raw = run_inference(model, data.tokens, places).logits.astype(np.float64)
    undone = probabilities(raw[:, 1] - raw[:, 0] + np.log(kept))
    np.testing.assert_allclose(frame["logit"], log_odds(undone), atol=1e-4)
    metrics = read_json(folder / "metrics.json")
    assert metrics["steps"] == -(-2 * run.n_positives // 16) and metrics["epochs"] == 1


def test_over_sampling_takes_the_steps_of_both_classes_made_equal(workspace: Path) -> None:
    _, _, (run,) = queue_remedies_of(workspace, ["over-sampling"])
    metrics = read_json(finish(run) / "metrics.json")
    assert metrics["steps"] == 2 * -(-2 * run.n_negatives // 16) and metrics["epochs"] == 2
    seen = metrics["history"][0]["train"]
    assert (seen["n_positives"], seen["n_negatives"]) == (run.n_positives, run.n_negatives)


@pytest.mark.parametrize("remedy", ["over-sampling", "focal"])
def test_a_stopped_and_resumed_run_is_bit_identical(workspace: Path, remedy: str) -> None:
    (run,) = queue_remedies_of(workspace, [remedy], title="stopped")[2]
    (whole,) = queue_remedies_of(workspace, [remedy], title="whole")[2]
    for patience in (6, 9, 11):
        answers = iter([False] * patience)
        with pytest.raises(Cancelled):
            execute(run, should_stop=lambda answers=answers: next(answers, True), report=ignore)
    assert (run_folder(run.experiment, run.name) / RESUME).exists()
    same_results(finish(whole), finish(run))


@pytest.mark.slow
@pytest.mark.parametrize("remedy", ["over-sampling", "focal"])
def test_a_killed_and_resumed_run_is_bit_identical(workspace: Path, remedy: str) -> None:
    calls = (9, 24)  # in the first epoch, in the second; killed when asked for the n-th time whether to stop
    *_, (whole,) = queue_remedies_of(workspace, [remedy], title="whole")
    runs = [queue_remedies_of(workspace, [remedy], title=f"killed {call}")[2][0] for call in calls]
    names = ",".join(run.experiment for run in runs)
    child = subprocess.run(
        [sys.executable, "-c", KILLED, names, whole.name, ",".join(map(str, calls))],
        cwd=CODE_FOLDER,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(CODE_FOLDER)},
        capture_output=True,
        text=True,
    )
    assert child.stdout.split() == ["-9"] * len(calls), child.stderr
    reference = finish(whole)
    for run in runs:
        assert (run_folder(run.experiment, run.name) / RESUME).exists()
        same_results(reference, finish(run))


@pytest.mark.slow
def test_stopped_simple_remedies_and_heads_end_the_same(workspace: Path) -> None:
    names = ["frozen-logistic", "retrained-head"]
    _, plain, runs = queue_remedies_of(workspace, names, title="stopped", epochs=1)
    _, other_plain, others = queue_remedies_of(workspace, names, title="never stopped", epochs=1)
    finish_baseline(plain)
    finish_baseline(other_plain)
    for run, other in zip(runs, others, strict=True):
        for patience in (2, 5, 8, 12):
            answers = iter([False] * patience)
            try:
                execute(run, should_stop=lambda answers=answers: next(answers, True), report=ignore)
            except Cancelled:
                continue
        frames = [read_frame(finish(one) / "predictions.parquet") for one in (run, other)]
        pd.testing.assert_frame_equal(*frames, check_exact=True)
        records = [read_json(run_folder(one.experiment, one.name) / "metrics.json") for one in (run, other)]
        assert "remedy_record" in records[0] and records[0]["kind"] == records[1]["kind"]


def test_the_remedy_is_part_of_the_fingerprint(workspace: Path) -> None:
    _, plain, (run,) = queue_remedies_of(workspace, ["focal"])
    prints = {training_fingerprint(one, run_data_of(one, lambda: None), 10) for one in (plain, run)}
    assert len(prints) == 2


def test_remedies_join_an_experiment_once(workspace: Path) -> None:
    config, _ = make_tiny_sweep(workspace, ratios=(1, 2))
    fresh = queue_remedies(config.id, ["focal", "threshold", "dice"], ratios=[2], start=False)
    assert fresh == ["r2-s0-focal", "r2-s0-dice"]
    assert queue_remedies(config.id, ["focal"], start=False) == ["r1-s0-focal"]
    assert load_experiment(config.id).remedies == ("none", "focal", "dice")
    run = load_run_config(config.id, "r2-s0-focal")
    assert (run.n_positives, run.n_negatives) == (41, 82) and run.training == config.training
    with_arms = queue_sweep(
        SweepRequest("posts", ratios=[1], training=config.training, remedies=["focal", "threshold"]), start=False
    )
    assert run_names(with_arms.id) == ["r1-s0-none", "r1-s0-focal"]


def test_remedies_that_cannot_be_queued_are_user_errors(workspace: Path) -> None:
    config, _ = make_tiny_sweep(workspace)
    for asked, more, sentence in (
        (["prayer"], {}, "remedy prayer is not known"),
        (["threshold"], {}, "needs no run"),
        (["focal"], {"ratios": [7]}, "no baseline run at ratio 7. Its ratios are 2"),
        (["focal"], {"seeds": [3]}, "no baseline run at seed 3. Its seeds are 0"),
    ):
        with pytest.raises(UserError, match=sentence):
            add_remedies(config.id, asked, **more)
    made = make_experiment(load_dataset_of(config), "elsewhere", ratios=(1,), seeds=(0,))
    path = workspace / "experiments" / made.id / "experiment.json"
    write_json(path, {**read_json(path), "kind": "imported"})
    with pytest.raises(UserError, match="made elsewhere"):
        add_remedies(made.id, ["focal"])
    assert run_names(config.id) == ["r2-s0-none"]


def load_dataset_of(config):
    from closecall.data.datasets.store import load_dataset

    return load_dataset(config.dataset)


def test_baselines_come_first_and_quick_remedies_before_long_ones(workspace: Path) -> None:
    config, _ = make_tiny_sweep(workspace)
    add_remedies(config.id, ["over-sampling", "focal", "tfidf-logistic", "retrained-head"])
    order, taken = [], set()
    while (task := next_task(processes=1, taken=taken)) is not None:
        order.append(task.name)
        taken.add(task.key)
        if task.name != "frozen":
            write_status(run_folder(config.id, task.name), RunStatus(state="done"))
    endings = [name.removeprefix("r2-s0-") for name in order]
    assert endings == [NO_REMEDY, "tfidf-logistic", "retrained-head", "focal", "over-sampling", "frozen"]


def test_work_goes_with_what_an_epoch_reads(workspace: Path) -> None:
    _, (plain,) = make_tiny_sweep(workspace)
    work = {
        one: training_work(replace(plain, remedy=one))
        for one in (NO_REMEDY, "over-sampling", "under-sampling", "focal")
    }
    assert work == {NO_REMEDY: 246, "over-sampling": 328, "under-sampling": 164, "focal": 246}
    assert training_work(replace(plain, remedy="tfidf-logistic")) == 0


def test_names_and_titles() -> None:
    assert trained_remedies(["all", "threshold"]) == ALL and trained_remedies(["none"]) == []
    assert remedy_title("focal") == "focal loss" and remedy_title("of another version") == "of another version"
    assert all(find_remedy(name).name == name for name in ALL) and len(set(map(remedy_title, ALL))) == len(ALL)


def test_the_time_of_remedies_follows_the_known_speed(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOSECALL_PROCESSES", "1")
    config, _ = make_tiny_sweep(workspace)
    wished = {"ratios": [2], "seeds": [0]}
    assert estimate_remedies(config.id, ["focal"], **wished) is None
    save_throughput(config.training, Throughput(training=1000.0, forward=4000.0, tokens_per_character=0.2))
    quick, focal, over = (
        estimate_remedies(config.id, [one], **wished) for one in ("tfidf-logistic", "focal", "over-sampling")
    )
    assert quick < focal < over and estimate_remedies(config.id, ["focal", "over-sampling"], **wished) > over
    add_remedies(config.id, ["focal"])
    assert estimate_remedies(config.id, ["focal"], **wished) == 0
