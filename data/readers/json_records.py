"""Read JSON Lines and JSON arrays of records; lines that are not records are set aside with their numbers."""

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from closecall.data.io.errors import UserError
from closecall.data.readers.encodings import Encoding, find_encoding
from closecall.data.readers.table import (
    BATCH,
    Batch,
    RawTable,
    ReadOptions,
    Source,
    check_columns,
    clean_text,
    gather,
    rejected_frame,
)

MAX_ARRAY_BYTES = 300_000_000
"""A JSON array is read at once and needs several times its size in memory. JSON Lines has no such limit."""
SCORES_COLUMN = "scores"
"""The column of lists that stand in place of records."""

Record = tuple[int, dict[str, Any]]


def read_json_records(source: Source, options: ReadOptions) -> RawTable:
    """Read a file of JSON records: one record per line, or one array.

    A list in place of a record (all scores of a text, as a Hugging Face pipeline returns them) is a record with the
    column `scores`. Values other than strings become JSON text: 1, 2.5, true, ["a"]. null becomes a missing cell.
    """
    columns = options.columns
    found = find_encoding(source, options.encoding)
    notes = [found.note] if found.note else []
    rejected: list[tuple[int, str, str, str]] = []
    if _is_lines(source, found):
        records = _from_lines(source, found, rejected)
    else:
        records = _from_array(source, found, rejected, notes)
    seen: dict[str, str] = {}
    frame, rows, cleaned = gather(source, _batches(islice(records, options.limit), columns, seen))
    if len(rejected) > len(frame):
        line, _, reason, _ = rejected[0]
        raise UserError(f"{source.name}: most lines are not JSON records; the first is line {line}, which {reason}.")
    if rejected:
        notes.append(f"Lines set aside because they are not JSON records: {len(rejected):,}.")
    check_columns(list(seen.values()), columns or (), source.name)
    return RawTable(frame, rows, source.name, "", (*notes, *cleaned), rejected_frame(rejected))


def json_cell(value: Any) -> str | None:
    """A JSON value as a cell: strings unchanged, null as missing, integers without a point, others as JSON text."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float):
        if value != value:
            return None
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return json.dumps(value, ensure_ascii=False, default=str)


def _is_lines(source: Source, encoding: Encoding) -> bool:
    """Whether the file is JSON Lines: one of its first lines is a record, or its first two are lists.

    An object that contains only lists or objects, such as {"data": [...]}, does not count as a record.
    """
    with source.open() as content:
        text = io.TextIOWrapper(content, encoding.codec, encoding.errors, newline="\n")
        lines = (line.strip() for line in iter(lambda: text.readline(1 << 24), ""))
        first = list(islice((line for line in lines if line), 20))
    if not first:
        raise UserError(f"{source.name} is empty.")
    if first[0][0] == "[":
        return len(first) > 1 and all(_is_list_of_scores(_parsed(line)) for line in first[:2])
    return any(_is_record(_parsed(line)) for line in first)


def _is_record(value: Any) -> bool:
    return isinstance(value, dict) and any(not isinstance(one, dict | list) for one in value.values())


def _is_list_of_scores(value: Any) -> bool:
    if not isinstance(value, list) or not value:
        return False
    is_numbers = len(value) > 1 and all(isinstance(one, int | float) for one in value)
    return is_numbers or all(isinstance(one, dict | list) for one in value)


def _as_record(value: Any) -> Any:
    """A list of scores as a record; other values unchanged."""
    return {SCORES_COLUMN: value} if _is_list_of_scores(value) else value


def _from_lines(source: Source, encoding: Encoding, rejected: list[tuple[int, str, str, str]]) -> Iterator[Record]:
    with source.open() as content:
        for number, line in enumerate(io.TextIOWrapper(content, encoding.codec, encoding.errors, newline="\n"), 1):
            if not line.strip():
                continue
            value = _as_record(_parsed(line))
            if isinstance(value, dict):
                yield number, value
            else:
                reason = f"is not JSON ({value})" if isinstance(value, ValueError) else "is JSON but not an object"
                rejected.append((number, "", reason, line.strip()))


def _from_array(
    source: Source, encoding: Encoding, rejected: list[tuple[int, str, str, str]], notes: list[str]
) -> Iterator[Record]:
    if source.size > MAX_ARRAY_BYTES:
        raise UserError(
            f"{source.name} is a JSON array of more than {MAX_ARRAY_BYTES // 10**6} MB. "
            "Save it as JSON Lines (one record a line), which is read piece by piece."
        )
    with source.open() as content:
        value = _parsed(io.TextIOWrapper(content, encoding.codec, encoding.errors).read())
    if isinstance(value, ValueError):
        raise UserError(f"{source.name} is not valid JSON: {value}.")
    for number, record in enumerate(map(_as_record, _records_in(value, source.name, notes)), start=1):
        if isinstance(record, dict):
            yield number, record
        else:
            rejected.append((number, "", "is not an object", str(record)))


def _records_in(value: Any, name: str, notes: list[str]) -> list[Any]:
    """The list of records: the value itself, or the only list of objects inside an outer object."""
    if isinstance(value, list):
        return value
    lists = {key: one for key, one in value.items() if isinstance(one, list) and one and isinstance(one[0], dict)}
    if len(lists) == 1:
        notes.append(f"The records are read from {next(iter(lists))!r}.")
        return next(iter(lists.values()))
    raise UserError(f"{name} holds one JSON object, not a list of records. With pandas, write it by orient='records'.")


def _batches(records: Iterable[Record], columns: Sequence[str] | None, seen: dict[str, str]) -> Iterator[Batch]:
    """Yield batches of cells; a key that first appears later is null in earlier rows.

    The function adds every key with its column name to `seen`.
    """
    records = iter(records)
    while batch := list(islice(records, BATCH)):
        seen.update({key: clean_text(key) for _, record in batch for key in record if key not in seen})
        chosen = {key: name for key, name in seen.items() if columns is None or name in columns}
        cells = {name: [json_cell(record.get(key)) for _, record in batch] for key, name in chosen.items()}
        yield [number for number, _ in batch], cells


def _parsed(text: str) -> Any:
    """Parse a text as JSON. Return the error instead of raising it, so that reading continues after a bad line."""
    try:
        return json.loads(text)
    except RecursionError:
        return ValueError("nested too deeply")
    except ValueError as error:
        return error
