"""Follow queued work until it is done: bars in a terminal, else a line for each phase of a run."""

import sys
import time
from collections.abc import Iterator

import rich.progress

from closecall.analysis.formatting import duration_text, ratio_text
from closecall.cli.experiment_tables import all_done, print_progress, progress_content, task_text
from closecall.cli.output import bars_on_stderr, print_json, print_note
from closecall.data.experiments.previews import LINEAR
from closecall.data.experiments.remedies import NO_REMEDY
from closecall.data.experiments.runs import RunStatus
from closecall.data.experiments.store import RECORDED, experiment_ids, load_experiment
from closecall.models.queue.backends import DriverStatus, driver_status
from closecall.models.queue.jobs import experiment_progress, is_attended, scheduler_status, watch
from closecall.models.queue.progress import ExperimentProgress, run_share

LINE_SECONDS = 30.0
"""Without a terminal, a running run is reported this often."""


def print_queued(experiment: str, *, wait: bool, as_json: bool) -> None:
    """Report what was queued and, with `wait`, follow it until it is done."""
    driver = driver_status(experiment)
    if driver.alive:
        print_note(_cluster_text(driver))
    print_note(f"Queued as {experiment}." + ("" if wait else f" To follow it: closecall status {experiment} --wait"))
    if wait:
        print_until_done(experiment, as_json=as_json)
    elif as_json:
        print_json(progress_content(experiment_progress(experiment)))


def print_until_done(experiment: str, *, as_json: bool) -> None:
    """Follow an experiment, then print its runs. Exit code 1 unless every run is done, 130 after Ctrl-C."""
    try:
        progress = follow(experiment)
    except KeyboardInterrupt:
        print_note(
            f"The runs continue. Follow them: closecall status {experiment}; stop them: closecall cancel {experiment}"
        )
        raise
    print_progress(experiment, as_json=as_json)
    if not all_done(progress):
        print_note(f"Some runs are not done. To continue them: closecall resume {experiment}")
        sys.exit(1)


def print_worker_note() -> None:
    """Report the active scheduler, and the experiments that are not finished."""
    scheduler = scheduler_status()
    if scheduler.alive:
        print_note(f"The scheduler is active: {scheduler.busy} of {scheduler.processes} worker processes busy.")
    print_unfinished()


def print_unfinished() -> None:
    """Name the experiments that can be resumed."""
    for experiment in unfinished_experiments():
        print_note(f"{experiment} is not finished. To continue: closecall resume {experiment} (or on the Train page).")


def unfinished_experiments() -> list[str]:
    """Experiments with interrupted runs, or with queued ones that no scheduler takes."""
    return [
        experiment
        for experiment in experiment_ids()
        if load_experiment(experiment).kind not in ("imported", RECORDED) and _is_stuck(experiment)
    ]


def follow(experiment: str) -> ExperimentProgress:
    """Show the progress of an experiment until nothing is queued or running; returns the last state."""
    return _follow_bars(experiment) if sys.stderr.isatty() else _follow_lines(experiment)


def _follow_bars(experiment: str) -> ExperimentProgress:
    with bars_on_stderr() as bars:
        total = bars.add_task("", total=1.0)
        tasks: dict[str, rich.progress.TaskID] = {}
        for progress in watch(experiment):
            bars.update(total, description=f"all{_time_left(progress)}", completed=progress.done_share)
            for name, status in _tasks(progress):
                if name not in tasks:
                    tasks[name] = bars.add_task("", total=1.0)
                bars.update(tasks[name], description=task_text(name, status), completed=run_share(status))
    return progress


def _follow_lines(experiment: str) -> ExperimentProgress:
    """A line when the state or phase of a run changes, and every `LINE_SECONDS` in between."""
    seen: dict[str, tuple[str, str]] = {}
    printed: dict[str, float] = {}
    for progress in watch(experiment):
        for name, status in _tasks(progress):
            mark = status.state, status.phase
            late = status.state == "running" and time.monotonic() - printed.get(name, 0) > LINE_SECONDS
            if status.state != "queued" and (seen.get(name) != mark or late):
                seen[name], printed[name] = mark, time.monotonic()
                share = f" {100 * run_share(status):.0f} %" if status.state == "running" else ""
                print_note(f"{task_text(name, status)}{share}{_time_left(progress)}")
    return progress


def _tasks(progress: ExperimentProgress) -> Iterator[tuple[str, RunStatus]]:
    """The name and status of every preview, every run and the frozen encoder."""
    for one in progress.previews:
        kind = "linear probe" if one.kind == LINEAR else "hidden-state cache"
        yield f"preview of {ratio_text(one.ratio)} ({kind})", one.status
    for run in progress.runs:
        remedy = "" if run.config.remedy == NO_REMEDY else f" {run.config.remedy}"
        yield f"{ratio_text(run.config.ratio)} seed {run.config.seed}{remedy}", run.status
    if progress.frozen is not None:
        yield "frozen encoder", progress.frozen


def _time_left(progress: ExperimentProgress) -> str:
    return f", about {duration_text(progress.eta_seconds)} left" if progress.eta_seconds else ""


def _cluster_text(driver: DriverStatus) -> str:
    """What the runs are trained on: `On Ray: 2 machines, 4 runs at a time.`"""
    if not driver.processes:
        return f"On Ray: no machine can train a run yet; the runs wait for one. {driver.message}".strip()
    machines = "1 machine" if driver.nodes == 1 else f"{driver.nodes:,} machines"
    runs = "1 run" if driver.processes == 1 else f"{driver.processes:,} runs"
    return f"On Ray: {machines}, {runs} at a time. {driver.message}".strip()


def _is_stuck(experiment: str) -> bool:
    stuck = ("interrupted",) if is_attended(experiment) else ("interrupted", "queued")
    return any(experiment_progress(experiment).counts[state] for state in stuck)
