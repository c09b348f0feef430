"""The progress of an experiment and its remaining time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from closecall.data.experiments.previews import Preview, load_previews
from closecall.data.experiments.runs import STATES, Run, RunStatus, load_runs, read_status
from closecall.data.experiments.task_folders import FROZEN, task_folder
from closecall.models.queue.tasks import training_work

FIXED_WORK = 500.0
"""What a run costs besides its training (loading, predicting, embedding, projecting), in trained examples."""
PHASES = {
    "loading": (0.0, 0.02),
    "training": (0.02, 0.85),
    "predicting": (0.85, 0.92),
    "embedding": (0.92, 0.96),
    "projecting": (0.96, 1.0),
}
"""The share of a run that is done at the start and the end of each phase."""
ACTIVE = ("queued", "running")


@dataclass(frozen=True)
class ExperimentProgress:
    """An experiment's runs at one moment.

    `counts` has the number of runs in each state; `done_share` (0 to 1) weighs runs by their work; `eta_seconds` is
    None while nothing was measured; `frozen` is the status of the frozen encoder's embeddings, None without such a job;
    `previews` are those that the experiment asked for; `active`: whether anything is queued or running.
    """

    experiment: str
    runs: tuple[Run, ...]
    frozen: RunStatus | None
    previews: tuple[Preview, ...]
    counts: dict[str, int]
    done_share: float
    eta_seconds: float | None
    active: bool


def measure_progress(experiment: str, *, processes: int) -> ExperimentProgress:
    """Read all statuses of an experiment; `processes` is how many runs train in parallel."""
    runs = tuple(load_runs(experiment))
    folder = task_folder(experiment, FROZEN)
    frozen = read_status(folder) if (folder / "status.json").exists() else None
    states = [run.status.state for run in runs]
    previews = tuple(load_previews(experiment))
    others = [one.status.state for one in previews] + ([frozen.state] if frozen else [])
    active = any(state in ACTIVE for state in [*states, *others])
    return ExperimentProgress(
        experiment=experiment,
        runs=runs,
        frozen=frozen,
        previews=previews,
        counts={state: states.count(state) for state in STATES},
        done_share=_done_share(runs),
        eta_seconds=eta(runs, processes=processes) if active else None,
        active=active,
    )


def run_share(status: RunStatus) -> float:
    """How much of a run is done, from 0 to 1."""
    if status.state == "done":
        return 1.0
    start, end = PHASES.get(status.phase, (0.0, 0.0))
    within = min(1.0, status.step / status.steps) if status.steps else 0.0
    return start + (end - start) * within


def eta(runs: Sequence[Run], *, processes: int) -> float | None:
    """Seconds until the last queued or running run ends, at the speed seen so far; None before anything was seen.

    A running run uses its own estimate; the others wait for a worker process, at the speed measured so far.
    """
    speed = _speed(runs)
    lefts = []
    for run in runs:
        if run.status.state == "running" and run.status.eta_seconds is not None:
            lefts.append(run.status.eta_seconds)
        elif run.status.state in ACTIVE:
            if speed is None:
                return None
            lefts.append(_work(run) * (1 - run_share(run.status)) / speed)
    return max(max(lefts), sum(lefts) / max(1, processes)) if lefts else None


def _done_share(runs: Sequence[Run]) -> float:
    total = sum(_work(run) for run in runs)
    return sum(_work(run) * run_share(run.status) for run in runs) / total if total else 0.0


def _work(run: Run) -> float:
    return training_work(run.config) + FIXED_WORK


def _speed(runs: Sequence[Run]) -> float | None:
    """Work per second of one worker process: the median over finished runs, else over running ones."""
    finished, running = [], []
    for run in runs:
        status = run.status
        if status.state == "done" and (seconds := _seconds(status.started, status.finished)) > 0:
            finished.append(_work(run) / seconds)
        elif status.state == "running" and status.eta_seconds:
            running.append(_work(run) * (1 - run_share(status)) / status.eta_seconds)
    seen = finished or running
    return median(seen) if seen else None


def _seconds(start: str, end: str) -> float:
    try:
        return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
    except ValueError:
        return 0.0
