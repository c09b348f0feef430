"""The queue of tasks, and their order.

A task is one run of an experiment, a preview of one, or its frozen encoder's embeddings. The folders are the queue: a
task waits while the state in its status.json is queued.
"""

import os
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from closecall.data.experiments.previews import KINDS, preview_names, read_preview_name
from closecall.data.experiments.remedies import examples_an_epoch, remedy_rank
from closecall.data.experiments.runs import RunStatus, read_status
from closecall.data.experiments.store import (
    BACKEND_KEY,
    RunConfig,
    experiment_folder,
    experiments_folder,
    load_experiment,
    load_run_config,
    run_folder,
    run_name,
)
from closecall.data.experiments.task_folders import CANCEL, FROZEN, required_run, task_folder
from closecall.data.io.errors import UserError
from closecall.data.io.files import read_json
from closecall.data.io.workspace import now
from closecall.models.runtime.progress import write_status_if_possible


@dataclass(frozen=True)
class Task:
    """One piece of work. `work` is its training examples times epochs; `group` ranks remedies and seeds."""

    experiment: str
    name: str
    work: float = 0.0
    group: tuple[int, int] = (0, 0)

    @property
    def key(self) -> tuple[str, str]:
        return self.experiment, self.name

    @property
    def folder(self) -> Path:
        return task_folder(self.experiment, self.name)

    @property
    def cancel_file(self) -> Path:
        return self.folder / CANCEL


def training_work(config: RunConfig) -> float:
    """Training examples seen by a run; 0 for a loaded checkpoint or a method that fine-tunes nothing."""
    if config.checkpoint:
        return 0.0
    size = examples_an_epoch(config.remedy, config.n_positives, config.n_negatives)
    return float(size * config.training.epochs)


def next_task(*, processes: int, taken: Container[tuple[str, str]] = ()) -> Task | None:
    """The task for this workspace's scheduler to begin now; `taken` are the keys of tasks to leave out."""
    tasks = (next_of_experiment(experiment, processes=processes, taken=taken) for experiment in queued_experiments())
    return next((task for task in tasks if task is not None), None)


def next_of_experiment(experiment: str, *, processes: int, taken: Container[tuple[str, str]] = ()) -> Task | None:
    """The task of one experiment to begin now, on any backend; None when none is queued."""
    waiting, begun = _waiting(experiment, taken)
    return choose(waiting, begun=begun, processes=processes) if waiting else None


def choose(waiting: Sequence[Task], *, begun: int, processes: int) -> Task:
    """Which waiting task of one experiment to begin, when `begun` runs of it were begun before.

    The first task of each process is the smallest, so that the first results come early. After that the longest comes
    first, so that processes end together: of two, one gets 1:1 and 1:10, the other 1:2, 1:5 and 1:3 (13 units each).
    Seeds are trained one after the other, so that the first complete sweep is early; then remedies, the quickest first.
    Previews come before all runs, linear probes first, within a kind the longest first; the frozen embeddings are last.
    """
    runs = [task for task in waiting if task.name != FROZEN]
    if not runs:
        return waiting[0]
    first = min(task.group for task in runs)
    group = [task for task in runs if task.group == first]
    pick = min if begun < processes and first >= (0, 0) else max
    return pick(group, key=lambda task: (task.work, task.name))


def queued_experiments() -> list[str]:
    """Experiments for this workspace's scheduler, in the order of their queueing; one with a broken file is skipped.

    Experiments that a cluster trains and imported predictions are left out.
    """
    found = []
    for path in experiments_folder().glob("*/experiment.json"):
        try:
            content = read_json(path)
        except UserError:
            continue
        if content.get("kind") != "imported" and not content.get(BACKEND_KEY):
            found.append((str(content.get("created", "")), path.stat().st_mtime_ns, path.parent.name))
    return [name for *_, name in sorted(found)]


def _waiting(experiment: str, taken: Container[tuple[str, str]]) -> tuple[list[Task], int]:
    """The waiting tasks of an experiment, and how many of its runs were begun."""
    waiting, begun = [], 0
    for name in task_names(experiment):
        if (experiment, name) in taken or not _waits(task_folder(experiment, name)):
            begun += name != FROZEN and not read_preview_name(name)
            continue
        task = _readable_task(experiment, name)
        if task is not None and not _needs_another(experiment, name):
            waiting.append(task)
    return waiting, begun


def task_names(experiment: str) -> Iterator[str]:
    """The tasks of an experiment, also of one that is being created or deleted."""
    folder = experiment_folder(experiment)
    if (folder / "runs").is_dir():
        yield from (entry.name for entry in os.scandir(folder / "runs") if (Path(entry) / "config.json").exists())
    yield from preview_names(experiment)
    if (folder / FROZEN / "status.json").exists():
        yield FROZEN


def _waits(folder: Path) -> bool:
    try:
        state = read_status(folder).state
    except (UserError, TypeError) as error:
        write_status_if_possible(folder, RunStatus(state="failed", finished=now(), message=str(error)))
        return False
    if state == "queued" and (folder / CANCEL).exists():
        write_status_if_possible(folder, RunStatus(state="cancelled", finished=now()))
        return False
    return state == "queued"


def _readable_task(experiment: str, name: str) -> Task | None:
    """The task, or None when its config is broken: then its status becomes failed."""
    if name == FROZEN:
        return Task(experiment, FROZEN)
    try:
        preview = read_preview_name(name)
        if preview is not None:
            return _preview_task(experiment, name, *preview)
        config = load_run_config(experiment, name)
        return Task(experiment, name, training_work(config), _group(config))
    except (UserError, TypeError) as error:
        message = str(error) if isinstance(error, UserError) else f"The run's config.json cannot be read ({error})."
        write_status_if_possible(
            task_folder(experiment, name), RunStatus(state="failed", finished=now(), message=message)
        )
        return None


def _preview_task(experiment: str, name: str, kind: str, ratio: float) -> Task:
    config = load_run_config(experiment, run_name(ratio, load_experiment(experiment).seeds[0]))
    return Task(experiment, name, training_work(config), (KINDS.index(kind) - len(KINDS), 0))


def _needs_another(experiment: str, name: str) -> bool:
    """Whether the run that this one starts from is not finished yet.

    If that run failed or was cancelled, this one begins and reports it. An interrupted run continues when it is
    resumed, so this one waits for it.
    """
    start = required_run(name)
    if start is None:
        return False
    try:
        return read_status(run_folder(experiment, start)).state in ("queued", "running", "interrupted")
    except (UserError, TypeError):
        return False


def _group(config: RunConfig) -> tuple[int, int]:
    return remedy_rank(config.remedy), config.seed
