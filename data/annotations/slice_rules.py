"""The rules that slices are given by, each a small value that checks itself, with a written form for links.

A word or phrase, a range of lengths, the value of a column, or examples that were picked (a lasso, a cluster) and are
kept in data/annotations/selections.py. `said` is a rule in words; `written` is its form in links, `word:scsi`, `length:25-48`,
`column:meta.file=train` or `picked:0123456789ab`, which `read_rule` reads back.
"""

from dataclasses import asdict, dataclass
from typing import Any

from closecall.data.io.errors import UserError

LONGEST_PHRASE = 200
LONGEST_VALUE = 500


@dataclass(frozen=True)
class Phrase:
    """Texts with these words one after the other, in upper or lower case, whole words only."""

    words: str

    def __post_init__(self) -> None:
        if not self.words.strip() or len(self.words) > LONGEST_PHRASE:
            raise UserError(f"Give a word or a phrase of at most {LONGEST_PHRASE} characters.")

    @property
    def written(self) -> str:
        return f"word:{self.words}"

    @property
    def said(self) -> str:
        return f"“{self.words}”"


@dataclass(frozen=True)
class Length:
    """Texts of so many words, parts between blanks; both ends belong to it, `longest` None: no upper end."""

    shortest: int
    longest: int | None = None

    def __post_init__(self) -> None:
        if self.shortest < 0 or (self.longest is not None and self.longest < self.shortest):
            raise UserError("A range of lengths begins at 0 words or more and does not end before it begins.")

    @property
    def written(self) -> str:
        return f"length:{self.shortest}-{'' if self.longest is None else self.longest}"

    @property
    def said(self) -> str:
        if self.longest is None:
            return f"{self.shortest:,} words or more"
        return f"{self.shortest:,} to {self.longest:,} words" if self.shortest else f"up to {self.longest:,} words"


@dataclass(frozen=True)
class Column:
    """Examples whose column of the dataset (class_name, group or meta.<name>) holds this value, as text."""

    column: str
    value: str

    def __post_init__(self) -> None:
        if self.column not in ("class_name", "group") and not self.column.startswith("meta."):
            raise UserError(f"{self.column!r} is not a column for slices: class_name, group or meta.<name>.")
        if "=" in self.column or len(self.value) > LONGEST_VALUE:
            raise UserError(f"{self.column}: a column with “=” in its name or a value of over {LONGEST_VALUE} letters.")

    @property
    def written(self) -> str:
        return f"column:{self.column}={self.value}"

    @property
    def said(self) -> str:
        return f"{self.column.removeprefix('meta.').replace('class_name', 'class')} “{self.value}”"


@dataclass(frozen=True)
class Picked:
    """The examples of a saved selection, by its key."""

    selection: str

    def __post_init__(self) -> None:
        if not self.selection.isalnum():
            raise UserError(f"{self.selection!r} is not the key of a selection.")

    @property
    def written(self) -> str:
        return f"picked:{self.selection}"

    @property
    def said(self) -> str:
        return "picked examples"


Rule = Phrase | Length | Column | Picked
_KINDS: dict[str, type[Rule]] = {"word": Phrase, "length": Length, "column": Column, "picked": Picked}


def kind_of(rule: Rule) -> str:
    """What a rule looks at: word, length, column or picked."""
    return next(name for name, kind in _KINDS.items() if isinstance(rule, kind))


def read_rule(written: str) -> Rule | None:
    """The rule of a written form, None for anything else. UserError for a form that does not hold."""
    kind, mark, rest = written.partition(":")
    if not mark or kind not in _KINDS:
        return None
    if kind == "word":
        return Phrase(rest)
    if kind == "picked":
        return Picked(rest)
    if kind == "column":
        column, _, value = rest.partition("=")
        return Column(column, value)
    shortest, _, longest = rest.partition("-")
    try:
        return Length(int(shortest), int(longest) if longest else None)
    except ValueError:
        raise UserError(f"{written} is not a range of lengths. Write it as length:25-48 or length:49-.") from None


def rule_record(rule: Rule) -> dict[str, Any]:
    """A rule as a JSON object."""
    return {"kind": kind_of(rule), **asdict(rule)}


def rule_from(record: dict[str, Any]) -> Rule:
    """The rule of a JSON object. UserError, KeyError or TypeError when it holds none."""
    fields = {name: value for name, value in record.items() if name != "kind"}
    return _KINDS[record["kind"]](**fields)
