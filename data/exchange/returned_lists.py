"""Read an edited hard-case list, and match the ids in its cells exactly; ids that do not match are explained."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from closecall.data.exchange.annotation_export import ID
from closecall.data.exchange.annotation_import import is_argilla, is_label_studio, read_argilla, read_label_studio
from closecall.data.io.csv_escaping import OWN_EXPORT_COLUMN, unescaped
from closecall.data.io.errors import UserError
from closecall.data.readers.formats import DELIMITED, named_format
from closecall.data.readers.json_records import MAX_ARRAY_BYTES
from closecall.data.readers.read import read_table
from closecall.data.readers.table import RawTable, Source, clean_text

LONGEST_CELL = 32_000
"""From about here on spreadsheets cut a cell (Excel at 32,767 characters)."""
_CORRECTION = "Format the id column as text and put the ids back, or import the JSONL or Parquet file"
_DATE = re.compile(
    r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*|\d{1,2}[-. ]?[a-z]{3,9}\.?([-. ]\d{2,4})?|[a-z]{3,9}[-. ]\d{1,4}", re.IGNORECASE
)
_SHORT = re.compile(r"\d+([.,]\d+)?[eE][+-]?\d+")


class KnownIds:
    """The ids that a list may contain, found by the content of a cell."""

    def __init__(self, ids: Iterable[str]) -> None:
        self._ids = {clean_text(one): one for one in ids}
        self._numbers: dict[int, list[str]] = defaultdict(list)
        for one in self._ids:
            if one.isascii() and one.isdigit():
                self._numbers[int(one)].append(one)
        self._folded = {" ".join(one.split()).casefold(): one for one in self._ids}

    def find(self, cell: str, *, text_agrees: bool | None) -> tuple[str, str]:
        """Return the id of a cell and "", or "" and the reason with its correction.

        `text_agrees`: whether the row's text is that of the example with this id; None when the row has no text.
        """
        if not cell.strip():
            return "", "There is no id. Write the example's id, or delete the row"
        if cell in self._ids:
            if text_agrees is False:
                return "", f"The text is not that of {cell}: ids and rows may have been moved apart. {_CORRECTION}"
            same_number = [one for one in self._same_number(cell) if one != cell]
            if same_number and text_agrees is None:
                return (
                    "",
                    f"The id may be {cell} or, with zeros that a spreadsheet dropped, {same_number[0]}. {_CORRECTION}",
                )
            return self._ids[cell], ""
        return "", self._why_unknown(cell)

    def known(self, cell: str) -> str | None:
        """The id written exactly so, if any."""
        return self._ids.get(cell)

    def _why_unknown(self, cell: str) -> str:
        plain = cell.strip()
        if _SHORT.fullmatch(plain):
            return f"A spreadsheet has shortened the id to {plain}; its digits are lost. {_CORRECTION}"
        whole = re.sub(r"[.,]0+$", "", plain)
        if whole != plain and (same_number := self._same_number(whole)):
            return f"A spreadsheet seems to have turned the id {same_number[0]} into {plain}. {_CORRECTION}"
        if same_number := self._same_number(plain):
            return f"A spreadsheet seems to have turned the id {same_number[0]} into {plain}. {_CORRECTION}"
        if len(plain) > 15 and plain.isdigit() and any(one.startswith(plain[:15]) for one in self._ids):
            return f"A spreadsheet keeps 15 digits of a number: the end of the id {plain} is lost. {_CORRECTION}"
        if like := self._folded.get(" ".join(plain.split()).casefold()):
            return f"There is no example {plain}. Is {like} meant? Write it exactly so"
        if _DATE.fullmatch(plain):
            return f"There is no example {plain}: a spreadsheet may have made a date of its id. {_CORRECTION}"
        return f"There is no example {plain[:80]} in this experiment's dataset. Correct the id or delete the row"

    def _same_number(self, cell: str) -> list[str]:
        """The known ids that are the same number: with other zeros in front."""
        return self._numbers.get(int(cell), []) if cell.isascii() and cell.isdigit() and len(cell) < 4000 else []


def same_text(cell: str, text: str) -> bool:
    """Whether a cell holds a text, as far as white space, lost characters and the length of a cell allow to tell."""
    ours = _bare(text)
    for form in (cell, unescaped(cell)):
        theirs = _bare(form)
        if theirs == ours or (len(form) >= LONGEST_CELL and ours.startswith(theirs)):
            return True
    return False


def _bare(text: str) -> str:
    """The text without what files and spreadsheets change."""
    kept = re.sub("[\x00-\x1f\x7f\ud800-\udfff\ufffd\ufffe\uffff?'\ufeff]", "", text.replace("\xa0", " "))
    return "".join(kept.split())


FIELDS = ("text", "reasons", "note", "action", "new_label", "tags")
"""The columns of a list besides the id; a cell is None where the file has no value."""


@dataclass(frozen=True)
class CaseFile:
    """The content of an imported list.

    `rows` has row (the line or row number in the file), id and FIELDS: strings, None where the file has no value (a
    null in JSONL and Parquet, a missing column). `problems` has row, id and reason of the rejected rows. `exported` is
    the time of the export (ISO, UTC; "" when the file has none). `complete`: whether the file is a table, so that
    missing cases may have been deleted.
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
        return _from_table(read_table(content, name))
    tool, read = ("Label Studio", read_label_studio) if is_label_studio(records) else ("Argilla", read_argilla)
    rows, problems, exported = read(records)
    notes = (f"Read as an export of {tool}: {len(rows):,} of {len(records):,} records hold an answer.",)
    return CaseFile(_rows(rows), problem_frame(problems), name, _time(exported), notes=notes)


def problem_frame(problems: list[tuple[int, str, str]]) -> pd.DataFrame:
    """Rows that cannot be taken, as a frame of row, id and reason."""
    return pd.DataFrame(problems, columns=["row", "id", "reason"]).astype({"row": "int64", "id": str, "reason": str})


def _json_list(content: str | Path | bytes, name: str) -> list[dict[str, Any]] | None:
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
            return None  # the reader of tables reports the error
    return records if is_label_studio(records) or is_argilla(records) else None


def _from_table(table: RawTable) -> CaseFile:
    names = {str(name).strip().casefold(): name for name in reversed(list(table.frame.columns))}
    identifier = names.get(ID) or names.get("id")
    if identifier is None:
        listed = ", ".join(map(repr, table.frame.columns[:30]))
        raise UserError(
            f"{table.source} has no column 'id', which identifies the example of a row. Its columns are {listed}."
        )
    if not any(field in names for field in FIELDS if field != "text"):
        raise UserError(
            f"{table.source} has an 'id' but is not a hard-case list: it has none of the columns reasons, note, "
            "action, new_label and tags. Rename the column with the decisions to one of these."
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
    if OWN_EXPORT_COLUMN not in names and named_format(table.source) is DELIMITED:
        notes.append(
            f"There is no column {OWN_EXPORT_COLUMN}: apostrophes in front of formulas count as part of the text."
        )
    return CaseFile(_rows(rows[~empty]), problem_frame(problems), table.source, exported, True, (*table.notes, *notes))


def _rows(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with every column, None where the file has no value."""
    frame = rows.reindex(columns=["row", "id", *FIELDS]).astype(object)
    return frame.where(frame.notna(), None).reset_index(drop=True)


def _written_at(frame: pd.DataFrame, names: dict[str, str]) -> tuple[str, list[str]]:
    """When the list was exported, as most rows say, and a sentence when a spreadsheet has changed that cell."""
    if "exported" not in names:
        return "", ["The file has no time of export: every difference counts as a change of the file."]
    times = Counter(str(cell) for cell in frame[names["exported"]] if cell)
    if not times:
        return "", []
    first = times.most_common(1)[0][0]
    time = _time(first)
    if time:
        return time, []
    return "", [
        f"The time of export reads {first[:40]!r}, as a spreadsheet left it: every difference counts as a change of "
        "the file, also what was changed here since the export."
    ]


def _time(text: str) -> str:
    """A time in the form of the log; "" for text that is not a time with a time zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return ""
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment.tzinfo else ""
