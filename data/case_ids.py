"""Which example does the id in a cell mean? Exactly that one, or none: nothing is guessed, only explained."""

import re
from collections import defaultdict
from collections.abc import Iterable

from data.cells import restored
from data.raw import clean_text

LONGEST_CELL = 32_000
"""From about here on spreadsheets cut a cell (Excel at 32,767 characters)."""
_MEND = "Format the id column as text and put the ids back, or import the JSONL or Parquet file"
_DATE = re.compile(
    r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*|\d{1,2}[-. ]?[a-z]{3,9}\.?([-. ]\d{2,4})?|[a-z]{3,9}[-. ]\d{1,4}", re.IGNORECASE
)
_SHORT = re.compile(r"\d+([.,]\d+)?[eE][+-]?\d+")


class KnownIds:
    """The ids that a list may speak of, found by what a cell holds."""

    def __init__(self, ids: Iterable[str]) -> None:
        self._ids = {clean_text(one): one for one in ids}
        self._numbers: dict[int, list[str]] = defaultdict(list)
        for one in self._ids:
            if one.isascii() and one.isdigit():
                self._numbers[int(one)].append(one)
        self._folded = {" ".join(one.split()).casefold(): one for one in self._ids}

    def find(self, cell: str, *, text_agrees: bool | None) -> tuple[str, str]:
        """The id that a cell means and "", or "" and why not with the mend.

        `text_agrees`: whether the row's text is that of the example with this id; None when the row has no text.
        """
        if not cell.strip():
            return "", "There is no id. Write the example's id, or delete the row"
        if cell in self._ids:
            if text_agrees is False:
                return "", f"The text is not that of {cell}: ids and rows may have been moved apart. {_MEND}"
            twins = [one for one in self._twins(cell) if one != cell]
            if twins and text_agrees is None:
                return "", f"The id may be {cell} or, with zeros that a spreadsheet dropped, {twins[0]}. {_MEND}"
            return self._ids[cell], ""
        return "", self._why_unknown(cell)

    def known(self, cell: str) -> str | None:
        """The id written exactly so, if any."""
        return self._ids.get(cell)

    def _why_unknown(self, cell: str) -> str:
        plain = cell.strip()
        if _SHORT.fullmatch(plain):
            return f"A spreadsheet has shortened the id to {plain}; its digits are lost. {_MEND}"
        whole = re.sub(r"[.,]0+$", "", plain)
        if whole != plain and (twins := self._twins(whole)):
            return f"A spreadsheet seems to have turned the id {twins[0]} into {plain}. {_MEND}"
        if twins := self._twins(plain):
            return f"A spreadsheet seems to have turned the id {twins[0]} into {plain}. {_MEND}"
        if len(plain) > 15 and plain.isdigit() and any(one.startswith(plain[:15]) for one in self._ids):
            return f"A spreadsheet keeps 15 digits of a number: the end of the id {plain} is lost. {_MEND}"
        if like := self._folded.get(" ".join(plain.split()).casefold()):
            return f"There is no example {plain}. Is {like} meant? Write it exactly so"
        if _DATE.fullmatch(plain):
            return f"There is no example {plain}: a spreadsheet may have made a date of its id. {_MEND}"
        return f"There is no example {plain[:80]} in this experiment's dataset. Correct the id or delete the row"

    def _twins(self, cell: str) -> list[str]:
        """The known ids that are the same number: with other zeros in front."""
        return self._numbers.get(int(cell), []) if cell.isascii() and cell.isdigit() and len(cell) < 4000 else []


def same_text(cell: str, text: str) -> bool:
    """Whether a cell holds a text, as far as white space, lost characters and the length of a cell allow to tell."""
    ours = _bare(text)
    for form in (cell, restored(cell)):
        theirs = _bare(form)
        if theirs == ours or (len(form) >= LONGEST_CELL and ours.startswith(theirs)):
            return True
    return False


def _bare(text: str) -> str:
    """The text without what files and spreadsheets change."""
    kept = re.sub("[\x00-\x1f\x7f\ud800-\udfff\ufffd\ufffe\uffff?'\ufeff]", "", text.replace("\xa0", " "))
    return "".join(kept.split())
