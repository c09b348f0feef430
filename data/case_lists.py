"""A hard-case list that comes back: from our own CSV, JSONL or Parquet, from a spreadsheet, from a labelling tool."""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from data.errors import UserError
from data.json_records import MAX_ARRAY_BYTES
from data.labelling_tools import ID
from data.raw import RawTable, Source
from data.readers import read_table
from data.table_forms import MARK, restored_table
from data.tool_exports import is_argilla, is_label_studio, read_argilla, read_label_studio

FIELDS = ("text", "reasons", "note", "action", "new_label", "tags")
"""What a list may say of an example besides its id; None where it says nothing."""


@dataclass(frozen=True)
class CaseFile:
    """What a file says.

    `rows` has row (the line or row number a person sees), id and FIELDS: strings, None where the file tells nothing (a
    null in JSONL and Parquet, a missing column). `problems` has row, id and reason: what could not be read. `exported`
    is the time at which the list was written here (ISO, UTC; "" when the file does not tell). `complete`: a table, so
    that what it lacks may have been deleted.
    """

    rows: pd.DataFrame
    problems: pd.DataFrame
    source: str
    exported: str = ""
    complete: bool = False
    notes: tuple[str, ...] = ()


def read_case_file(content: str | Path | bytes, filename: str = "") -> CaseFile:
    """Read a list by path, or from the bytes of an upload with its name. UserError when it is no such list."""
    name = filename or (Path(content).name if not isinstance(content, bytes) else "The upload")
    records = _json_list(content, name)
    if records is None:
        return _from_table(restored_table(read_table(content, name)))
    tool, read = ("Label Studio", read_label_studio) if is_label_studio(records) else ("Argilla", read_argilla)
    rows, problems, exported = read(records)
    notes = (f"Read as an export of {tool}: {len(rows):,} of {len(records):,} records hold an answer.",)
    return CaseFile(_rows(rows), problem_frame(problems), name, _time(exported), notes=notes)


def problem_frame(problems: list[tuple[int, str, str]]) -> pd.DataFrame:
    """Rows that cannot be taken, as a frame of row, id and reason."""
    return pd.DataFrame(problems, columns=["row", "id", "reason"]).astype({"row": "int64", "id": str, "reason": str})


def _json_list(content: str | Path | bytes, name: str) -> list | None:
    """The records of a labelling tool's export, None for any other file."""
    source = Source(name, content if isinstance(content, bytes) else Path(content).expanduser())
    if isinstance(source.content, Path) and not source.content.is_file():
        return None
    with source.open() as opened:
        start = opened.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
        if start[:1] != b"[" or source.size > MAX_ARRAY_BYTES:
            return None
    with source.open() as opened:
        try:
            records = json.loads(opened.read().decode("utf-8-sig"))
        except (ValueError, RecursionError):
            return None  # the reader of tables says what is wrong
    return records if is_label_studio(records) or is_argilla(records) else None


def _from_table(table: RawTable) -> CaseFile:
    names = {str(name).strip().casefold(): name for name in reversed(list(table.frame.columns))}
    identifier = names.get(ID) or names.get("id")
    if identifier is None:
        listed = ", ".join(map(repr, table.frame.columns[:30]))
        raise UserError(
            f"{table.source} has no column 'id', which tells the example that a row is about. Its columns are {listed}."
        )
    if not any(field in names for field in FIELDS if field != "text"):
        raise UserError(
            f"{table.source} has an 'id' but nothing that a hard-case list says: none of the columns reasons, note, "
            "action, new_label or tags. Give it the column that holds what was decided, under one of these names."
        )
    frame = table.frame.astype(object).where(table.frame.notna(), None)
    rows = pd.DataFrame({"row": table.source_rows, "id": [str(one or "") for one in frame[identifier]]})
    for field in FIELDS:
        given = names.get(field)
        rows[field] = None if given is None else list(frame[given])
    empty = (rows["id"] == "").to_numpy() & frame.map(lambda cell: not cell).all(axis=1).to_numpy()
    rejected = table.rejected
    problems = list(zip(rejected["source_row"], rejected["id"], "This row " + rejected["reason"], strict=True))
    exported, notes = _written_at(frame, names)
    if MARK not in names and table.source.lower().endswith((".csv", ".tsv", ".txt")):
        notes.append(
            f"There is no column {MARK}: apostrophes in front of formulas are taken as part of what was written."
        )
    return CaseFile(_rows(rows[~empty]), problem_frame(problems), table.source, exported, True, (*table.notes, *notes))


def _rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Every column there, None for what is not told."""
    frame = rows.reindex(columns=["row", "id", *FIELDS]).astype(object)
    return frame.where(frame.notna(), None).reset_index(drop=True)


def _written_at(frame: pd.DataFrame, names: dict[str, str]) -> tuple[str, list[str]]:
    """When the list was exported, as most rows say, and a sentence when a spreadsheet has changed that cell."""
    if "exported" not in names:
        return "", ["The file does not tell when it was exported: every difference counts as a change of the file."]
    told = Counter(str(cell) for cell in frame[names["exported"]] if cell)
    if not told:
        return "", []
    first = told.most_common(1)[0][0]
    time = _time(first)
    if time:
        return time, []
    return "", [
        f"The time of export reads {first[:40]!r}, as a spreadsheet left it: every difference counts as a change of "
        "the file, also what was changed here since."
    ]


def _time(text: str) -> str:
    """A time as the log writes it; "" for what is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return ""
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment.tzinfo else ""
