"""A frame as the bytes of a CSV, JSON Lines or Parquet file, and back."""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from closecall.data.io.csv_escaping import defuse_frame, restore_frame
from closecall.data.readers.table import RawTable

METADATA_KEY = b"closecall"
MARK = "closecall_version"
"""The provenance column that tells an own export."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_TO_ESCAPE = re.compile("[\ud800-\udfff\x85\u2028\u2029]")


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """CSV in UTF-8 with a byte order mark, which spreadsheets need; texts in quotes, defused as `data.io.csv_escaping` says."""
    # Quotes around every text: a bare carriage return in a cell would end its row.
    cells = defuse_frame(frame).to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    return cells.encode("utf-8-sig")


def jsonl_bytes(frame: pd.DataFrame) -> bytes:
    """One JSON object for each row. Missing values are null; an unpaired surrogate, and what some readers take for the
    end of a line, is written as its JSON escape."""
    names = [str(name) for name in frame]
    columns = [_json_values(frame[name]) for name in frame]
    lines = (json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) for row in zip(*columns, strict=True))
    text = "".join(line + "\n" for line in lines)
    return _TO_ESCAPE.sub(lambda match: f"\\u{ord(match.group()):04x}", text).encode("utf-8")


def parquet_bytes(frame: pd.DataFrame, metadata: Mapping[str, Any]) -> bytes:
    """Parquet with `metadata` as JSON under the key `closecall`. An unpaired surrogate becomes U+FFFD."""
    table = pa.Table.from_pandas(frame.apply(_without_surrogates), preserve_index=False)
    known = table.schema.metadata or {}
    added = {METADATA_KEY: json.dumps(metadata, ensure_ascii=False).encode("utf-8", errors="replace")}
    out = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({**known, **added}), out)
    return out.getvalue()


def csv_frame(content: bytes) -> pd.DataFrame:
    """The frame of `csv_bytes`: every cell a text as it was before it was defused, "" for a missing one."""
    return restore_frame(pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False, encoding="utf-8-sig"))


def restored_table(table: RawTable, columns: Iterable[str] | None = None) -> RawTable:
    """A table that was read, its texts as they were when it was exported from here as CSV; any other is left alone.

    An own export is told by its column `closecall_version`; `columns` are those of the whole file, if only some were
    read. JSONL and Parquet hold texts unchanged.
    """
    known = table.frame.columns if columns is None else columns
    if MARK not in known or Path(table.source).suffix.lower() in (".jsonl", ".ndjson", ".json", ".parquet", ".pq"):
        return table
    return replace(table, frame=restore_frame(table.frame))


def _json_values(column: pd.Series) -> list[Any]:
    """Plain values; a float32 with its own digits, .12 and not .11999999731."""
    if column.dtype == np.float32:
        values: list[Any] = [float(str(value)) for value in column.to_numpy()]
    else:
        values = column.astype(object).tolist()
    missing = column.isna().to_numpy()
    return [None if gone else _plain(value) for value, gone in zip(values, missing, strict=True)]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _without_surrogates(column: pd.Series) -> pd.Series:
    if column.dtype != object:
        return column
    cells = [_SURROGATE.sub("\ufffd", cell) if isinstance(cell, str) else cell for cell in column]
    return pd.Series(cells, index=column.index, dtype=object)
