"""The log of a hard-case list: its records, and the cases that result from applying them.

`<experiment>/hard_cases.jsonl` has one record a line, a `LogRecord`. The ops are add (reasons, one list for each id;
run, ratio, seed, split, threshold), remove, note (note), action (action), relabel (label: the class it should have),
tag and untag (tag), import (source; changes, one object for each id), undo (of: the key of another record).

Records are only appended, each by one write: two people do not overwrite each other, and a crash loses at most the line
being written.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NotRequired, TypedDict, cast

SCHEMA = 1


class ImportedChange(TypedDict, total=False):
    """What an imported list changes about one example; absent keys stay as they are."""

    listed: bool
    reasons: list[str]
    note: str
    action: str
    new_label: str
    tags_added: list[str]
    tags_removed: list[str]


class LogRecord(TypedDict):
    """One line of the log. `undone` is added on reading: whether a later record took this one back."""

    schema: int
    key: str
    time: str
    who: str
    op: str
    ids: list[str]
    reasons: NotRequired[list[list[str]]]
    note: NotRequired[str]
    action: NotRequired[str]
    label: NotRequired[str]
    tag: NotRequired[str]
    source: NotRequired[str]
    changes: NotRequired[list[ImportedChange]]
    of: NotRequired[str]
    run: NotRequired[str]
    ratio: NotRequired[float | None]
    seed: NotRequired[int | None]
    split: NotRequired[str]
    threshold: NotRequired[float | None]
    undone: NotRequired[bool]


@dataclass
class Case:
    """One example after the records so far.

    `place`, the number of a record and the position in it, orders the list; (-1, 0): never on it.
    """

    id: str
    reasons: list[str] = field(default_factory=list)
    note: str = ""
    action: str = ""
    new_label: str = ""
    tags: list[str] = field(default_factory=list)
    added: str = ""
    who: str = ""
    run: str | None = ""
    ratio: float | None = None
    seed: int | None = None
    split: str | None = ""
    threshold: float | None = None
    listed: bool = False
    place: tuple[int, int] = (-1, 0)

    def add(self, record: LogRecord, place: tuple[int, int], reasons: Sequence[str]) -> None:
        if not self.listed:
            self.run, self.split = record.get("run"), record.get("split")
            self.ratio, self.seed, self.threshold = record.get("ratio"), record.get("seed"), record.get("threshold")
            self.added, self.who = record.get("time", ""), record.get("who", "")
            self.listed, self.place = True, place
        self.reasons += [reason for reason in reasons if reason not in self.reasons]

    def remove(self) -> None:
        self.listed, self.reasons = False, []

    def retag(self, added: Sequence[str], removed: Sequence[str]) -> None:
        kept = [tag for tag in self.tags if tag not in removed]
        self.tags = kept + [tag for tag in added if tag not in kept]


def with_undone(records: Iterable[Mapping[str, Any]]) -> list[LogRecord]:
    """The valid records in the order of writing, with `undone`; without the undo records."""
    valid = [cast(LogRecord, record) for record in records if _is_valid(record)]
    undone = {record.get("of") for record in valid if record["op"] == "undo"}
    return [cast(LogRecord, {**one, "undone": one["key"] in undone}) for one in valid if one["op"] != "undo"]


def _is_valid(record: Mapping[str, Any]) -> bool:
    return all(isinstance(record.get(name), kind) for name, kind in (("op", str), ("key", str), ("ids", list)))


def apply_records(records: Iterable[LogRecord]) -> list[Case]:
    """The cases after all records, in the order of adding; those never on the list come first."""
    cases: dict[str, Case] = {}
    for number, record in enumerate(records):
        for position, one in enumerate(record["ids"]):
            _apply(cases.setdefault(one, Case(one)), record, (number, position))
    return sorted(cases.values(), key=lambda one: one.place)


def _apply(entry: Case, record: LogRecord, place: tuple[int, int]) -> None:
    """Apply one record to one of its examples. An op of a later version changes nothing."""
    position = place[1]
    match record["op"]:
        case "add":
            reasons = record.get("reasons", [])
            entry.add(record, place, reasons[position] if position < len(reasons) else [])
        case "remove":
            entry.remove()
        case "note":
            entry.note = str(record.get("note", ""))
        case "action":
            entry.action = str(record.get("action", ""))
        case "relabel":
            entry.new_label = str(record.get("label", ""))
        case "tag":
            entry.retag([str(record.get("tag", ""))], [])
        case "untag":
            entry.retag([], [str(record.get("tag", ""))])
        case "import":
            changes = record.get("changes", [])
            _apply_change(entry, record, place, changes[position] if position < len(changes) else {})


def _apply_change(entry: Case, record: LogRecord, place: tuple[int, int], change: ImportedChange) -> None:
    """Apply what an imported list changes about one example."""
    if change.get("listed") is True:
        entry.add(record, place, change.get("reasons", []))
    elif change.get("listed") is False:
        entry.remove()
    entry.note = str(change.get("note", entry.note))
    entry.action = str(change.get("action", entry.action))
    entry.new_label = str(change.get("new_label", entry.new_label))
    entry.retag(change.get("tags_added", []), change.get("tags_removed", []))
