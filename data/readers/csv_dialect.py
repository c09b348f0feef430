"""The dialect of a delimited file: encoding, delimiter, quotes and header, detected from its beginning."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import Any

from closecall.data.io.csv_escaping import OWN_EXPORT_COLUMN, unescaped
from closecall.data.io.errors import UserError
from closecall.data.readers.encodings import Encoding, find_encoding
from closecall.data.readers.table import ReadOptions, Source, clean_text

DELIMITERS = "\t,;|"
MAX_CELL = 20_000_000
"""Characters in one cell. A longer one is a quote that was opened and never closed."""
_SAMPLE = 1 << 18
_END = "\x1a end of the file \x1a"
DELIMITER_NAMES = {"\t": "tabs", ",": "commas", ";": "semicolons", "|": "bars"}

STYLES: dict[str, dict[str, Any]] = {
    "enclosing": {},
    "escaped": {"escapechar": "\\"},
    "spaced": {"skipinitialspace": True},
    "plain": {"quoting": csv.QUOTE_NONE},
}
"""What quotation marks do: enclose cells; the same, with \\" inside; the same, after a space; nothing."""
ESCAPES = 'Quotation marks inside the texts are written \\"; backslashes are taken as such escapes.'
PLAIN_QUOTES = "Quotation marks are taken as part of the texts: they do not enclose cells consistently."


@dataclass(frozen=True)
class Dialect:
    """How a delimited file is written.

    `style` is a key of STYLES, `preamble` the number of records before the data. `escaped`: the file is an export of
    Close Call, whose cells are escaped as `data.io.csv_escaping` says.
    """

    encoding: Encoding
    delimiter: str
    style: str
    preamble: int
    has_header: bool
    names: tuple[str, ...]
    notes: tuple[str, ...]
    escaped: bool = False


class UnclosedQuote(ValueError):
    """A quote is open at the end of the file; the argument is the line on which its record starts."""


def find_dialect(source: Source, options: ReadOptions) -> Dialect:
    """Detect the dialect of a file from its beginning. UserError for a file of one column."""
    delimiter, header = options.delimiter, options.header
    found = find_encoding(source, options.encoding)
    sample = _sample(source, found)
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '\r\n"'):
        raise UserError(f"{delimiter!r} cannot separate columns. Use one character, such as a comma or a tab.")
    sep_line = re.fullmatch(r"\"?sep=(.)\"?\s*", sample[0]) if sample else None  # Excel's own line before the header
    delimiter, style = sniff(
        sample[bool(sep_line) :], sep_line[1] if sep_line and not delimiter else delimiter or DELIMITERS
    )
    rows = [cells for _, cells in _tolerant(sample[bool(sep_line) :], delimiter, style)]
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
    if style in ("plain", "escaped"):
        notes.append(PLAIN_QUOTES if style == "plain" else ESCAPES)
    if not has_header:
        notes.append("The first row is taken as data, not as column names; the columns are numbered.")
    width = _usual_width(rows, source.name)
    names, renamed = _column_names(rows[0] if has_header else [""] * width)
    escaped = OWN_EXPORT_COLUMN in names
    names = tuple(map(unescaped, names)) if escaped else names
    return Dialect(found, delimiter, style, bool(sep_line) + has_header, has_header, names, (*notes, *renamed), escaped)


def sniff(lines: Sequence[str], delimiters: str) -> tuple[str, str]:
    """The delimiter and the style of quotes: those that split the sample most evenly into two or more columns."""
    scores = []
    for order, delimiter in enumerate(delimiters):
        style, (share, first_fits, over_lines) = "enclosing", _evenness(lines, delimiter, "enclosing")
        for other in ("escaped", "spaced") if share < 1 else ():
            better = _evenness(lines, delimiter, other)
            if better[0] > share + 0.01:
                style, (share, first_fits, over_lines) = other, better
        plain = _evenness(lines, delimiter, "plain")
        # stray quotes swallow line ends; a file that is even line by line without them has no enclosing quotes
        if plain[0] == 1 and (share < 1 or over_lines):
            style, (share, first_fits, _) = "plain", plain
        scores.append((share, first_fits, -order, delimiter, style))
    return max(scores)[3:]


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


def records(lines: Iterable[str], delimiter: str, style: str, name: str = "") -> Iterator[tuple[int, list[str]]]:
    """Each record that is not blank, with the line on which it starts. An end mark shows a quote left open."""
    csv.field_size_limit(MAX_CELL)
    marked = chain(lines, [_END])
    reader = csv.reader(marked, delimiter=delimiter, **STYLES[style])
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


def _tolerant(lines: Iterable[str], delimiter: str, style: str) -> list[tuple[int, list[str]]]:
    """The records of a sample, which may end inside one."""
    found: list[tuple[int, list[str]]] = []
    with suppress(UnclosedQuote, UserError):
        found.extend(records(lines, delimiter, style))
    return found


def _sample(source: Source, encoding: Encoding) -> list[str]:
    with source.open() as content:
        text = io.TextIOWrapper(content, encoding.codec, encoding.errors, newline="").read(_SAMPLE)
    lines = list(io.StringIO(text, newline=""))
    return lines[:-1] if len(text) == _SAMPLE and len(lines) > 1 else lines


def _evenness(lines: Sequence[str], delimiter: str, style: str) -> tuple[float, bool, bool]:
    """Share of records of the usual width (0 below two columns), whether the first is one, whether cells hold lines."""
    rows = [cells for _, cells in _tolerant(lines, delimiter, style)]
    if not rows:
        return 0.0, False, False
    width, count = Counter(map(len, rows)).most_common(1)[0]
    share = count / len(rows) if width > 1 else 0.0
    return share, len(rows[0]) == width, any("\n" in cell for cells in rows for cell in cells)


def _usual_width(rows: Sequence[Sequence[str]], name: str) -> int:
    """The number of cells of most rows; UserError when nearly all agree on one that the first line does not have."""
    width, count = Counter(map(len, rows)).most_common(1)[0]
    differs = len(rows[0]) < width or any(rows[0][width:])
    if differs and count >= max(0.9 * (len(rows) - 1), 2):
        raise UserError(
            f"{name}: the first line has {len(rows[0])} cells, the rows below it {width}. Delete the line if it is a "
            "title or a comment; add the column names that are missing."
        )
    return width


def _column_names(cells: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    names: list[str] = []
    notes = []
    for number, cell in enumerate(cells, start=1):
        name = clean_text(cell).strip() or f"column {number}"
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
