"""Read CSV, TSV and their kin: rows that do not fit the header are set aside with their line numbers."""

import io
from collections.abc import Iterator, Sequence
from itertools import islice

from data.errors import UserError
from data.layouts import DELIMITER_NAMES, Layout, UnclosedQuote, find_layout, records
from data.raw import BATCH, Batch, RawTable, Source, check_columns, gather, rejected_frame


def read_delimited(
    source: Source,
    *,
    columns: Sequence[str] | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
    limit: int | None = None,
) -> RawTable:
    """Read a delimited file; `columns` keeps only some, `limit` only the first rows. See `data.readers.read_table`."""
    layout = find_layout(source, encoding, delimiter, header)
    check_columns(layout.names, columns or (), source.name)
    try:
        return _read(source, layout, columns or layout.names, limit)
    except UnclosedQuote as error:
        line = error.args[0]
    raise UserError(
        f"{source.name}: a quotation mark opened in the record that starts on line {line} is never closed. "
        "Close it, or double the quotation marks inside the cell."
    )


def _read(source: Source, layout: Layout, columns: Sequence[str], limit: int | None) -> RawTable:
    rejected: list[tuple[int, str, str, str]] = []
    frame, rows, notes = gather(source, _batches(source, layout, columns, limit, rejected))
    if len(rejected) > len(frame):
        line, _, reason, _ = rejected[0]
        raise UserError(
            f"{source.name}: most rows do not fit the header; the first is on line {line}, which {reason}. "
            f"Put cells that contain {DELIMITER_NAMES.get(layout.delimiter, 'the delimiter')} into double quotes."
        )
    if rejected:
        notes.append(f"Rows set aside because they do not fit the header: {len(rejected):,}.")
    return RawTable(frame, rows, source.name, "", (*layout.notes, *notes), rejected_frame(rejected))


def _batches(
    source: Source,
    layout: Layout,
    columns: Sequence[str],
    limit: int | None,
    rejected: list[tuple[int, str, str, str]],
) -> Iterator[Batch]:
    kept = {name: layout.names.index(name) for name in columns}
    with source.open() as content:
        lines = io.TextIOWrapper(content, layout.encoding.codec, layout.encoding.errors, newline="")
        rows = records(lines, layout.delimiter, layout.quoted, source.name)
        rows = islice(rows, int(layout.has_header), None if limit is None else limit + layout.has_header)
        while batch := list(islice(rows, BATCH)):
            fitting = []
            for line, cells in batch:
                reason = _misfit(cells, layout)
                if reason:
                    rejected.append((line, "", reason, " | ".join(cells)))
                else:
                    fitting.append((line, cells))
            yield [line for line, _ in fitting], {n: [cells[at] for _, cells in fitting] for n, at in kept.items()}


def _misfit(cells: list[str], layout: Layout) -> str:
    """Why a record cannot be a row, or "". Empty cells beyond the header are let pass."""
    width = len(layout.names)
    if len(cells) < width or any(cells[width:]):
        return f"has {len(cells)} cells where {width} are expected"
    if layout.has_header and [cell.strip() for cell in cells[:width]] == list(layout.names):
        return "repeats the column names"
    return ""
