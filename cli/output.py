"""Output of the commands: results and JSON on standard output, notes and progress bars on standard error.

With `as_json`, standard output holds JSON and nothing else.
"""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich.box
import rich.progress
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    import pandas as pd

    from closecall.data.exchange.tables import Provenance

PLAIN_WIDTH = 160
"""Columns of output to a file or a pipe."""
SHOWN_ROWS = 20
"""Rows of a long table that are shown."""


def print_note(sentence: str) -> None:
    """A remark on standard error."""
    _console(stderr=True).print(Text(printable(sentence)), soft_wrap=True)


def print_line(sentence: str) -> None:
    """A line of the result on standard output."""
    _console().print(Text(printable(sentence)), soft_wrap=True)


def print_json(content: Any) -> None:
    """One JSON value on standard output."""
    sys.stdout.write(json.dumps(content, ensure_ascii=False, indent=2, default=str) + "\n")


def print_rows(rows: Sequence[dict[str, Any]], *, title: str = "") -> None:
    """Rows as a table on standard output; numbers right-aligned, empty columns omitted."""
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


def print_frame(frame: "pd.DataFrame") -> None:
    """A frame as a table."""
    print_rows([{str(name): value for name, value in row.items()} for row in frame.to_dict("records")])


def print_list(rows: Sequence[dict[str, Any]], *, as_json: bool, empty: str = "") -> None:
    """Rows as a table or as JSON; the note `empty` when there are none."""
    if as_json:
        print_json(rows)
    elif rows:
        print_rows(rows)
    else:
        print_note(empty)


def write_or_print(
    table: "pd.DataFrame", origin: "Provenance", out: Path | None, columns: list[str], *, as_json: bool
) -> None:
    """Write a table to `out`, or show some `columns` of its first rows; with `as_json` print one object a line."""
    from closecall.data.exchange.table_files import table_bytes, write_table

    if out is not None:
        write_table(table, out, origin)
        print_note(f"Written to {out}.")
    if as_json:
        sys.stdout.write(table_bytes(table, "jsonl", origin).decode())
    elif out is None:
        print_frame(table[columns].head(SHOWN_ROWS))
        if len(table) > SHOWN_ROWS:
            print_note(f"These are the first {SHOWN_ROWS}. Write all to a file with --out FILE.")


def printable(text: str) -> str:
    """Text on one line, without characters that could control the terminal."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in " ".join(text.split()))


@contextmanager
def asset_progress() -> Iterator[Callable[[str, float], None]]:
    """A progress callback for `data.io.assets`: a bar in a terminal, else a line for each new sentence."""
    if not sys.stderr.isatty():
        printed: list[str] = []

        def report(sentence: str, share: float) -> None:
            if sentence not in printed:
                printed.append(sentence)
                print_note(sentence)

        yield report
        return
    with bars_on_stderr() as bars:
        task = bars.add_task("", total=1.0)
        yield lambda sentence, share: bars.update(task, description=printable(sentence), completed=share)


def bars_on_stderr() -> rich.progress.Progress:
    """Progress bars that disappear when all is done."""
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
