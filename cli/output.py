"""What the terminal shows: tables and JSON on standard output, remarks and bars on standard error."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pandas as pd
import rich.box
import rich.progress
from rich.console import Console
from rich.table import Table
from rich.text import Text

PLAIN_WIDTH = 160
"""Columns of output that goes to a file or a pipe."""


def print_note(sentence: str) -> None:
    """A sentence that passes by, on standard error."""
    _console(stderr=True).print(Text(printable(sentence)), soft_wrap=True)


def print_line(sentence: str) -> None:
    """A sentence that is the answer, on standard output."""
    _console().print(Text(printable(sentence)), soft_wrap=True)


def print_json(content: Any) -> None:
    """One JSON value on standard output."""
    sys.stdout.write(json.dumps(content, ensure_ascii=False, indent=2, default=str) + "\n")


def print_rows(rows: Sequence[dict[str, Any]], *, title: str = "") -> None:
    """Rows as a table on standard output; numbers to the right, columns with nothing in them left out."""
    filled = [name for name in rows[0] if any(_cell(row[name]) for row in rows)] if rows else []
    if not filled:
        return
    table = Table(title=title or None, title_justify="left", box=rich.box.SIMPLE_HEAD, pad_edge=False)
    for name in filled:
        right = isinstance(rows[0][name], int | float)
        table.add_column(name, justify="right" if right else "left", overflow="ellipsis", no_wrap=right)
    for row in rows:
        table.add_row(*(Text(printable(_cell(row[name]))) for name in filled))
    _console().print(table)


def print_frame(frame: pd.DataFrame) -> None:
    """A frame as a table."""
    print_rows([{str(name): value for name, value in row.items()} for row in frame.to_dict("records")])


def printable(text: str) -> str:
    """Text without line breaks and without characters that could steer the terminal."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in " ".join(text.split()))


@contextmanager
def asset_progress() -> Iterator[Callable[[str, float], None]]:
    """A callback for `data.io.assets`: a bar in a terminal, else a line for each new sentence."""
    if not sys.stderr.isatty():
        said: list[str] = []

        def tell(sentence: str, share: float) -> None:
            if sentence not in said:
                said.append(sentence)
                print_note(sentence)

        yield tell
        return
    with bars_on_stderr() as bars:
        task = bars.add_task("", total=1.0)
        yield lambda sentence, share: bars.update(task, description=printable(sentence), completed=share)


def bars_on_stderr() -> rich.progress.Progress:
    """Bars that disappear when all is done."""
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
