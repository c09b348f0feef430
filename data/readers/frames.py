"""Read a pandas DataFrame as if it came from a file: every cell as a string, rows numbered from 1."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from closecall.data.io.errors import UserError
from closecall.data.readers.json_records import json_cell
from closecall.data.readers.table import BATCH, Batch, RawTable, ReadOptions, Source, check_columns, gather

NAME = "The DataFrame"
"""What messages call a table that has no file name."""


def read_frame_table(frame: pd.DataFrame, name: str, options: ReadOptions) -> RawTable:
    """The rows of a frame as strings; column names become strings, the index is left out.

    Whole numbers have no point, missing values are null, a column of dates alone has no times. The sha256 is that of
    the column names and cells. UserError for two columns of one name.
    """
    source = Source(name or NAME, b"")
    names = [str(one) for one in frame.columns]
    for one in names:
        if names.count(one) > 1:
            raise UserError(f"{source.name} has two columns named {one!r}. Rename one of them.")
    check_columns(names, options.columns or (), source.name)
    wanted = options.columns or names
    rows = frame.iloc[: options.limit, [names.index(one) for one in wanted]]
    table, numbers, notes = gather(source, _batches(rows.set_axis(list(wanted), axis=1)))
    return RawTable(table, numbers, source.name, "" if options.limit else frame_sha256(table), tuple(notes))


def cell_text(value: Any) -> str | None:
    """One value as the string that a table holds; None for a missing one."""
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return None
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, str | bool | int | float | list | dict | tuple):
        return json_cell(plain)
    return json_cell(plain.tolist()) if isinstance(plain, np.ndarray) else str(plain)


def _batches(frame: pd.DataFrame) -> Iterator[Batch]:
    for start in range(0, len(frame), BATCH):
        part = frame.iloc[start : start + BATCH]
        yield range(start + 1, start + len(part) + 1), {str(name): _cells(part[name]) for name in part}


def _cells(column: pd.Series) -> Sequence[str | None] | pa.Array:
    kind = column.dtype
    if pd.api.types.is_string_dtype(kind):
        with suppress(pa.ArrowException):  # not only texts
            return pa.Array.from_pandas(column, type=pa.large_string())
    if pd.api.types.is_datetime64_any_dtype(kind):
        days = (column.dt.normalize() == column)[column.notna()].all()
        return [None if pd.isna(moment) else str(moment.date() if days else moment) for moment in column]
    if pd.api.types.is_float_dtype(kind) and isinstance(kind, np.dtype):
        return [json_cell(value) for value in column.tolist()]
    return [cell_text(value) for value in column.astype(object)]


def frame_sha256(table: pd.DataFrame) -> str:
    """The sha256 of the column names and cells of a frame of strings."""
    digest = sha256(json.dumps(list(table.columns)).encode())
    for name in table:
        filled = table[name].astype(object).where(table[name].notna(), None)
        digest.update(json.dumps(filled.tolist(), default=str).encode())
    return digest.hexdigest()
