"""Read a table of texts from a file, an upload, a folder or a DataFrame, in any of `data.readers.formats`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from closecall.data.io.errors import UserError
from closecall.data.readers.formats import FORMATS, HEAD_BYTES, Format, find_format
from closecall.data.readers.frames import read_frame_table
from closecall.data.readers.table import RawTable, ReadOptions, Source


def read_table(
    content: str | Path | bytes | pd.DataFrame,
    filename: str = "",
    *,
    columns: Sequence[str] | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
    limit: int | None = None,
) -> RawTable:
    """Read a table by path, from the bytes of an upload with its `filename`, or a DataFrame. All cells are strings.

    `columns` keeps only those; a file larger than `data.readers.table.MAX_BYTES` can be read when the columns kept are
    smaller. `limit` stops after so many rows: a preview, which has no sha256 and may not show every class. `encoding`,
    `delimiter` and `header` replace what is detected in a delimited file.
    UserError for what is missing, empty, of another format, too large, or broken in most of its rows.
    """
    options = ReadOptions(None if columns is None else tuple(columns), encoding, delimiter, header, limit)
    if isinstance(content, pd.DataFrame):
        return read_frame_table(content, filename, options)
    source = _source(content, filename)
    try:
        table = _format(source).read(source, options)
        return table if limit or table.sha256 else replace(table, sha256=source.sha256())
    except OSError as error:
        raise UserError(f"{source.name} cannot be read ({error.strerror or error}).") from error


def _source(content: str | Path | bytes, filename: str) -> Source:
    if isinstance(content, bytes):
        source = Source(filename or "The upload", content)
    else:
        path = Path(content).expanduser()
        if not path.exists():
            raise UserError(f"There is no file {path}. Check the path.")
        source = Source(filename or path.name, path)
    if not source.is_folder and not source.size:
        raise UserError(f"{source.name} is empty.")
    return source


def _format(source: Source) -> Format:
    if source.is_folder:
        return next(one for one in FORMATS if one.folder)
    with source.open() as content:
        return find_format(source.name, content.read(HEAD_BYTES))
