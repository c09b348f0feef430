"""What the records of a hard-case log add up to: one entry for each example that someone touched."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd

from closecall.data.experiments.store import experiment_folder, load_experiment
from closecall.data.io.errors import UserError
from closecall.data.io.files import append_line, read_lines
from closecall.data.io.workspace import now

Entry = dict[str, Any]
Record = dict[str, Any]
ORIGIN = ("run", "ratio", "seed", "split", "threshold")


def folded(records: Sequence[Record]) -> list[Entry]:
    """The entries after all records, in the order of adding; those never on the list come first."""
    entries: dict[str, Entry] = {}
    for number, record in enumerate(records):
        apply_record(entries, record, number)
    return sorted(entries.values(), key=lambda entry: entry["place"])


def apply_record(entries: dict[str, Entry], record: Record, number: int) -> None:
    """Let one record change the entries of its ids. An op of a later version changes nothing."""
    for place, one in enumerate(record["ids"]):
        entry = entries.setdefault(one, _fresh(one))
        if record["op"] == "import":
            _take(entry, record, (number, place))
        else:
            _change(entry, record, (number, place))


def history_of(records: Sequence[Record]) -> list[Record]:
    """The whole records in the order of writing, with `undone`: whether one was taken back; without those of undo."""
    sound = [record for record in records if _is_whole(record)]
    gone = {record.get("of") for record in sound if record["op"] == "undo"}
    return [{**record, "undone": record["key"] in gone} for record in sound if record["op"] != "undo"]


def _change(entry: Entry, record: Record, place: tuple[int, int]) -> None:
    op = record["op"]
    if op == "add":
        reasons = record.get("reasons", [])
        _list(entry, record, place, reasons[place[1]] if place[1] < len(reasons) else [])
    elif op == "remove":
        entry.update(listed=False, reasons=[])
    elif op in ("note", "action"):
        entry[op] = str(record.get(op, ""))
    elif op == "relabel":
        entry["new_label"] = str(record.get("label", ""))
    elif op == "tag":
        _tag(entry, [str(record.get("tag", ""))], [])
    elif op == "untag":
        _tag(entry, [], [str(record.get("tag", ""))])


def _take(entry: Entry, record: Record, place: tuple[int, int]) -> None:
    """What an imported list says of one example: only what it changes is in the record."""
    changes = record.get("changes", [])
    change: dict[str, Any] = changes[place[1]] if place[1] < len(changes) else {}
    if change.get("listed") is True:
        _list(entry, record, place, change.get("reasons", []))
    elif change.get("listed") is False:
        entry.update(listed=False, reasons=[])
    entry.update({name: str(change[name]) for name in ("note", "action", "new_label") if name in change})
    _tag(entry, change.get("tags_added", []), change.get("tags_removed", []))


def _list(entry: Entry, record: Record, place: tuple[int, int], reasons: Sequence[str]) -> None:
    if not entry["listed"]:
        entry.update({name: record.get(name) for name in ORIGIN})
        entry.update(listed=True, added=record.get("time", ""), who=record.get("who", ""), place=place)
    entry["reasons"] += [reason for reason in reasons if reason not in entry["reasons"]]


def _tag(entry: Entry, added: Sequence[str], removed: Sequence[str]) -> None:
    kept = [tag for tag in entry["tags"] if tag not in removed]
    entry["tags"] = kept + [tag for tag in added if tag not in kept]


def _fresh(one: str) -> Entry:
    texts = dict.fromkeys(("note", "action", "new_label", "added", "who", "run", "split"), "")
    numbers = dict.fromkeys(("ratio", "seed", "threshold"))
    return {"id": one, "reasons": [], "tags": [], **texts, **numbers, "listed": False, "place": (-1, 0)}


def _is_whole(record: Record) -> bool:
    return all(isinstance(record.get(name), kind) for name, kind in (("op", str), ("key", str), ("ids", list)))


# The hard-case list of an experiment: what people added, removed, noted and decided, as an append-only log.
#
# `<experiment>/hard_cases.jsonl` has one record a line: schema, key, time, who, op, ids, and what the op needs: add
# (reasons, one list for each id; run, ratio, seed, split, threshold), remove, note (note), action (action), relabel
# (label: the class it should have), tag and untag (tag), import (source; changes, one object for each id), undo (of: the
# key of another record). The list is what folding the log gives (`data.annotations.hard_cases`). Records are only ever added, each
# by one write, so two people do not overwrite each other and a crash loses at most the line being written.

SCHEMA = 1
ACTIONS = ("relabel", "collect more", "duplicate", "ambiguous", "not our class", "fine as is")
COLUMNS = (
    "id", "reasons", "note", "action", "new_label", "tags", "added", "who", "run", "ratio", "seed", "split",
    "threshold",
)  # fmt: skip
_TEXT_COLUMNS = ("id", "reasons", "note", "action", "new_label", "tags", "added", "who", "run", "split")


@dataclass(frozen=True)
class Origin:
    """Where examples were found when they were added: the run, its ratio and seed, the split and the threshold."""

    run: str = ""
    ratio: float | None = None
    seed: int | None = None
    split: str = "test"
    threshold: float | None = None


NOWHERE = Origin(split="")


def add_hard_cases(
    experiment: str,
    ids: Iterable[str],
    reasons: Iterable[str | Sequence[str]],
    *,
    origin: Origin = NOWHERE,
    who: str = "",
) -> str:
    """Put examples on the list, one reason (or several) for each. Returns the record's key, for `undo`.

    An example that is on the list already keeps its origin and gains the new reasons.
    """
    listed = _checked(ids)
    given = [[one] if isinstance(one, str) else [str(reason) for reason in one] for one in reasons]
    if len(given) != len(listed):
        raise UserError(f"Each added example needs its reason: there are {len(listed)} ids and {len(given)} reasons.")
    return _append(experiment, "add", listed, who, reasons=given, **asdict(origin))


def remove_hard_cases(experiment: str, ids: Iterable[str], *, who: str = "") -> str:
    """Take examples off the list. Their notes, actions and tags are kept and return with them."""
    return _append(experiment, "remove", _checked(ids), who)


def set_note(experiment: str, ids: Iterable[str], note: str, *, who: str = "") -> str:
    """Write the note of examples; an empty one clears it."""
    return _append(experiment, "note", _checked(ids), who, note=note)


def set_action(experiment: str, ids: Iterable[str], action: str, *, who: str = "") -> str:
    """Decide what to do with examples: one of ACTIONS, or "" for undecided."""
    if action and action not in ACTIONS:
        raise UserError(f"{action!r} is not an action. Actions are: {', '.join(ACTIONS)}.")
    return _append(experiment, "action", _checked(ids), who, action=action)


def set_new_label(experiment: str, ids: Iterable[str], label: str, *, who: str = "") -> str:
    """Write the class that examples should have, by its name; "" for undecided. The action stays as it is."""
    return _append(experiment, "relabel", _checked(ids), who, label=label)


def add_tag(experiment: str, ids: Iterable[str], tag: str, *, who: str = "") -> str:
    """Give examples a tag; any words without a semicolon."""
    return _append(experiment, "tag", _checked(ids), who, tag=_checked_tag(tag))


def remove_tag(experiment: str, ids: Iterable[str], tag: str, *, who: str = "") -> str:
    """Take a tag from examples."""
    return _append(experiment, "untag", _checked(ids), who, tag=_checked_tag(tag))


def import_changes(
    experiment: str, ids: Iterable[str], changes: Sequence[Mapping[str, Any]], *, source: str, who: str = ""
) -> str:
    """Take over what a list from outside says, as one record and one step to undo.

    One object for each id holds only what changes: listed (True or False), reasons (a list, when it comes on the
    list), note, action, new_label, tags_added and tags_removed (lists).
    """
    listed = _checked(ids)
    if len(changes) != len(listed):
        raise UserError(f"Each example needs its changes: there are {len(listed)} ids and {len(changes)} changes.")
    return _append(
        experiment, "import", listed, who, source=source, changes=[dict(one) for one in changes], **asdict(NOWHERE)
    )


def undo(experiment: str, *, key: str = "", who: str = "") -> Record | None:
    """Take back one record: the one of this key, else the last that `who` made. Returns it; None when there is none.

    Others' records stay as they are, also later ones on the same examples.
    """
    meant = [record for record in _standing(experiment) if _is_meant(record, key, who)]
    if not meant:
        return None
    _append(experiment, "undo", meant[-1]["ids"], who, of=meant[-1]["key"])
    return meant[-1]


def load_hard_cases(experiment: str) -> pd.DataFrame:
    """The list, in the order of adding: COLUMNS, with reasons and tags joined by "; ", ratio and threshold as floats
    (nan: unknown), seed as a nullable integer, `added` the time (ISO, UTC) and `who` the person of the adding.
    """
    annotations = load_annotations(experiment)
    return annotations.loc[annotations["listed"], list(COLUMNS)].reset_index(drop=True)


def load_annotations(experiment: str) -> pd.DataFrame:
    """What is known of every example that someone touched, on the list or not: COLUMNS and `listed`."""
    return annotations_of(load_history(experiment))


def load_history(experiment: str) -> list[Record]:
    """Every record in the order of writing, with `undone`: whether it was taken back. The undo records are left out."""
    load_experiment(experiment)
    return history_of(read_lines(hard_cases_log(experiment)))


def annotations_of(history: Iterable[Record]) -> pd.DataFrame:
    """What the records of `load_history` add up to, as `load_annotations`."""
    entries = folded([record for record in history if not record["undone"]])
    rows = [{**one, "reasons": "; ".join(one["reasons"]), "tags": "; ".join(one["tags"])} for one in entries]
    frame = pd.DataFrame(rows, columns=[*COLUMNS, "listed"])
    types = {column: "object" for column in _TEXT_COLUMNS}
    return frame.astype({**types, "ratio": "float64", "threshold": "float64", "seed": "Int64", "listed": "bool"})


def annotations_at(experiment: str, time: str) -> pd.DataFrame:
    """As `load_annotations`, with the records up to a time (ISO, UTC, to the second) alone."""
    return annotations_of(one for one in load_history(experiment) if str(one.get("time", "")) <= time)


def hard_cases_log(experiment: str) -> Path:
    """The log file of an experiment's list."""
    return experiment_folder(experiment) / "hard_cases.jsonl"


def _standing(experiment: str) -> list[Record]:
    """The records that nobody took back, in the order of writing."""
    return [record for record in load_history(experiment) if not record["undone"]]


def _is_meant(record: Record, key: str, who: str) -> bool:
    return bool(record["key"] == key if key else record.get("who", "") == who)


def _append(experiment: str, op: str, ids: list[str], who: str, **more: Any) -> str:
    load_experiment(experiment)
    key = uuid4().hex
    record = {"schema": SCHEMA, "key": key, "time": now(), "who": who, "op": op, "ids": ids, **more}
    append_line(hard_cases_log(experiment), record)
    return key


def _checked(ids: Iterable[str]) -> list[str]:
    listed = [ids] if isinstance(ids, str) else [str(one) for one in ids]
    if not listed or not all(listed):
        raise UserError("Choose at least one example; every example needs an id.")
    return listed


def _checked_tag(tag: str) -> str:
    plain = " ".join(tag.split())
    if not plain or ";" in plain:
        raise UserError("A tag is one or more words without a semicolon.")
    return plain
