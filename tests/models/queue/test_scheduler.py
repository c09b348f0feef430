"""The scheduler with real processes: it trains all queued tasks, survives its worker processes, and killed runs resume.

One worker process and a tiny BERT on eight examples: almost all of the time goes into importing torch.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

from closecall.data.datasets.store import Dataset, save_dataset
from closecall.data.experiments.previews import hidden_states_folder, load_previews
from closecall.data.experiments.runs import RunStatus, load_run, load_runs, read_status
from closecall.data.experiments.store import TrainingConfig, run_folder
from closecall.data.io.files import read_frame, read_json, write_json
from closecall.models.queue import jobs
from closecall.models.queue.scheduler import scheduler_file, scheduler_lock
from closecall.models.queue.sweeps import SweepRequest, make_sweep
from closecall.models.runtime.child_process import CODE_FOLDER, child_environment
from tests.makers import make_dataset
from tests.tiny_bert import make_tiny_bert

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
RUN = "r1-s0-none"
LONG = TrainingConfig(epochs=50, batch_size=1, learning_rate=1e-3, max_tokens=16)


@pytest.fixture
def house(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A workspace with a dataset of eight mapped examples and a tiny encoder; its worker is ended with the test."""
    monkeypatch.setenv("CLOSECALL_PROCESSES", "1")
    small_dataset()
    make_tiny_bert(workspace / "tiny")
    yield workspace
    pid = jobs.scheduler_status().pid
    if pid:
        end_family(pid)


def small_dataset() -> None:
    """Two positives and two negatives to train and to test on, one each to validate: too few for a slow projection."""
    base = make_dataset("base", positives=40, negatives=40)
    wanted = {"train": 2, "test": 2, "validation": 1}
    parts = [
        base.examples[(base.examples["split"] == split) & (base.examples["label"] == label)].tail(count)
        for split, count in wanted.items()
        for label in (0, 1)
    ]
    info = replace(base.info, name="small", content_sha256="")
    save_dataset(Dataset(info, pd.concat(parts, ignore_index=True), base.set_aside, base.conflicts))


def queue(house: Path, title: str, training: TrainingConfig = LONG, seeds: tuple[int, ...] = (0,)) -> str:
    encoder = str(house / "tiny") if training.encoder == "minilm" else training.encoder
    return make_sweep(
        SweepRequest("small", title=title, ratios=[1], seeds=seeds, training=replace(training, encoder=encoder))
    ).id


def wait_for(what: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def state(experiment: str, run: str = RUN) -> str:
    return load_run(experiment, run).status.state


def trains(experiment: str, epoch: int, run: str = RUN) -> Callable[[], bool]:
    """Whether a run is at work and has come to an epoch, or already to its end."""

    def asked() -> bool:
        status = load_run(experiment, run).status
        at_work = status.state == "running" and status.phase == "training"
        return (at_work and status.epoch >= epoch) or status.state in ("done", "failed")

    return asked


def end_family(pid: int) -> None:
    """Kill a scheduler that a test started; its worker processes must end with it."""
    try:
        worker_processes = psutil.Process(pid).children()
        os.kill(pid, signal.SIGKILL)
    except (psutil.Error, ProcessLookupError):
        return
    _, alive = psutil.wait_procs(worker_processes, timeout=10)
    assert not alive


def spawn(*arguments: str, **limits: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "closecall.models.queue.scheduler", *arguments]
    prefix = ["prlimit", *(f"--{name}={value}" for name, value in limits.items())] if limits else []
    return subprocess.Popen([*prefix, *command], cwd=CODE_FOLDER, env=child_environment(1), stderr=subprocess.DEVNULL)


def test_the_queue_is_drained_past_a_failure_and_a_cancel(house: Path) -> None:
    """Done, failed and cancelled runs in one queue, after a boot that left the files of an old worker behind."""
    write_json(
        scheduler_file(),
        {"pid": 2**22, "pid_created": 1.0, "heartbeat": "", "lanes": 1, "busy": 1, "started": ""},
    )
    (house / "worker.lock").touch()
    assert not jobs.any_running()
    good = queue(house, "good", replace(LONG, epochs=2))
    bad = queue(house, "bad", replace(LONG, encoder=str(make_tiny_bert(house / "damaged"))))
    (house / "damaged" / "config.json").write_text("{}")  # after it was checked
    long = queue(house, "long")
    jobs.ensure_scheduler()
    assert jobs.any_running()
    wait_for(trains(long, 2))
    asked = time.monotonic()
    jobs.cancel(long)
    wait_for(lambda: state(long) == "cancelled", 5)
    assert time.monotonic() - asked < 5
    wait_for(lambda: not jobs.any_running())
    assert state(good) == "done" and load_run(good, RUN).has_projection
    assert (house / "experiments" / good / "frozen" / "projection.parquet").exists()
    failed = load_run(bad, RUN).status
    assert failed.state == "failed" and failed.message and "Traceback" in failed.details
    assert not scheduler_file().exists() and not list(run_folder(long, RUN).glob(".*"))


def test_killed_processes_and_schedulers_change_no_result(house: Path) -> None:
    longer = replace(LONG, epochs=100)  # a quick processor must not be through before it is killed
    whole, torn = queue(house, "whole", longer), queue(house, "torn", longer, seeds=(0, 1))
    jobs.ensure_scheduler()
    wait_for(trains(torn, 5))
    assert state(whole) == "done"
    os.kill(load_run(torn, RUN).status.pid, signal.SIGKILL)  # its scheduler continues with the other seed
    wait_for(lambda: bool(load_run(torn, RUN).status.message), 5)
    status = load_run(torn, RUN).status
    assert status.state == "interrupted" and "killed" in status.message and "Resume" in status.message
    wait_for(trains(torn, 1, "r1-s1-none"))
    reached = status.epoch
    jobs.resume(torn, RUN)  # queued again under the living worker
    jobs.cancel(torn, "r1-s1-none")
    wait_for(trains(torn, reached + 1))
    end_family(jobs.scheduler_status().pid)
    assert state(torn) == "interrupted" and not jobs.any_running()
    jobs.resume(torn)
    wait_for(lambda: state(torn) == "done")
    for file in ("predictions.parquet", "projection.parquet"):
        pd.testing.assert_frame_equal(
            read_frame(run_folder(whole, RUN) / file), read_frame(run_folder(torn, RUN) / file)
        )
    dynamics = [np.load(run_folder(one, RUN) / "dynamics.npz")["pos_probs"] for one in (whole, torn)]
    np.testing.assert_array_equal(*dynamics)


def test_a_process_that_ignores_its_cancel_file_is_killed(house: Path) -> None:
    """While torch is being imported nobody looks at the cancel file."""
    experiment = queue(house, "deaf")
    jobs.ensure_scheduler()
    wait_for(lambda: state(experiment) == "running", 30)
    asked = time.monotonic()
    jobs.cancel(experiment)
    wait_for(lambda: not jobs.experiment_progress(experiment).active, 5)
    assert state(experiment) == "cancelled" and time.monotonic() - asked < 5


def test_one_run_folder_can_be_worked_on_alone_and_a_full_disk_fails_it_in_words(house: Path) -> None:
    """Files may grow to 20 kB only: the checkpoint does not fit, the status does."""
    experiment = queue(house, "alone", replace(LONG, epochs=1))
    folder = run_folder(experiment, RUN)
    assert spawn(str(folder), fsize=20_000).wait(90) == 1
    status = read_status(folder)
    assert status.state == "failed" and "the disk is full" in status.message
    assert spawn(str(house)).wait(30) == 1  # no run folder


def test_a_second_worker_ends_at_once(house: Path) -> None:
    experiment = queue(house, "waiting")
    with scheduler_lock():
        jobs.ensure_scheduler()
        assert jobs.scheduler_status() == jobs.SchedulerStatus()
        assert spawn().wait(30) == 0
    assert state(experiment) == "queued"


def test_no_job_is_lost_between_the_end_of_one_scheduler_and_the_next(house: Path) -> None:
    """Tasks that a scheduler handles without a worker process, queued at every moment of its short life."""
    for number in range(8):
        experiment = queue(house, f"broken-{number}")
        (run_folder(experiment, RUN) / "config.json").write_text("{")
        frozen = house / "experiments" / experiment / "frozen" / "status.json"
        write_json(frozen, {**read_json(frozen), "state": "cancelled"})
        jobs.ensure_scheduler()
        time.sleep(0.15 * number)
    folders = [run_folder(f"broken-{number}", RUN) for number in range(8)]
    wait_for(lambda: all(read_status(folder).state == "failed" for folder in folders), 30)
    assert all(isinstance(read_status(folder), RunStatus) for folder in folders)
    wait_for(lambda: not jobs.any_running(), 10)


def test_a_sweep_with_a_preview_survives_kills_and_leaves_no_hidden_state_cache(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two worker processes share the cache; the scheduler is killed during a preview; resuming finishes everything."""
    monkeypatch.setenv("CLOSECALL_PROCESSES", "2")
    training = TrainingConfig(encoder=str(house / "tiny"), epochs=1, max_tokens=16)
    config = make_sweep(SweepRequest("small", title="previewed", ratios=[1], training=training, preview=True))
    jobs.ensure_scheduler()
    wait_for(lambda: any(one.status.state == "running" for one in load_previews(config.id)))
    end_family(jobs.scheduler_status().pid)
    assert any(one.status.state == "interrupted" for one in load_previews(config.id))
    jobs.resume(config.id)
    wait_for(lambda: not jobs.experiment_progress(config.id).active and not jobs.any_running(), 150)
    previews = load_previews(config.id)
    assert {(one.status.state, one.has_predictions) for one in previews} == {("done", True)}
    first_run = min(run.status.started for run in load_runs(config.id))
    assert all(one.status.started <= first_run for one in previews)
    assert not hidden_states_folder().exists()
