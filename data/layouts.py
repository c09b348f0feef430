"""How is a delimited file written? Its encoding, delimiter, quotes and header, found from the first megabyte."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain

from data.encodings import Encoding, find_encoding
from data.errors import UserError
from data.raw import Source

DELIMITERS = "\t,;|"
MAX_CELL = 20_000_000
"""Characters in one cell. A longer one is a quote that was opened and never closed."""
_SAMPLE = 1 << 20
_END = "\x1a end of the file \x1a"
DELIMITER_NAMES = {"\t": "tabs", ",": "commas", ";": "semicolons", "|": "bars"}

PLAIN_QUOTES = "Quotation marks are taken as part of the texts: they do not enclose cells consistently."


@dataclass(frozen=True)
class Layout:
    """How the file is written: its encoding, delimiter, whether quotes enclose cells, and its column names."""

    encoding: Encoding
    delimiter: str
    quoted: bool
    has_header: bool
    names: tuple[str, ...]
    notes: tuple[str, ...]


class UnclosedQuote(ValueError):
    """A quote is open at the end of the file; the argument is the line on which its record starts."""


def find_layout(source: Source, encoding: str | None, delimiter: str | None, header: bool | None) -> Layout:
    """Find out how a delimited file is written, from its first megabyte. UserError for a file of one column."""
    found = find_encoding(source, encoding)
    sample = _sample(source, found)
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '\r\n"'):
        raise UserError(f"{delimiter!r} cannot separate columns. Use one character, such as a comma or a tab.")
    delimiter, quoted = sniff(sample, delimiter or DELIMITERS)
    rows = [cells for _, cells in _tolerant(sample, delimiter, quoted)]
    if not rows:
        raise UserError(f"{source.name} is empty.")
    if max(map(len, rows)) < 2:
        raise UserError(
            f"{source.name} has only one column ({rows[0][0][:60]!r}). A text column and a label column are needed, "
            "separated by commas, tabs, semicolons or bars."
        )
    has_header = header if header is not None else not looks_like_data(rows)
    notes = [note for note in (found.note,) if note]
    if delimiter != ",":
        notes.append(f"Columns are separated by {DELIMITER_NAMES.get(delimiter, repr(delimiter))}.")
    if not quoted:
        notes.append(PLAIN_QUOTES)
    if not has_header:
        notes.append("The first row is taken as data, not as column names; the columns are numbered.")
    width = Counter(map(len, rows)).most_common(1)[0][0]
    names, renamed = _column_names(rows[0] if has_header else [""] * width)
    return Layout(found, delimiter, quoted, has_header, names, (*notes, *renamed))


def sniff(lines: Sequence[str], delimiters: str) -> tuple[str, bool]:
    """The delimiter, and whether quotes enclose cells: what cuts the sample most evenly into two or more columns."""
    scores = []
    for order, delimiter in enumerate(delimiters):
        quoted = _evenness(lines, delimiter, True)
        plain = _evenness(lines, delimiter, False)
        # stray quotes swallow line ends; a file that is even line by line without them has no enclosing quotes
        use_plain = plain[0] == 1.0 and (quoted[0] < 1.0 or quoted[2])
        scores.append(((plain if use_plain else quoted)[:2], -order, delimiter, not use_plain))
    _, _, delimiter, is_quoted = max(scores)
    return delimiter, is_quoted


def looks_like_data(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first record is an example rather than column names.

    It is when a cell is longer than 100 characters, is a number (unless all count up from 0 or 1), or comes again
    in its own column.
    """
    first = [cell.strip() for cell in rows[0]]
    counting = [str(number) for number in range(len(first) + 1)]
    if first in (counting[:-1], counting[1:], ["", *counting[:-2]]):
        return False
    if any(len(cell) > 100 or _is_number(cell) for cell in first):
        return True
    rest = [row for row in rows[1:] if row != rows[0]]  # files put end to end repeat their header
    return any(cell and sum(row[at : at + 1] == [cell] for row in rest) >= 2 for at, cell in enumerate(first))


def records(lines: Iterable[str], delimiter: str, quoted: bool, name: str = "") -> Iterator[tuple[int, list[str]]]:
    """Each record that is not blank, with the line on which it starts. An end mark shows a quote left open."""
    csv.field_size_limit(MAX_CELL)
    marked = chain(lines, [_END])
    reader = csv.reader(marked, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE)
    start = 1
    try:
        for cells in reader:
            if cells and cells[-1].endswith(_END):
                if cells != [_END]:
                    raise UnclosedQuote(start)
                return
            if len(cells) > 1 or "".join(cells).strip():
                yield start, cells
            start = reader.line_num + 1
    except csv.Error as error:
        raise UserError(
            f"{name}: the record that starts on line {start} cannot be read ({error}). "
            "A quotation mark may have been opened there and not closed."
        ) from error


def _tolerant(lines: Iterable[str], delimiter: str, quoted: bool) -> list[tuple[int, list[str]]]:
    """The records of a sample, which may end inside one."""
    found: list[tuple[int, list[str]]] = []
    with suppress(UnclosedQuote, UserError):
        found.extend(records(lines, delimiter, quoted))
    return found


def _sample(source: Source, encoding: Encoding) -> list[str]:
    with source.open() as content:
        text = io.TextIOWrapper(content, encoding.codec, encoding.errors, newline="").read(_SAMPLE)
    lines = list(io.StringIO(text, newline=""))
    return lines[:-1] if len(text) == _SAMPLE and len(lines) > 1 else lines


def _evenness(lines: Sequence[str], delimiter: str, quoted: bool) -> tuple[float, bool, bool]:
    """Share of records of the usual width (0 below two columns), whether the first is one, whether cells hold lines."""
    rows = [cells for _, cells in _tolerant(lines, delimiter, quoted)]
    if not rows:
        return 0.0, False, False
    width, count = Counter(map(len, rows)).most_common(1)[0]
    share = count / len(rows) if width > 1 else 0.0
    return share, len(rows[0]) == width, any("\n" in cell for cells in rows for cell in cells)


def _column_names(cells: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    names: list[str] = []
    notes = []
    for number, cell in enumerate(cells, start=1):
        name = cell.strip() or f"column {number}"
        if name in names:
            notes.append(f"Two columns are named {name!r}; the later one is called '{name} ({number})'.")
            name = f"{name} ({number})"
        names.append(name)
    return tuple(names), notes


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
