"""Read a table of texts from a file, an upload or a saved Hugging Face dataset, whatever its form.

Everything is read as strings; which columns and classes matter is chosen afterwards (`data.datasets.preparation`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from closecall.data.io.errors import UserError
from closecall.data.readers.arrow_files import hf_sha256, read_hf_folder, read_parquet
from closecall.data.readers.delimited import read_delimited
from closecall.data.readers.json_records import read_json_records
from closecall.data.readers.split_names import split_name
from closecall.data.readers.table import MAX_CLASSES, RawTable, Source

__all__ = ["ColumnRoles", "RawTable", "columns_overview", "guess_columns", "read_table"]

_MAGIC = {
    b"PK\x03\x04": "an Excel workbook or a zip archive: save the sheet as CSV, or unpack the archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook: save the sheet as CSV",
    b"\x1f\x8b": "compressed with gzip: unpack it first",
    b"BZh": "compressed with bzip2: unpack it first",
    b"\xfd7zXZ": "compressed with xz: unpack it first",
    b"\x28\xb5\x2f\xfd": "compressed with zstd: unpack it first",
    b"%PDF": "a PDF: save its texts as CSV",
    b"SQLite format 3": "an SQLite database: export the table as CSV",
    b"ARROW1": "an Arrow or Feather file: save it as Parquet",
}


@dataclass(frozen=True)
class ColumnRoles:
    """Which columns seem to hold what; "" when none does. A proposal to be confirmed, never acted upon."""

    text: str = ""
    label: str = ""
    id: str = ""
    group: str = ""
    split: str = ""


def read_table(
    content: str | Path | bytes,
    filename: str = "",
    *,
    columns: Sequence[str] | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
    limit: int | None = None,
) -> RawTable:
    """Read a table by path, or from the bytes of an upload with its `filename`.

    Known forms: CSV and TSV (delimiter, quotes, header and encoding found, or named), JSON Lines, a JSON array,
    Parquet, a folder saved by Hugging Face `datasets`. `columns` keeps only those; a file larger than
    `data.readers.table.MAX_BYTES` can be read when the columns kept are smaller. `limit` stops after so many rows:
    a preview to choose columns by, which has no sha256 and may not show every class.
    UserError for what is missing, empty, of another form, too large, or broken in most of its rows.
    """
    source = _source(content, filename)
    if isinstance(source.content, Path) and source.content.is_dir():
        table = read_hf_folder(source.content, columns=columns, limit=limit)
        return table if limit else replace(table, sha256=hf_sha256(source.content))
    try:
        form = _form(source)
        if form == "parquet":
            table = read_parquet(source, columns=columns, limit=limit)
        elif form == "json":
            table = read_json_records(source, columns=columns, encoding=encoding, limit=limit)
        else:
            table = read_delimited(
                source, columns=columns, encoding=encoding, delimiter=delimiter, header=header, limit=limit
            )
        return table if limit else replace(table, sha256=source.sha256())
    except OSError as error:
        raise UserError(f"{source.name} cannot be read ({error.strerror or error}).") from error


def columns_overview(table: RawTable) -> pd.DataFrame:
    """What does each column hold? A frame of column, distinct, missing, median_length and examples (a list of up to
    three different values, cut to 80 characters)."""
    rows = []
    for name in table.frame.columns:
        cells = table.frame[name]
        filled = cells[cells.notna() & (cells != "")]
        examples = [str(value)[:80] for value in filled.drop_duplicates().head(3)]
        length = float(filled.str.len().median()) if len(filled) else 0.0
        rows.append((name, int(filled.nunique()), int(len(cells) - len(filled)), length, examples))
    return pd.DataFrame(rows, columns=["column", "distinct", "missing", "median_length", "examples"])


def guess_columns(table: RawTable) -> ColumnRoles:
    """Which columns seem to be text, label, id, group and split, by their names and what they hold."""
    overview = columns_overview(table).set_index("column")
    rows = len(table.frame)
    taken: set[str] = set()

    def pick(names: Sequence[str], fitting: pd.Series) -> str:
        candidates = [name for name in overview.index[fitting] if name not in taken]
        named = [name for wanted in names for name in candidates if name.casefold().strip() == wanted]
        if named:
            taken.add(named[0])
        return named[0] if named else ""

    is_split = pd.Series([_is_split(table.frame[name]) for name in overview.index], index=overview.index)
    split = pick(["split", "split (folder)", "fold", "set", "subset", "partition"], is_split)
    few = (overview["distinct"] >= 2) & (overview["distinct"] <= min(MAX_CLASSES, max(2, rows // 2)))
    label = pick(["label", "labels", "class", "class_name", "category", "target", "y", "gold", "sentiment"], few)
    long = overview["distinct"] > 0
    text = pick(["text", "sentence", "content", "body", "post", "review", "comment", "message", "tweet"], long)
    unique = overview["distinct"] == rows
    identifier = pick(["id", "ids", "uid", "uuid", "doc_id", "post_id", "example_id", "idx", "index"], unique)
    group = pick(["group", "group_id", "user", "user_id", "author", "author_id", "thread", "thread_id"], long)
    rest = overview.drop(index=list(taken))
    if not text and len(rest):
        text = str(rest["median_length"].idxmax())
        rest = rest.drop(index=text)
    fewest = rest.loc[few.reindex(rest.index), "distinct"]
    if not label and len(fewest):
        label = str(fewest.idxmin())
    return ColumnRoles(text, label, identifier, group, split)


def _source(content: str | Path | bytes, filename: str) -> Source:
    if isinstance(content, bytes):
        source = Source(filename or "The upload", content)
    else:
        path = Path(content).expanduser()
        if not path.exists():
            raise UserError(f"There is no file {path}. Check the path.")
        source = Source(filename or path.name, path)
        if path.is_dir():
            return source
    if not source.size:
        raise UserError(f"{source.name} is empty.")
    return source


def _form(source: Source) -> str:
    """parquet, json or delimited: by what the file holds, where that can be told, else by its name."""
    with source.open() as content:
        head = content.read(4096)
    suffix = Path(source.name).suffix.lower()
    if head.startswith(b"PAR1"):
        return "parquet"
    for magic, what in _MAGIC.items():
        if head.startswith(magic):
            raise UserError(f"{source.name} is {what}.")
    if suffix in (".parquet", ".pq"):
        raise UserError(f"{source.name} is not a Parquet file, though its name says so. Check how it was written.")
    start = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")[:1]
    if suffix in (".json", ".jsonl", ".ndjson"):
        if start not in (b"{", b"["):
            raise UserError(f"{source.name} does not hold JSON, though its name says so. Rename it if it is CSV.")
        return "json"
    return "json" if start == b"{" and b'":' in head.replace(b" ", b"") else "delimited"


def _is_split(cells: pd.Series) -> bool:
    values = cells.dropna().unique()
    return len(values) > 0 and len(values) <= 5 and all(split_name(str(value)) for value in values)
