"""Make texts safe for CSV and spreadsheets, and get them back without a changed character.

Two rules, for CSV only, each undone by `unescaped`:

1. A cell that a spreadsheet could take for a formula gets an apostrophe in front: one that starts with = + - @ (also
   in their full-width forms), a tab or a carriage return, also after white space, invisible characters or apostrophes.
2. What spreadsheets and CSV readers lose, control characters other than tab and line end, a carriage return without a
   line feed (pandas writes it without quotes, so that it ends the row), unpaired surrogates and U+FFFE, U+FFFF, is
   written as backslash, u and four hexadecimal digits: `\\u0000`. Backslashes in front of it, or in front of text that
   looks like it, are doubled.
"""

import re
from collections.abc import Callable

import pandas as pd

OWN_EXPORT_COLUMN = "closecall_version"
"""The column that marks a file as an export of Close Call, whose cells are escaped if it is a CSV file."""
_LOST = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff"
_TO_ESCAPE = re.compile(rf"(\\*)([{_LOST}]|\r(?!\n))|(\\+)(?=u[0-9a-f]{{4}})")
_ESCAPED = re.compile(r"(\\+)u([0-9a-f]{4})")
_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
)
_FORMULA = re.compile(rf"[\s'{_INVISIBLE}]*[=+\-@\uff1d\uff0b\uff0d\uff20\ufe62\ufe63\ufe66\ufe6b\u2212]|'*[\t\r]")


def escaped(text: str) -> str:
    """The text as a CSV cell: never a formula, no character that gets lost. Undone by `unescaped`."""
    plain = _TO_ESCAPE.sub(_escape, text)
    return "'" + plain if _FORMULA.match(plain) else plain


def unescaped(cell: str) -> str:
    """The text whose CSV cell this is: `unescaped(escaped(text)) == text` for every text."""
    plain = cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
    return _ESCAPED.sub(_unescape, plain)


def escape_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with every text and column name escaped; numbers stay numbers."""
    return _over_texts(frame, escaped).rename(columns=escaped)


def unescape_cells(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with every cell as it was before `escape_frame`. Column names are left as they are."""
    return _over_texts(frame, unescaped)


def _over_texts(frame: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    columns = {
        str(name): _changed(frame[name], change) if _may_hold_texts(frame[name]) else frame[name] for name in frame
    }
    return pd.DataFrame(columns, index=frame.index)


def _changed(column: pd.Series, change: Callable[[str], str]) -> pd.Series:
    cells = [change(cell) if isinstance(cell, str) else cell for cell in column.astype(object)]
    return pd.Series(cells, index=column.index, dtype=object)  # as objects: a surrogate has no place in other columns


def _may_hold_texts(column: pd.Series) -> bool:
    return not (pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column))


def _escape(match: re.Match[str]) -> str:
    before, lost, look_alike = match.groups()
    return before * 2 + f"\\u{ord(lost):04x}" if lost else look_alike * 2


def _unescape(match: re.Match[str]) -> str:
    slashes, code = match.groups()
    character = chr(int(code, 16)) if len(slashes) % 2 else "u" + code
    return "\\" * (len(slashes) // 2) + character
