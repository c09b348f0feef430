"""A table as read from a source, before any choice of columns: strings, row numbers, and what could not be read."""

import difflib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from closecall.data.io.errors import UserError
from closecall.data.io.files import file_sha256

MAX_ROWS = 2_000_000
MAX_BYTES = 1 << 30
"""Limits on the rows and on the text bytes of the columns read: a larger source is refused while it is read."""
MAX_CLASSES = 500
"""A label column with more different values than this is not a label column."""
BATCH = 10_000
SHOWN = 200
"""Characters of a text that a report repeats."""

Batch = tuple[Sequence[int], Mapping[str, Sequence[str | None] | pa.Array]]
"""Row numbers and, for each column, the aligned strings."""


@dataclass(frozen=True)
class Source:
    """The source of a table: a path, or the bytes of an upload, and its name for messages."""

    name: str
    content: Path | bytes

    @property
    def is_folder(self) -> bool:
        return isinstance(self.content, Path) and self.content.is_dir()

    @property
    def size(self) -> int:
        return len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size

    def open(self) -> BinaryIO:
        return io.BytesIO(self.content) if isinstance(self.content, bytes) else self.content.open("rb")

    def sha256(self) -> str:
        return sha256(self.content).hexdigest() if isinstance(self.content, bytes) else file_sha256(self.content)


@dataclass(frozen=True)
class ReadOptions:
    """What to read of a source, and what replaces detection; None: all, or as detected."""

    columns: tuple[str, ...] | None = None
    encoding: str | None = None
    delimiter: str | None = None
    header: bool | None = None
    limit: int | None = None


@dataclass(frozen=True)
class RawTable:
    """What was read.

    `frame` holds strings (missing cells are null), with the source's column names and an index from 0. `source_rows`
    (int64, aligned) are the numbers a person sees: the line on which the record starts for CSV and JSON Lines, the
    row from 1 otherwise. `rejected` has source_row, id, reason and text: rows that could not be read. `notes` are
    sentences on what was found and decided (encoding, delimiter, header). `sha256` is empty for a preview.
    """

    frame: pd.DataFrame
    source_rows: np.ndarray
    source: str
    sha256: str = ""
    notes: tuple[str, ...] = ()
    rejected: pd.DataFrame = field(default_factory=lambda: rejected_frame([]))

    def __post_init__(self) -> None:
        if len(self.frame) != len(self.source_rows):
            raise UserError(f"{self.source}: {len(self.frame)} rows have {len(self.source_rows)} row numbers.")
        if self.frame.empty:
            raise UserError(f"{self.source} has no rows below its header. Check that this is the right file.")


def rejected_frame(rows: Sequence[tuple[int, str, str, str]]) -> pd.DataFrame:
    """Rows set aside, as a frame of source_row (int64), id, reason and text (its first 200 characters)."""
    frame = pd.DataFrame(rows, columns=["source_row", "id", "reason", "text"])
    texts = frame["text"].astype(str).str.slice(0, SHOWN).map(clean_text)
    return frame.assign(text=texts.astype(str)).astype({"source_row": "int64", "id": str, "reason": str})


def clean_text(text: str) -> str:
    """The text without what no file or page can hold: unpaired surrogates become `?`, NUL characters spaces."""
    return text.encode("utf-8", errors="replace").decode("utf-8").replace("\0", " ")


def gather(source: Source, batches: Iterable[Batch]) -> tuple[pd.DataFrame, np.ndarray, list[str]]:
    """Put batches of strings together into a frame, its row numbers and notes.

    A column that some batches lack is null there. UserError past `MAX_ROWS` or `MAX_BYTES`.
    """
    tables: list[pa.Table] = []
    numbers: list[np.ndarray] = []
    rows = size = cleaned = 0
    for batch_rows, columns in batches:
        arrays = {}
        for name, values in columns.items():
            arrays[name], changed = _strings(values)
            cleaned += changed
        tables.append(pa.table(arrays))
        numbers.append(np.asarray(batch_rows, dtype=np.int64))
        rows, size = rows + len(batch_rows), size + tables[-1].nbytes
        _check_limits(source, rows, size, batch_rows)
    if not tables:
        return pd.DataFrame(), np.zeros(0, dtype=np.int64), []
    frame = pa.concat_tables(tables, promote_options="default").to_pandas(self_destruct=True)
    notes = [f"Cells in which NUL or broken characters were replaced: {cleaned:,}."] if cleaned else []
    return frame, np.concatenate(numbers), notes


def check_columns(names: Sequence[str], wanted: Sequence[str], source: str) -> None:
    """UserError when a wanted column is not among `names`, with the nearest name and the list."""
    for name in wanted:
        if name not in names:
            listed = ", ".join(map(repr, names[:30])) + (" ..." if len(names) > 30 else "")
            raise UserError(f"{source} has no column {name!r}{nearest(name, names)} Its columns are {listed}.")


def nearest(name: str, names: Sequence[str]) -> str:
    """A full stop, or a question that names the nearest of `names`."""
    folded = {one.casefold(): one for one in names}
    close = difflib.get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.6)
    return f". Is {folded[close[0]]!r} meant?" if close else "."


def _strings(values: Sequence[str | None] | pa.Array) -> tuple[pa.Array, int]:
    """The values as Arrow strings, and how many had to be cleaned."""
    broken = 0
    if isinstance(values, pa.Array | pa.ChunkedArray):
        array = values.cast(pa.large_string())
    else:
        try:
            array = pa.array(values, type=pa.large_string())
        except UnicodeEncodeError:
            fixed = [value if value is None else value.encode("utf-8", "replace").decode() for value in values]
            broken = sum(one != other for one, other in zip(values, fixed, strict=True))
            array = pa.array(fixed, type=pa.large_string())
    with_nul = pc.sum(pc.match_substring(array, "\0")).as_py() or 0
    if with_nul:
        array = pc.replace_substring(array, "\0", " ")
    return array, broken + with_nul


def _check_limits(source: Source, rows: int, size: int, batch_rows: Sequence[int]) -> None:
    if rows <= MAX_ROWS and size <= MAX_BYTES:
        return
    limit = f"{MAX_ROWS:,} rows" if rows > MAX_ROWS else f"{MAX_BYTES / 2**30:g} GB of text"
    raise UserError(
        f"{source.name} holds more than {limit} in the columns read (reached near row {batch_rows[-1]:,}), which is "
        "more than this app keeps at once. Choose only the columns needed, or import a sample of the rows: all of "
        "the rare class and some of the common one."
    )
