"""Read CSV, TSV and their kin: rows that do not fit the header are set aside with their line numbers."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from closecall.data.io.csv_escaping import unescape_cells
from closecall.data.io.errors import UserError
from closecall.data.readers.csv_dialect import (
    DELIMITER_NAMES,
    PLAIN_QUOTES,
    Dialect,
    UnclosedQuote,
    find_dialect,
    records,
)
from closecall.data.readers.table import (
    BATCH,
    Batch,
    RawTable,
    ReadOptions,
    Source,
    check_columns,
    gather,
    rejected_frame,
)


def read_delimited(source: Source, options: ReadOptions) -> RawTable:
    """Read a delimited file; cells of an own export are unescaped."""
    columns, limit = options.columns, options.limit
    dialect = find_dialect(source, options)
    check_columns(dialect.names, columns or (), source.name)
    wanted = columns or dialect.names
    line, table = 0, None
    try:
        table, suspects = _read(source, dialect, wanted, limit)
        line = suspects[0] if suspects else 0
    except UnclosedQuote as error:
        line = error.args[0]
    if line and (plain := _read_plain(source, dialect, wanted, limit)):
        return plain
    if table is None:
        raise UserError(
            f"{source.name}: a quotation mark opened in the record that starts on line {line} is never closed. "
            "Close it, or double the quotation marks inside the cell."
        )
    note = f"The record on line {line} holds lines that look like rows: a quotation mark may not be closed there."
    return replace(table, notes=(*table.notes, note)) if line else table


def _read(source: Source, dialect: Dialect, columns: Sequence[str], limit: int | None) -> tuple[RawTable, list[int]]:
    """The table, and the lines of records that may have swallowed others by a quote that is not closed."""
    rejected: list[tuple[int, str, str, str]] = []
    suspects: list[int] = []
    frame, rows, notes = gather(source, _batches(source, dialect, columns, limit, rejected, suspects))
    frame = unescape_cells(frame) if dialect.escaped else frame
    if len(rejected) > len(frame):
        line, _, reason, _ = rejected[0]
        raise UserError(
            f"{source.name}: most rows do not fit the header; the first is on line {line}, which {reason}. "
            f"Put cells that contain {DELIMITER_NAMES.get(dialect.delimiter, 'the delimiter')} into double quotes."
        )
    if rejected:
        notes.append(f"Rows set aside because they do not fit the header: {len(rejected):,}.")
    return RawTable(frame, rows, source.name, "", (*dialect.notes, *notes), rejected_frame(rejected)), suspects


def _read_plain(source: Source, dialect: Dialect, columns: Sequence[str], limit: int | None) -> RawTable | None:
    """The table with quotation marks as part of the texts, when every line of the file is a row that way."""
    plain = replace(dialect, style="plain", notes=(*dialect.notes, PLAIN_QUOTES))
    try:
        table, _ = _read(source, plain, columns, limit)
    except UserError:
        return None
    return table if table.rejected.empty else None


def _batches(
    source: Source,
    dialect: Dialect,
    columns: Sequence[str],
    limit: int | None,
    rejected: list[tuple[int, str, str, str]],
    suspects: list[int],
) -> Iterator[Batch]:
    kept = {name: dialect.names.index(name) for name in columns}
    with source.open() as content:
        lines = io.TextIOWrapper(content, dialect.encoding.codec, dialect.encoding.errors, newline="")
        rows = records(lines, dialect.delimiter, dialect.style, source.name)
        rows = islice(rows, dialect.preamble, None if limit is None else limit + dialect.preamble)
        while batch := list(islice(rows, BATCH)):
            fitting = []
            for line, cells in batch:
                if _holds_rows(cells, dialect):
                    suspects.append(line)
                reason = _misfit(cells, dialect)
                if reason:
                    rejected.append((line, "", reason, " | ".join(cells)))
                else:
                    fitting.append((line, cells))
            yield [line for line, _ in fitting], {n: [cells[at] for _, cells in fitting] for n, at in kept.items()}


def _misfit(cells: list[str], dialect: Dialect) -> str:
    """Why a record cannot be a row, or "". Empty cells beyond the header are let pass."""
    width = len(dialect.names)
    if len(cells) < width or any(cells[width:]):
        return f"has {len(cells)} cells where {width} are expected"
    if (
        dialect.has_header
        and cells[0].strip() == dialect.names[0]
        and [cell.strip() for cell in cells[:width]] == list(dialect.names)
    ):
        return "repeats the column names"
    return ""


def _holds_rows(cells: list[str], dialect: Dialect) -> bool:
    """Whether a cell runs over several lines that all have as many delimiters as a row."""
    ends = len(dialect.names) - 1
    return any(
        cell.count("\n") > 2 and all(line.count(dialect.delimiter) == ends for line in cell.split("\n")[1:-1])
        for cell in cells
    )
