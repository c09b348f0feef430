"""Slices: named subsets of the examples, each given by a rule (`slice_rules`), in an append-only log of the experiment.

`<experiment>/slices.jsonl` has one record a line: schema, key, time, who, op, and what the op needs: save (name, rule),
rename (of: the key of the saving record; name), delete and restore (of). The slices result from applying the log.
Records are only appended, each by one write: two people do not overwrite each other, and a crash loses at most the line
being written. When two slices were given one name at the same moment, the later one is shown as `name (2)`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from closecall.data.annotations.slice_rules import Rule, rule_from, rule_record
from closecall.data.experiments.store import experiment_folder, load_experiment
from closecall.data.io.errors import UserError
from closecall.data.io.files import append_line, read_lines
from closecall.data.io.workspace import now

SCHEMA = 1
LONGEST_NAME = 80


@dataclass(frozen=True)
class Slice:
    """A named rule, with key, time and author of its record. The name is one line of at most 80 characters."""

    name: str
    rule: Rule
    key: str = ""
    created: str = ""
    who: str = ""

    def __post_init__(self) -> None:
        if self.name != clean_name(self.name):
            raise UserError(f"{self.name!r} is not the name of a slice: it has spaces at its ends or line breaks.")


def clean_name(name: str) -> str:
    """A name as it is stored: one line, single spaces. UserError when it is empty or too long."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())
    if not line:
        raise UserError("Give the slice a name.")
    if len(line) > LONGEST_NAME:
        raise UserError(f"The name of a slice has at most {LONGEST_NAME} characters; this one has {len(line)}.")
    return line


def save_slice(experiment: str, name: str, rule: Rule, *, who: str = "") -> Slice:
    """Save a rule under a name. UserError when the name is taken."""
    one = Slice(_free_name(experiment, name), rule, uuid4().hex, now(), who)
    _append(experiment, "save", who, key=one.key, time=one.created, name=one.name, rule=rule_record(rule))
    return one


def rename_slice(experiment: str, key: str, name: str, *, who: str = "") -> None:
    """Give the slice with this key another name. UserError when the name is taken or the slice does not exist."""
    old = _keyed(experiment, key)
    if clean_name(name) != old.name:
        _append(experiment, "rename", who, of=key, name=_free_name(experiment, name))


def delete_slice(experiment: str, key: str, *, who: str = "") -> None:
    """Delete the slice with this key; `restore_slice` brings it back. UserError when it does not exist."""
    _keyed(experiment, key)
    _append(experiment, "delete", who, of=key)


def restore_slice(experiment: str, key: str, *, who: str = "") -> None:
    """Restore a deleted slice."""
    _append(experiment, "restore", who, of=key)


def load_slices(experiment: str) -> list[Slice]:
    """All slices in the order of saving, each with a name of its own."""
    load_experiment(experiment)
    found: dict[str, dict[str, Any]] = {}
    for record in read_lines(slices_log(experiment)):
        _apply(found, record)
    taken: set[str] = set()
    slices = []
    for key, entry in found.items():
        if entry["deleted"]:
            continue
        name = _unique_name(entry["name"], taken)
        taken.add(name)
        slices.append(Slice(name, entry["rule"], key, entry["time"], entry["who"]))
    return slices


def find_slice(experiment: str, name: str) -> Slice:
    """The slice of a name. UserError that lists the known ones when there is none."""
    slices = load_slices(experiment)
    for one in slices:
        if one.name == name:
            return one
    known = ", ".join(one.name for one in slices) or "none yet"
    raise UserError(f"{experiment} has no slice named {name}. Known slices: {known}.")


def slices_log(experiment: str) -> Path:
    """The log file of an experiment's slices."""
    return experiment_folder(experiment) / "slices.jsonl"


def _apply(found: dict[str, dict[str, Any]], record: dict[str, Any]) -> None:
    """Apply one record. A record of a later version, and one that is not valid, changes nothing."""
    op, of = record.get("op"), str(record.get("of", ""))
    try:
        if op == "save":
            entry = {"name": clean_name(str(record["name"])), "rule": rule_from(record["rule"]), "deleted": False}
            found[str(record["key"])] = entry | {name: str(record.get(name, "")) for name in ("time", "who")}
        elif of in found and op == "rename":
            found[of]["name"] = clean_name(str(record["name"]))
        elif of in found and op in ("delete", "restore"):
            found[of]["deleted"] = op == "delete"
    except (UserError, KeyError, TypeError):
        return


def _unique_name(name: str, taken: set[str]) -> str:
    number, other = 1, name
    while other in taken:
        number += 1
        other = f"{name[: LONGEST_NAME - 6]} ({number})"
    return other


def _free_name(experiment: str, name: str) -> str:
    clean = clean_name(name)
    if any(one.name == clean for one in load_slices(experiment)):
        raise UserError(f"There is a slice named {clean} already. Choose another name.")
    return clean


def _keyed(experiment: str, key: str) -> Slice:
    for one in load_slices(experiment):
        if one.key == key:
            return one
    raise UserError("This slice is gone: it was deleted. Load the page again.")


def _append(experiment: str, op: str, who: str, **more: Any) -> None:
    load_experiment(experiment)
    append_line(
        slices_log(experiment), {"schema": SCHEMA, "key": uuid4().hex, "time": now(), "who": who, "op": op} | more
    )
