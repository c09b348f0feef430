"""The queue for the app and the terminal: queue, watch, cancel, resume. Nothing here trains or imports torch."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
from filelock import Timeout

from closecall.data.experiments.previews import preview_names
from closecall.data.experiments.runs import RunStatus, read_status
from closecall.data.experiments.store import RECORDED, ExperimentConfig, TrainingConfig, load_experiment, run_names
from closecall.data.experiments.task_folders import CANCEL, FROZEN, task_folder
from closecall.data.io.errors import UserError
from closecall.data.io.files import read_json, write_json
from closecall.data.io.processes import is_alive, this_machine
from closecall.data.io.workspace import now, workspace_folder
from closecall.models.queue.backends import assign_backend, backend_of, driver_status, start_driver
from closecall.models.queue.checked_models import check_encoder, checked_output
from closecall.models.queue.progress import ACTIVE, ExperimentProgress, measure_progress
from closecall.models.queue.scheduler import scheduler_file, scheduler_lock
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
"""How long `watch` waits for a scheduler before it raises."""


@dataclass(frozen=True)
class SchedulerStatus:
    """Whether the scheduler is alive, the worker processes it may start, how many are busy, its last heartbeat."""

    alive: bool = False
    pid: int = 0
    processes: int = 0
    busy: int = 0
    started: str = ""
    heartbeat: str = ""


def queue_sweep(request: SweepRequest, *, start: bool = True) -> ExperimentConfig:
    """Queue one run for each ratio, seed and remedy; unless `start` is False, make sure that a scheduler is running."""
    require_training()
    check_encoder(request.training)
    config = make_sweep(request)
    if start:
        _start_backend(config.id, request.on)
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
        _start_backend(experiment, on)
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
    positive: Sequence[str] = (),
    start: bool = True,
) -> ExperimentConfig:
    """Queue the predictions and embeddings of a fine-tuned classifier (a folder or hub id) on a dataset.

    With `experiment` it joins that experiment of loaded classifiers as one more ratio or seed. `positive` names its
    positive outputs. UserError as for `checked_output`.
    """
    require_training()
    settings = load_experiment(experiment).training if experiment else training or TrainingConfig()
    checked_output(dataset, checkpoint, max_tokens=settings.max_tokens, positive=positive)
    config = make_checkpoint_run(
        dataset,
        checkpoint,
        title=title,
        ratio=ratio,
        seed=seed,
        training=training,
        experiment=experiment,
        positive=positive,
    )
    if start:
        ensure_scheduler()
    return config


def ensure_scheduler() -> None:
    """Start the scheduler of this workspace unless one is running. Call it after the job was written."""
    lock = scheduler_lock()
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return  # the process that holds the lock checks the queue once more after releasing it
    lock.release()
    try:
        process = start_module("closecall.models.queue.scheduler", log=workspace_folder() / "worker.log")
        _announce(process.pid)
    except OSError as error:
        raise UserError(f"The scheduler could not be started ({error}). Fix that and resume.") from error


def scheduler_status() -> SchedulerStatus:
    """The scheduler of this workspace, by its last heartbeat."""
    try:
        content = read_json(scheduler_file())
        machine = str(content.get("machine", ""))
        if not is_alive(int(content["pid"]), float(content["pid_created"]), machine, str(content["heartbeat"])):
            return SchedulerStatus(heartbeat=str(content["heartbeat"]))
        return SchedulerStatus(
            True, content["pid"], content["lanes"], content["busy"], content["started"], content["heartbeat"]
        )
    except (UserError, KeyError, ValueError, TypeError):
        return SchedulerStatus()


def any_running() -> bool:
    """Whether anything is being trained here: the scheduler runs only while there is work."""
    return scheduler_status().alive


def is_attended(experiment: str) -> bool:
    """Whether the scheduler, or the driver of its cluster, is running for the queued runs of an experiment."""
    return driver_status(experiment).alive if load_experiment(experiment).backend else any_running()


def _start_backend(experiment: str, on: str) -> None:
    """Make sure that the scheduler or a driver is running."""
    if on:
        start_driver(experiment, on)
    else:
        ensure_scheduler()


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
    """Queue again what was interrupted, cancelled or failed, and make sure that a scheduler is running.

    With `on` a Ray cluster trains all that is queued. Without it the scheduler does, unless a driver is running.
    """
    require_training()
    backend = backend_of(on)
    if backend or not driver_status(experiment).alive:
        assign_backend(experiment, backend)
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
    _start_backend(experiment, on)


def experiment_progress(experiment: str) -> ExperimentProgress:
    """Counts by state, share done, time left and the runs; fast enough to be polled."""
    driver = driver_status(experiment)
    processes = driver.processes if driver.alive else scheduler_status().processes
    progress = measure_progress(experiment, processes=processes or max_processes())
    # A run whose machine died is interrupted for a moment, until the driver queues it again.
    return replace(progress, active=progress.active or driver.alive)


def watch(experiment: str) -> Iterator[ExperimentProgress]:
    """The progress twice a second until nothing is queued or running, the final state last.

    UserError when no scheduler is running any more.
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
            driven = load_experiment(experiment).backend
            who, name = ("driver", "ray.log") if driven else ("scheduler", "worker.log")
            log = workspace_folder() / name
            raise UserError(f"The {who} ended before its work was done; see {log}. Resume continues.")
        time.sleep(POLL_SECONDS)


def wait_for_embeddings(experiment: str, note: Callable[[str], None]) -> None:
    """Wait while the frozen encoder's embeddings are the only task left; `note` prints a sentence on them.

    While runs are left as well, or nothing computes the embeddings, it only prints that they are missing.
    """
    for number, progress in enumerate(watch(experiment)):
        if progress.frozen is None or progress.frozen.state not in ACTIVE:
            return
        runs_left = any(run.status.state in ACTIVE for run in progress.runs)
        if runs_left or not is_attended(experiment):
            note(
                "The embeddings of the frozen encoder follow the last run, so some causes cannot be measured yet: "
                f"closecall {'status' if runs_left else 'resume'} {experiment}"
            )
            return
        if not number:
            note("Waiting for the embeddings of the frozen encoder, without which some causes cannot be measured.")


def _names(experiment: str, run: str | None) -> list[str]:
    """The tasks meant: one run, or all of an experiment with its previews and frozen embeddings."""
    recorded = load_experiment(experiment).kind == RECORDED
    if recorded and run not in (None, FROZEN):
        raise UserError(f"{experiment} was recorded from a training script. Start or stop the script itself.")
    names = [] if recorded else run_names(experiment)
    if run is None:
        frozen = [FROZEN] if (task_folder(experiment, FROZEN) / "status.json").exists() else []
        return [*preview_names(experiment), *names, *frozen]
    if run != FROZEN and run not in names:
        raise UserError(f"{experiment} has no run {run}. Its runs are {', '.join(names)}.")
    return [run]


def _complete(experiment: str) -> None:
    """Queue the frozen embeddings when queueing was interrupted before them."""
    folder = task_folder(experiment, FROZEN)
    if not (folder / "status.json").exists() and not (folder / "projection.parquet").exists():
        queue_frozen(experiment)


def _stopped_status(experiment: str, folder: Path) -> RunStatus:
    """The status, after waiting for a running run that was cancelled, or whose scheduler was killed, to stop."""
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
    """Write the new scheduler's first heartbeat, so that pages see it before it has started."""
    with suppress(psutil.Error):
        content: dict[str, Any] = {
            "schema": 1,
            "pid": pid,
            "pid_created": psutil.Process(pid).create_time(),
            "lanes": max_processes(),
        }
        content |= {"machine": this_machine(), "busy": 0, "started": now(), "heartbeat": now()}
        write_json(scheduler_file(), content)
