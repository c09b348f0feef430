"""Stay with an experiment until it is done: bars in a terminal, else a line for each step of a run."""

import sys
import time
from collections.abc import Iterator

import rich.progress

from closecall.analysis.formatting import ratio_text
from closecall.cli.output import bars_on_stderr, print_note, printable
from closecall.data.experiments.previews import LINEAR
from closecall.data.experiments.runs import RunStatus
from closecall.data.experiments.store import experiment_ids, load_experiment
from closecall.models.queue.jobs import experiment_progress, is_attended, watch
from closecall.models.queue.progress import ExperimentProgress, run_share

LINE_SECONDS = 30.0
"""Without a terminal, a run that trains on says so this often."""


def follow(experiment: str) -> ExperimentProgress:
    """Show a queued experiment's progress until nothing of it is queued or running; returns the last state."""
    return _follow_bars(experiment) if sys.stderr.isatty() else _follow_lines(experiment)


def _follow_bars(experiment: str) -> ExperimentProgress:
    with bars_on_stderr() as bars:
        whole = bars.add_task("", total=1.0)
        tasks: dict[str, rich.progress.TaskID] = {}
        for progress in watch(experiment):
            bars.update(whole, description=f"all{_time_left(progress)}", completed=progress.done_share)
            for name, status in _tasks(progress):
                if name not in tasks:
                    tasks[name] = bars.add_task("", total=1.0)
                bars.update(tasks[name], description=task_words(name, status), completed=run_share(status))
    return progress


def _follow_lines(experiment: str) -> ExperimentProgress:
    """A line when a state or phase changes, and now and then while it lasts."""
    seen: dict[str, tuple[str, str]] = {}
    told: dict[str, float] = {}
    for progress in watch(experiment):
        for name, status in _tasks(progress):
            mark = status.state, status.phase
            late = status.state == "running" and time.monotonic() - told.get(name, 0) > LINE_SECONDS
            if status.state != "queued" and (seen.get(name) != mark or late):
                seen[name], told[name] = mark, time.monotonic()
                share = f" {100 * run_share(status):.0f} %" if status.state == "running" else ""
                print_note(f"{task_words(name, status)}{share}{_time_left(progress)}")
    return progress


def _tasks(progress: ExperimentProgress) -> Iterator[tuple[str, RunStatus]]:
    """Every preview, every run and the frozen encoder, by the names that people read."""
    for one in progress.previews:
        kind = "linear probe" if one.kind == LINEAR else "cached prefix"
        yield f"preview of {ratio_text(one.ratio)} ({kind})", one.status
    for run in progress.runs:
        remedy = "" if run.config.remedy == "none" else f" {run.config.remedy}"
        yield f"{ratio_text(run.config.ratio)} seed {run.config.seed}{remedy}", run.status
    if progress.frozen is not None:
        yield "encoder as it came", progress.frozen


def task_words(name: str, status: RunStatus) -> str:
    """What a run is doing: `1:10 seed 0: training, epoch 2 of 3`."""
    doing = status.phase if status.state == "running" and status.phase else status.state
    epoch = f", epoch {status.epoch} of {status.epochs}" if doing == "training" and status.epoch else ""
    message = f" ({status.message})" if status.message else ""
    return printable(f"{name}: {doing}{epoch}{message}")


def _time_left(progress: ExperimentProgress) -> str:
    seconds = progress.eta_seconds
    if not seconds:
        return ""
    return f", about {seconds:.0f} s left" if seconds < 90 else f", about {seconds / 60:.0f} min left"


# Work that waits for someone: offered whenever the app or a list is opened.


def unfinished_experiments() -> list[str]:
    """Experiments with interrupted runs, or with queued ones that no worker takes."""
    return [
        experiment
        for experiment in experiment_ids()
        if load_experiment(experiment).kind != "imported" and _is_stuck(experiment)
    ]


def _is_stuck(experiment: str) -> bool:
    stuck = ("interrupted",) if is_attended(experiment) else ("interrupted", "queued")
    return any(experiment_progress(experiment).counts[state] for state in stuck)


def print_unfinished() -> None:
    """Offer to go on with what was interrupted."""
    for experiment in unfinished_experiments():
        print_note(f"{experiment} is not finished. Go on with: closecall resume {experiment} (or on the Train page).")
