"""Previews: the cache of hidden states is exact, shared and resumed; previews use the examples of their runs."""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from filelock import FileLock

from closecall.data.experiments.plans import training_ids
from closecall.data.experiments.previews import (
    CACHED,
    best_previews,
    drop_hidden_states,
    hidden_states_folder,
    load_previews,
    preview_folder,
    queue_previews,
    read_preview_name,
)
from closecall.data.experiments.runs import RunStatus, load_runs, read_status, save_predictions, write_status
from closecall.data.experiments.store import ExperimentConfig, experiment_folder, load_experiment, load_plan
from closecall.data.experiments.task_folders import FROZEN
from closecall.data.io.errors import UserError
from closecall.data.io.files import read_frame, read_json
from closecall.models.encoders.hidden_state_cache import (
    cached_hidden_states,
    frozen_layers,
    remove_frozen_layers,
    truncated_to_fit,
)
from closecall.models.encoders.inference import run_inference
from closecall.models.encoders.loading import load_classifier
from closecall.models.encoders.tokenization import Tokens
from closecall.models.queue import jobs
from closecall.models.queue.tasks import next_task
from closecall.models.queue.worker_process import perform_task
from closecall.models.results.findings import preview_text
from closecall.models.runtime.locks import make_cooperatively
from closecall.models.runtime.progress import Cancelled, Progress, ProgressReporter
from closecall.models.training.preview import execute_preview
from closecall.models.training.resume import FILE as RESUME
from tests.makers import make_dataset
from tests.tiny_bert import make_tiny_bert
from tests.tiny_sweep import ignore, make_tiny_sweep, never

CPU = torch.device("cpu")


@pytest.fixture
def sweep(workspace: Path) -> ExperimentConfig:
    config, _ = make_tiny_sweep(workspace, ratios=(1, 3))
    queue_previews(config)
    return config


def reporter(seen: list[Progress] | None = None) -> ProgressReporter:
    return ProgressReporter(never, seen.append if seen is not None else ignore)


def make(config: ExperimentConfig, name: str) -> Path:
    execute_preview(config.id, name, should_stop=never, report=ignore)
    return preview_folder(config.id, name)


def some_tokens(count: int = 30) -> Tokens:
    rng = np.random.default_rng(0)
    parts = [np.r_[2, rng.integers(5, 40, rng.integers(3, 20)), 3] for _ in range(count)]
    return Tokens(np.concatenate(parts).astype(np.int32), np.cumsum([0, *map(len, parts)]), 0)


@pytest.mark.parametrize("layers", [1, 3])
def test_the_last_layer_on_cached_hidden_states_equals_the_whole_encoder(workspace: Path, layers: int) -> None:
    encoder = str(make_tiny_bert(workspace / "tiny", num_hidden_layers=layers))
    tokens, places = some_tokens(), np.random.default_rng(1).permutation(30)[:25]
    cached = cached_hidden_states(tokens, places, encoder, CPU, reporter())
    whole = load_classifier(encoder, seed=0)
    assert frozen_layers(whole) == (layers - 1, layers)
    plain = run_inference(whole, tokens, places)
    assert (cached.embeddings * plain.embeddings).sum(axis=1).min() > 0.9999
    whole.bert.encoder.layer[-1].register_forward_pre_hook(lambda layer, given: (_mean_first(given[0]), *given[1:]))
    with torch.inference_mode():
        expected = torch.cat([whole(**tokens.batch(places[[row]])).logits for row in range(25)]).numpy()
    top = load_classifier(encoder, seed=0)
    remove_frozen_layers(top, cached)
    found = run_inference(top, cached.tokens, np.arange(25))
    spread = expected.std()
    assert np.abs(found.logits - expected).max() < 0.1 * spread  # 16 bits, maybe bf16 passes
    assert np.abs(found.logits - plain.logits).max() > spread


def _mean_first(states: torch.Tensor) -> torch.Tensor:
    return torch.cat([states.mean(1, keepdim=True), states[:, 1:]], dim=1)


def test_hidden_states_are_computed_once_and_again_for_other_texts_and_weights(workspace: Path) -> None:
    encoder = str(make_tiny_bert(workspace / "tiny"))
    tokens, places = some_tokens(), np.arange(30)
    made: list[Progress] = []
    first = cached_hidden_states(tokens, places, encoder, CPU, reporter())
    written = {path: path.stat().st_mtime_ns for path in hidden_states_folder().rglob("*.npy")}
    again = cached_hidden_states(tokens, places, encoder, CPU, reporter(made))
    assert {path: path.stat().st_mtime_ns for path in hidden_states_folder().rglob("*.npy")} == written
    assert np.array_equal(first.embeddings, again.embeddings)
    cached_hidden_states(tokens, places[:-1], encoder, CPU, reporter())
    cached_hidden_states(tokens, places, str(make_tiny_bert(workspace / "other", seed=1)), CPU, reporter())
    assert len(list(hidden_states_folder().iterdir())) == 3
    drop_hidden_states()
    assert not hidden_states_folder().exists()


@pytest.mark.slow
def test_threads_write_each_part_once_and_take_over_unfinished_parts(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.txt" for number in range(20)]
    made: list[int] = []

    def write(number: int) -> None:
        made.append(number)
        files[number].write_text("x")

    threads = [threading.Thread(target=make_cooperatively, args=(files, write, lambda: None)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == list(range(20))
    files[7].unlink()
    asked = iter(range(3))

    def stop() -> None:
        if next(asked, None) is None:
            raise Cancelled

    with FileLock(files[7].with_suffix(".lock")), pytest.raises(Cancelled):
        make_cooperatively(files, write, stop)  # another is at it: wait, and listen
    make_cooperatively(files, write, lambda: None)
    assert made[-1] == 7


def test_long_texts_are_truncated_and_keep_their_last_token() -> None:
    lengths = np.array([40, 10, 30])
    tokens = Tokens(np.arange(80, dtype=np.int32), np.cumsum([0, *lengths]), 0)
    assert truncated_to_fit(tokens, np.arange(3), hidden=32, room=10**6) is tokens
    cut = truncated_to_fit(tokens, np.arange(3), hidden=32, room=(20 + 10 + 20) * 64)
    assert cut.lengths.tolist() == [20, 10, 20]
    assert cut.flat[:20].tolist() == [*range(19), 39] and cut.flat[20:30].tolist() == list(range(40, 50))
    with pytest.raises(UserError, match="needs more than"):
        truncated_to_fit(tokens, np.arange(3), hidden=32, room=100)


def test_both_kinds_use_the_first_seeds_examples_and_share_one_hidden_state_cache(sweep: ExperimentConfig) -> None:
    names = ("preview-linear-r3", "preview-prefix-r1", "preview-prefix-r3")
    folders = [make(sweep, name) for name in names]
    assert len(list(hidden_states_folder().iterdir())) == 1
    evaluation = read_frame(experiment_folder(sweep.id) / "evaluation.parquet")
    for folder in folders:
        predictions, made = read_frame(folder / "predictions.parquet"), read_json(folder / "metrics.json")
        assert predictions["id"].tolist() == evaluation.loc[evaluation["split"] == "test", "id"].tolist()
        assert predictions["pos_prob"].between(0, 1).all() and made["test"]["n_positives"] > 0
        assert not (folder / RESUME).exists()
    assert read_json(folders[0] / "metrics.json")["test"]["auc"] > 0.6
    made = read_json(folders[2] / "metrics.json")
    size = len(training_ids(load_plan(sweep.id), ratio=3, seed=0))
    assert (made["kind"], made["frozen_layers"], made["layers"]) == (CACHED, 1, 2)
    assert made["steps"] == 3 * -(-size // 16)


@pytest.mark.slow
def test_a_preview_that_is_stopped_goes_on_and_ends_the_same(sweep: ExperimentConfig, workspace: Path) -> None:
    whole = read_frame(make(sweep, "preview-prefix-r3") / "predictions.parquet")
    (preview_folder(sweep.id, "preview-prefix-r3") / "predictions.parquet").unlink()
    seen: list[str] = []
    steps = iter(range(14))

    def stop() -> bool:
        return bool(seen) and next(steps, None) is None

    def report(progress: Progress) -> None:
        if progress.phase == "training":
            seen.append(progress.phase)

    with pytest.raises(Cancelled):
        execute_preview(sweep.id, "preview-prefix-r3", should_stop=stop, report=report)
    assert (preview_folder(sweep.id, "preview-prefix-r3") / RESUME).exists()
    drop_hidden_states()  # as the worker does when it ends
    again = read_frame(make(sweep, "preview-prefix-r3") / "predictions.parquet")
    pd.testing.assert_frame_equal(whole, again)


@pytest.mark.slow
def test_another_type_of_encoder_has_the_linear_probe_alone(workspace: Path) -> None:
    from transformers import DistilBertConfig, DistilBertModel

    make_dataset()
    encoder = make_tiny_bert(workspace / "tiny-bert")
    torch.manual_seed(0)
    DistilBertModel(DistilBertConfig(vocab_size=200, dim=32, n_layers=2, n_heads=2, hidden_dim=64)).save_pretrained(
        encoder
    )
    config, _ = make_tiny_sweep(workspace, ratios=(1,))
    queue_previews(config)
    assert perform_task(config.id, "preview-prefix-r1")[0] == "done"
    assert perform_task(config.id, "preview-linear-r1")[0] == "done"
    assert [(one.kind, one.has_predictions) for one in load_previews(config.id)] == [
        ("linear", True),
        ("prefix", False),
    ]


def test_previews_come_first_and_the_real_runs_keep_their_order(sweep: ExperimentConfig) -> None:
    order = []
    while task := next_task(processes=2):
        order.append(task.name)
        write_status(task.folder, RunStatus(state="done"))
    previews = [name for name in order if read_preview_name(name)]
    assert order[:4] == previews
    assert previews == ["preview-linear-r3", "preview-linear-r1", "preview-prefix-r3", "preview-prefix-r1"]
    assert order[4:] == ["r1-s0-none", "r3-s0-none", FROZEN]


@pytest.mark.slow
def test_previews_are_cancelled_resumed_and_failed_as_runs_are(
    sweep: ExperimentConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "ensure_scheduler", lambda: None)
    jobs.cancel(sweep.id)
    assert {one.status.state for one in load_previews(sweep.id)} == {"cancelled"}
    jobs.resume(sweep.id)
    assert {one.status.state for one in load_previews(sweep.id)} == {"queued"}
    (experiment_folder(sweep.id) / "runs" / "r3-s0-none" / "config.json").write_text("{")
    task = next_task(processes=1)
    assert task is not None and task.name == "preview-linear-r1"
    assert read_status(preview_folder(sweep.id, "preview-linear-r3")).state == "failed"


def test_a_run_takes_the_place_of_its_preview(sweep: ExperimentConfig) -> None:
    made = make(sweep, "preview-linear-r1")
    for name in ("preview-linear-r3", "preview-prefix-r3"):
        save_predictions(preview_folder(sweep.id, name), read_frame(made / "predictions.parquet"))
    shown = best_previews(load_previews(sweep.id), load_runs(sweep.id))
    assert [(one.ratio, one.kind) for one in shown] == [(1.0, "linear"), (3.0, "prefix")]
    frame = read_frame(shown[0].folder / "predictions.parquet")
    save_predictions(experiment_folder(sweep.id) / "runs" / "r1-s0-none", frame)
    assert [one.ratio for one in best_previews(shown, load_runs(sweep.id))] == [3.0]
    make(sweep, "preview-prefix-r1")  # too late: nothing is made
    assert not (preview_folder(sweep.id, "preview-prefix-r1") / "predictions.parquet").exists()


@pytest.mark.slow
def test_a_preview_of_truncated_texts_has_a_note(sweep: ExperimentConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "closecall.models.encoders.hidden_state_cache.MOST_BYTES", 400 * 17 * 32 * 2
    )  # 32 numbers of 16 bits for a token
    make(sweep, "preview-prefix-r1")
    words = preview_text(best_previews(load_previews(sweep.id), load_runs(sweep.id)))
    cut = read_json(preview_folder(sweep.id, "preview-prefix-r1") / "metrics.json")["cut_at"]
    assert 16 <= cut < 24 and f"truncated to {cut} tokens" in words


@pytest.mark.slow
def test_equal_steps_hold_for_previews_too(workspace: Path) -> None:
    config, _ = make_tiny_sweep(workspace, ratios=(1, 3), equal_steps=True)
    queue_previews(config)
    steps = [read_json(make(config, f"preview-prefix-r{ratio}") / "metrics.json")["steps"] for ratio in (1, 3)]
    assert steps[0] == steps[1]


def test_no_other_table_of_an_experiment_reads_previews(sweep: ExperimentConfig) -> None:
    make(sweep, "preview-linear-r1")
    assert not any(run.has_predictions for run in load_runs(sweep.id))
    assert replace(load_experiment(sweep.id), title=sweep.title) == sweep
