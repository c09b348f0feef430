"""What the terminal shows: tables, live progress, and plain lines where there is no terminal. Results go to standard
output, everything that passes by goes to standard error."""

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pandas as pd
import rich.box
import rich.progress
from rich.console import Console
from rich.table import Table
from rich.text import Text

from data.experiments import ratio_label
from data.runs import Run
from models.jobs import watch
from models.progress import ExperimentProgress, run_share

PLAIN_WIDTH = 160
"""Columns of output that goes to a file or a pipe."""
LINE_SECONDS = 30.0
"""Without a terminal, a run that trains on says so this often."""


def say(sentence: str) -> None:
    """A sentence that passes by, on standard error."""
    _console(stderr=True).print(Text(plain(sentence)), soft_wrap=True)


def show_json(content: Any) -> None:
    """One JSON value on standard output."""
    sys.stdout.write(json.dumps(content, ensure_ascii=False, indent=2, default=str) + "\n")


def show_rows(rows: Sequence[dict[str, Any]], *, title: str = "") -> None:
    """Rows as a table on standard output; numbers to the right, columns with nothing in them left out."""
    filled = [name for name in rows[0] if any(_cell(row[name]) for row in rows)] if rows else []
    if not filled:
        return
    table = Table(title=title or None, title_justify="left", box=rich.box.SIMPLE_HEAD, pad_edge=False)
    for name in filled:
        right = isinstance(rows[0][name], int | float)
        table.add_column(name, justify="right" if right else "left", overflow="ellipsis", no_wrap=right)
    for row in rows:
        table.add_row(*(Text(plain(_cell(row[name]))) for name in filled))
    _console().print(table)


def show_frame(frame: pd.DataFrame) -> None:
    """A frame as a table."""
    show_rows([{str(name): value for name, value in row.items()} for row in frame.to_dict("records")])


def plain(text: str) -> str:
    """Text without line breaks and without characters that could steer the terminal."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in " ".join(text.split()))


@contextmanager
def asset_progress() -> Iterator[Callable[[str, float], None]]:
    """A callback for `data.assets`: a bar in a terminal, else a line for each new sentence."""
    if not sys.stderr.isatty():
        said: list[str] = []

        def tell(sentence: str, share: float) -> None:
            if sentence not in said:
                said.append(sentence)
                say(sentence)

        yield tell
        return
    with _bars() as bars:
        task = bars.add_task("", total=1.0)
        yield lambda sentence, share: bars.update(task, description=plain(sentence), completed=share)


def follow(experiment: str) -> ExperimentProgress:
    """Show a queued experiment's progress until nothing of it is queued or running; returns the last state."""
    return _follow_bars(experiment) if sys.stderr.isatty() else _follow_lines(experiment)


def _follow_bars(experiment: str) -> ExperimentProgress:
    with _bars() as bars:
        tasks: dict[str, rich.progress.TaskID] = {}
        for progress in watch(experiment):
            for run in progress.runs:
                if run.name not in tasks:
                    tasks[run.name] = bars.add_task("", total=1.0)
                bars.update(tasks[run.name], description=_run_words(run), completed=run_share(run.status))
    return progress


def _follow_lines(experiment: str) -> ExperimentProgress:
    """A line when a run's state or phase changes, and now and then while it trains."""
    seen: dict[str, tuple[str, str]] = {}
    told: dict[str, float] = {}
    for progress in watch(experiment):
        for run in progress.runs:
            mark = run.status.state, run.status.phase
            late = run.status.state == "running" and time.monotonic() - told.get(run.name, 0) > LINE_SECONDS
            if mark[0] != "queued" and (seen.get(run.name) != mark or late):
                seen[run.name], told[run.name] = mark, time.monotonic()
                say(f"{_run_words(run)}, {100 * run_share(run.status):.0f} %{_time_left(progress)}")
    return progress


def _run_words(run: Run) -> str:
    """`1:10 seed 0: training, epoch 2 of 3`."""
    status = run.status
    doing = status.phase if status.state == "running" and status.phase else status.state
    epoch = f", epoch {status.epoch} of {status.epochs}" if doing == "training" and status.epochs else ""
    remedy = "" if run.config.remedy == "none" else f" {run.config.remedy}"
    message = f" ({status.message})" if status.message else ""
    return plain(f"{ratio_label(run.config.ratio)} seed {run.config.seed}{remedy}: {doing}{epoch}{message}")


def _time_left(progress: ExperimentProgress) -> str:
    seconds = progress.eta_seconds
    if seconds is None:
        return ""
    return f", about {seconds:.0f} s left" if seconds < 90 else f", about {seconds / 60:.0f} min left"


def _bars() -> rich.progress.Progress:
    return rich.progress.Progress(
        rich.progress.TextColumn("{task.description}"),
        rich.progress.BarColumn(),
        rich.progress.TaskProgressColumn(),
        console=_console(stderr=True),
        transient=True,
    )


def _console(*, stderr: bool = False) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else PLAIN_WIDTH, highlight=False, markup=False)


def _cell(value: Any) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, bool):
        return "yes" if value else ""
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}" if isinstance(value, float) else str(value)
