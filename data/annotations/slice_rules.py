"""Rules that select examples: a phrase, a range of lengths, a value or range of a column, or a saved selection.

`text` is a rule in words; `written` is its form in links, which `read_rule` parses: `word:scsi`, `length:25-48`,
`column:meta.file=train`, `range:meta.score=3..8` or `picked:0123456789ab`.
"""

from dataclasses import asdict, dataclass
from typing import Any

from closecall.data.io.errors import UserError

LONGEST_PHRASE = 200
LONGEST_VALUE = 500


@dataclass(frozen=True)
class Phrase:
    """Texts that contain this phrase: whole words in this order, in upper or lower case."""

    words: str

    def __post_init__(self) -> None:
        if not self.words.strip() or len(self.words) > LONGEST_PHRASE:
            raise UserError(f"Give a word or phrase of at most {LONGEST_PHRASE} characters.")

    @property
    def written(self) -> str:
        return f"word:{self.words}"

    @property
    def text(self) -> str:
        return f"“{self.words}”"


@dataclass(frozen=True)
class Length:
    """Texts of so many words, split at white space. Both ends are included; `longest` None means no upper end."""

    shortest: int
    longest: int | None = None

    def __post_init__(self) -> None:
        if self.shortest < 0 or (self.longest is not None and self.longest < self.shortest):
            raise UserError("A range of lengths starts at 0 words or more, and its end is not below its start.")

    @property
    def written(self) -> str:
        return f"length:{self.shortest}-{'' if self.longest is None else self.longest}"

    @property
    def text(self) -> str:
        if self.longest is None:
            return f"{self.shortest:,} words or more"
        return f"{self.shortest:,} to {self.longest:,} words" if self.shortest else f"up to {self.longest:,} words"


@dataclass(frozen=True)
class Column:
    """Examples whose column of the dataset (class_name, group or meta.<name>) holds this value, as text."""

    column: str
    value: str

    def __post_init__(self) -> None:
        _check_column(self.column, self.value)

    @property
    def written(self) -> str:
        return f"column:{self.column}={self.value}"

    @property
    def text(self) -> str:
        return f"{_column_title(self.column)} “{self.value}”"


@dataclass(frozen=True)
class Range:
    """Examples whose column holds a number or date from `lowest` to `highest`, both included, written as in the column.

    The column is one of those of `Column`.
    """

    column: str
    lowest: str
    highest: str

    def __post_init__(self) -> None:
        _check_column(self.column, self.lowest + self.highest)
        if not self.lowest or not self.highest or ".." in self.lowest:
            raise UserError(f"A range of {self.column} needs two ends, as in range:{self.column}=3..8.")

    @property
    def written(self) -> str:
        return f"range:{self.column}={self.lowest}..{self.highest}"

    @property
    def text(self) -> str:
        return f"{_column_title(self.column)} {self.lowest} to {self.highest}"


@dataclass(frozen=True)
class Picked:
    """The examples of a saved selection (`data.annotations.selections`), by its key."""

    selection: str

    def __post_init__(self) -> None:
        if not self.selection.isalnum():
            raise UserError(f"{self.selection!r} is not the key of a selection.")

    @property
    def written(self) -> str:
        return f"picked:{self.selection}"

    @property
    def text(self) -> str:
        return "picked examples"


Rule = Phrase | Length | Column | Range | Picked
_KINDS: dict[str, type[Rule]] = {
    "word": Phrase, "length": Length, "column": Column, "range": Range, "picked": Picked,
}  # fmt: skip


def kind_of(rule: Rule) -> str:
    """The kind of a rule: word, length, column, range or picked."""
    return next(name for name, kind in _KINDS.items() if isinstance(rule, kind))


def read_rule(written: str) -> Rule | None:
    """The rule of a written form, None for other text. UserError for a written form that is not valid."""
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
    if kind == "range":
        column, _, ends = rest.partition("=")
        lowest, _, highest = ends.partition("..")
        return Range(column, lowest, highest)
    shortest, _, longest = rest.partition("-")
    try:
        return Length(int(shortest), int(longest) if longest else None)
    except ValueError:
        raise UserError(f"{written} is not a range of lengths. Write it as length:25-48 or length:49-.") from None


def _check_column(column: str, value: str) -> None:
    if column not in ("class_name", "group") and not column.startswith("meta."):
        raise UserError(f"{column!r} is not a column for slices: class_name, group or meta.<name>.")
    if "=" in column or len(value) > LONGEST_VALUE:
        raise UserError(f"{column}: a column with “=” in its name or a value of more than {LONGEST_VALUE} characters.")


def _column_title(column: str) -> str:
    return column.removeprefix("meta.").replace("class_name", "class")


def rule_record(rule: Rule) -> dict[str, Any]:
    """A rule as a JSON object: `kind` and its fields."""
    return {"kind": kind_of(rule), **asdict(rule)}


def rule_from(record: dict[str, Any]) -> Rule:
    """The rule of a JSON object. UserError, KeyError or TypeError when it is not one."""
    fields = {name: value for name, value in record.items() if name != "kind"}
    return _KINDS[record["kind"]](**fields)
