"""The queue as the app and the terminal see it: queue, watch, cancel, resume. Nothing here trains or imports torch."""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
from filelock import Timeout

from closecall.data.experiments.previews import preview_names
from closecall.data.experiments.runs import RunStatus, read_status
from closecall.data.experiments.store import ExperimentConfig, TrainingConfig, load_experiment, run_names
from closecall.data.experiments.task_folders import CANCEL, FROZEN, task_folder
from closecall.data.io.errors import UserError
from closecall.data.io.files import read_json, write_json
from closecall.data.io.processes import is_alive, this_machine
from closecall.data.io.workspace import now, workspace_folder
from closecall.models.queue.backends import assign_backend, backend_of, driver_status, start_driver
from closecall.models.queue.progress import ExperimentProgress, measure_progress
from closecall.models.queue.scheduler import worker_file, worker_lock
from closecall.models.queue.sweeps import SweepRequest, add_remedies, make_checkpoint_run, make_sweep, queue_frozen
from closecall.models.runtime.capacity import max_processes
from closecall.models.runtime.child_process import start_module
from closecall.models.runtime.extras import require_training
from closecall.models.runtime.progress import write_status_if_possible

ENDED_EARLY = ("interrupted", "cancelled", "failed")
STOP_SECONDS = 6.0
"""How long `resume` waits for a run that is just being cancelled."""
POLL_SECONDS = 0.5
ABSENCE_SECONDS = 20.0
"""How long `watch` bears a queue without a worker."""


@dataclass(frozen=True)
class WorkerStatus:
    """Whether a worker is alive, how many lanes it may open, how many are busy, and when it was last heard of."""

    alive: bool = False
    pid: int = 0
    lanes: int = 0
    busy: int = 0
    started: str = ""
    heartbeat: str = ""


def queue_sweep(request: SweepRequest, *, start: bool = True) -> ExperimentConfig:
    """Queue one run for each ratio, seed and remedy; unless `start` is False, make sure that a scheduler takes them."""
    require_training()
    config = make_sweep(request)
    if start:
        _set_to_work(config.id, request.on)
    return config


def queue_remedies(
    experiment: str,
    remedies: Sequence[str],
    *,
    ratios: Sequence[float] | None = None,
    seeds: Sequence[int] | None = None,
    start: bool = True,
    on: str = "",
) -> list[str]:
    """Queue a run for each remedy, ratio and seed (None: all of the experiment's); the names of the new runs."""
    require_training()
    if backend_of(on):
        assign_backend(experiment, backend_of(on))
    fresh = add_remedies(experiment, remedies, ratios=ratios, seeds=seeds)
    if start:
        _set_to_work(experiment, on)
    return fresh


def queue_checkpoint(
    dataset: str,
    checkpoint: str,
    *,
    title: str = "",
    ratio: float,
    seed: int = 0,
    training: TrainingConfig | None = None,
    experiment: str | None = None,
    start: bool = True,
) -> ExperimentConfig:
    """Queue the predictions and embeddings of a fine-tuned classifier (a folder or hub id) on a dataset.

    With `experiment` it joins that experiment of loaded classifiers as one more ratio or seed.
    """
    require_training()
    config = make_checkpoint_run(
        dataset, checkpoint, title=title, ratio=ratio, seed=seed, training=training, experiment=experiment
    )
    if start:
        ensure_worker()
    return config


def ensure_worker() -> None:
    """Start a worker for this workspace unless one works already. Call it after the job was written."""
    lock = worker_lock()
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return  # whoever holds the lock looks at the queue once more after giving it back
    lock.release()
    try:
        process = start_module("closecall.models.queue.scheduler", log=workspace_folder() / "worker.log")
        _announce(process.pid)
    except OSError as error:
        raise UserError(f"The worker could not be started ({error}). Mend that and resume.") from error


def worker_status() -> WorkerStatus:
    """The worker of this workspace, as it last told."""
    try:
        content = read_json(worker_file())
        machine = str(content.get("machine", ""))
        if not is_alive(int(content["pid"]), float(content["pid_created"]), machine, str(content["heartbeat"])):
            return WorkerStatus(heartbeat=str(content["heartbeat"]))
        return WorkerStatus(
            True, content["pid"], content["lanes"], content["busy"], content["started"], content["heartbeat"]
        )
    except (UserError, KeyError, ValueError, TypeError):
        return WorkerStatus()


def any_running() -> bool:
    """Whether anything is being worked on here: a worker lives only as long as there is work."""
    return worker_status().alive


def is_attended(experiment: str) -> bool:
    """Whether someone takes the queued runs of an experiment: the worker, or the driver of its cluster."""
    return driver_status(experiment).alive if load_experiment(experiment).engine else any_running()


def _set_to_work(experiment: str, on: str) -> None:
    """Make sure that someone takes what was queued."""
    if on:
        start_driver(experiment, on)
    else:
        ensure_worker()


def cancel(experiment: str, run: str | None = None) -> None:
    """Ask a run (or all that is unfinished in the experiment) to stop within five seconds; what is finished is kept."""
    for name in _names(experiment, run):
        folder = task_folder(experiment, name)
        state = _status(folder).state
        if state not in ("queued", "running"):
            continue
        (folder / CANCEL).touch()
        if state == "queued":
            write_status_if_possible(folder, RunStatus(state="cancelled", finished=now()))


def resume(experiment: str, run: str | None = None, on: str = "") -> None:
    """Queue again what was interrupted, cancelled or failed, and make sure that a worker is alive.

    With `on` a Ray cluster takes all that is queued. Without it the worker does, unless a cluster is at it already.
    """
    require_training()
    engine = backend_of(on)
    if engine or not driver_status(experiment).alive:
        assign_backend(experiment, engine)
    if run is None and load_experiment(experiment).kind != "imported":
        _complete(experiment)
    for name in _names(experiment, run):
        folder = task_folder(experiment, name)
        status = _stopped_status(experiment, folder)
        if status.state in ENDED_EARLY:
            (folder / CANCEL).unlink(missing_ok=True)
            if not write_status_if_possible(
                folder, replace(status, state="queued", message="", details="", finished="", pid=0)
            ):
                raise UserError(f"{folder} cannot be written. Free some space and resume.")
    _set_to_work(experiment, on)


def experiment_progress(experiment: str) -> ExperimentProgress:
    """Counts by state, share done, time left and the runs themselves; cheap enough to be polled."""
    driver = driver_status(experiment)
    lanes = driver.lanes if driver.alive else worker_status().lanes
    progress = measure_progress(experiment, lanes=lanes or max_processes())
    # A run whose machine died is interrupted for a moment, until the driver queues it again.
    return replace(progress, active=progress.active or driver.alive)


def watch(experiment: str) -> Iterator[ExperimentProgress]:
    """The progress twice a second until nothing is queued or running, the final state last.

    UserError when the queue has no worker any more.
    """
    last_seen = time.monotonic()
    while True:
        progress = experiment_progress(experiment)
        yield progress
        if not progress.active:
            return
        if is_attended(experiment):
            last_seen = time.monotonic()
        elif time.monotonic() - last_seen > ABSENCE_SECONDS:
            who, told = ("driver", "ray.log") if load_experiment(experiment).engine else ("worker", "worker.log")
            log = workspace_folder() / told
            raise UserError(f"The {who} ended before its work was done; {log} may tell why. Resume continues.")
        time.sleep(POLL_SECONDS)


def _names(experiment: str, run: str | None) -> list[str]:
    """The tasks meant: one run, or all of an experiment with its previews and frozen embeddings."""
    names = run_names(load_experiment(experiment).id)
    if run is None:
        frozen = [FROZEN] if (task_folder(experiment, FROZEN) / "status.json").exists() else []
        return [*preview_names(experiment), *names, *frozen]
    if run != FROZEN and run not in names:
        raise UserError(f"{experiment} has no run {run}. Its runs are {', '.join(names)}.")
    return [run]


def _complete(experiment: str) -> None:
    """Queue the frozen embeddings when queueing was cut off before it came to them."""
    folder = task_folder(experiment, FROZEN)
    if not (folder / "status.json").exists() and not (folder / "projection.parquet").exists():
        queue_frozen(experiment)


def _stopped_status(experiment: str, folder: Path) -> RunStatus:
    """The status, once a run that still runs though it was cancelled, or its worker just killed, has stopped."""
    deadline = time.monotonic() + STOP_SECONDS
    status = _status(folder)
    while status.state == "running" and time.monotonic() < deadline:
        orphan = status.machine in ("", this_machine()) and not is_attended(experiment)
        if not orphan and not (folder / CANCEL).exists():
            break
        time.sleep(0.1)
        status = _status(folder)
    return status


def _status(folder: Path) -> RunStatus:
    """The status; a file that cannot be read counts as failed, so that resuming writes it anew."""
    try:
        return read_status(folder)
    except (UserError, TypeError):
        return RunStatus(state="failed")


def _announce(pid: int) -> None:
    """Name the new worker at once, so that pages see it before it has come up and told itself."""
    with suppress(psutil.Error):
        content: dict[str, Any] = {
            "schema": 1,
            "pid": pid,
            "pid_created": psutil.Process(pid).create_time(),
            "lanes": max_processes(),
        }
        content |= {"machine": this_machine(), "busy": 0, "started": now(), "heartbeat": now()}
        write_json(worker_file(), content)
