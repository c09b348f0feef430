"""Write tables with their provenance as CSV, JSON Lines, Parquet, or a folder for Hugging Face `datasets`.

The provenance is in columns of every row, and in Parquet also in the file's metadata under `closecall`.
"""

import csv
import html
import io
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from closecall.data.exchange.export_formats import TABLE_FORMATS, export_format
from closecall.data.exchange.tables import ExportTable, Provenance
from closecall.data.io.csv_escaping import escape_frame
from closecall.data.io.errors import UserError
from closecall.data.io.files import atomic_write

METADATA_KEY = b"closecall"
SPLIT = "hard_cases"
PARQUET = f"data/{SPLIT}-00000-of-00001.parquet"
_SURROGATE = re.compile("[\ud800-\udfff]")
_TO_ESCAPE = re.compile("[\ud800-\udfff\x85\u2028\u2029]")


def write_table(frame: pd.DataFrame, path: Path, provenance: Provenance) -> None:
    """Write a table with its provenance, atomically, in the format that the path's suffix names."""
    content = table_bytes(frame, path.suffix.removeprefix(".").lower(), provenance)
    try:
        with atomic_write(path) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror or error}). Choose another place.") from error


def table_bytes(frame: pd.DataFrame, form: str, provenance: Provenance) -> bytes:
    """The file that `write_table` writes, as bytes. `form` is the name of one of TABLE_FORMATS."""
    return export_format(form, TABLE_FORMATS).write(ExportTable(frame, provenance))


def csv_file(table: ExportTable) -> bytes:
    """The table as CSV."""
    return csv_bytes(table.full_frame)


def jsonl_file(table: ExportTable) -> bytes:
    """The table as JSON Lines."""
    return _jsonl_bytes(table.full_frame)


def parquet_file(table: ExportTable) -> bytes:
    """The table as Parquet."""
    return _parquet_bytes(table.full_frame, asdict(table.provenance))


def hf_zip(table: ExportTable) -> bytes:
    """A zip of a dataset card and a Parquet file: `datasets.load_dataset(folder)` gives the one split `hard_cases`."""
    card = _dataset_card(table).encode("utf-8", errors="replace")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.md", card)
        archive.writestr(PARQUET, parquet_file(table))
    return out.getvalue()


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """CSV in UTF-8 with a byte order mark for spreadsheets. Texts are quoted and escaped (`data.io.csv_escaping`)."""
    # Quotes around every text: a bare carriage return in a cell would end its row.
    cells = escape_frame(frame).to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    return cells.encode("utf-8-sig")


def _jsonl_bytes(frame: pd.DataFrame) -> bytes:
    """One JSON object for each row. Missing values are null; an unpaired surrogate, and what some readers take for the
    end of a line, is written as its JSON escape."""
    names = [str(name) for name in frame]
    columns = [_json_values(frame[name]) for name in frame]
    lines = (json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) for row in zip(*columns, strict=True))
    text = "".join(line + "\n" for line in lines)
    return _TO_ESCAPE.sub(lambda match: f"\\u{ord(match.group()):04x}", text).encode("utf-8")


def _parquet_bytes(frame: pd.DataFrame, metadata: Mapping[str, Any]) -> bytes:
    """Parquet with `metadata` as JSON under the key `closecall`. An unpaired surrogate becomes U+FFFD."""
    table = pa.Table.from_pandas(frame.apply(_without_surrogates), preserve_index=False)
    known = table.schema.metadata or {}
    added = {METADATA_KEY: json.dumps(metadata, ensure_ascii=False).encode("utf-8", errors="replace")}
    out = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({**known, **added}), out)
    return out.getvalue()


def _json_values(column: pd.Series) -> list[Any]:
    """Plain values; a float32 with its own digits, 0.12 and not 0.11999999731."""
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


def _dataset_card(table: ExportTable) -> str:
    """YAML that names the file, then what the data are, where they come from and what the columns are."""
    title, rows = table.title, len(table.frame)
    quoted = json.dumps(f"Hard cases of {_line(title)}", ensure_ascii=False)
    known = {name: value for name, value in asdict(table.provenance).items() if value not in ("", None)}
    named = ", ".join("`" + _line(str(name)).replace("`", "'") + "`" for name in table.full_frame)
    origin = "\n".join(f"- {name}: {html.escape(_line(str(value)))}" for name, value in known.items())
    return f"""---
pretty_name: {quoted}
license: other
task_categories:
- text-classification
configs:
- config_name: default
  data_files:
  - split: {SPLIT}
    path: {PARQUET}
---

# Hard cases of {html.escape(_line(title))}

{rows:,} examples that classifiers get wrong, or that someone wants to act on, each with its text, its label, the
reasons why it is on the list, what was decided (action, new_label, tags, note), its outcomes over ratios and seeds, its
nearest training examples, and the probability of being positive in every run. Made with Close Call.

## Where it comes from

{origin}

The texts keep the licence of their source: {html.escape(_line(table.licence)) or "not stated"}

## Columns

{named}
"""


def _line(text: str) -> str:
    return " ".join(text.split())
