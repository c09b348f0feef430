"""The hard-case list of an experiment: what people added, removed, noted and decided.

The list results from applying the append-only log of `data.annotations.hard_case_log`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd

from closecall.data.annotations.hard_case_log import SCHEMA, ImportedChange, LogRecord, apply_records, with_undone
from closecall.data.experiments.store import experiment_folder, load_experiment
from closecall.data.io.errors import UserError
from closecall.data.io.files import append_line, read_lines
from closecall.data.io.workspace import now

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
    """Add examples to the list, one reason or several for each. Returns the key of the record, for `undo`.

    An example that is on the list already keeps its origin and gains the new reasons.
    """
    listed = _checked(ids)
    given = [[one] if isinstance(one, str) else [str(reason) for reason in one] for one in reasons]
    if len(given) != len(listed):
        raise UserError(f"Each added example needs its reason: there are {len(listed)} ids and {len(given)} reasons.")
    return _append(experiment, "add", listed, who, reasons=given, **asdict(origin))


def remove_hard_cases(experiment: str, ids: Iterable[str], *, who: str = "") -> str:
    """Remove examples from the list. Their notes, actions and tags are kept and apply again when they are added."""
    return _append(experiment, "remove", _checked(ids), who)


def set_note(experiment: str, ids: Iterable[str], note: str, *, who: str = "") -> str:
    """Set the note of examples; an empty note clears it."""
    return _append(experiment, "note", _checked(ids), who, note=note)


def set_action(experiment: str, ids: Iterable[str], action: str, *, who: str = "") -> str:
    """Set the action for examples: one of ACTIONS, or "" for undecided."""
    if action and action not in ACTIONS:
        raise UserError(f"{action!r} is not an action. Actions are: {', '.join(ACTIONS)}.")
    return _append(experiment, "action", _checked(ids), who, action=action)


def set_new_label(experiment: str, ids: Iterable[str], label: str, *, who: str = "") -> str:
    """Set the class that examples should have, by its name; "" for undecided. The action is not changed."""
    return _append(experiment, "relabel", _checked(ids), who, label=label)


def add_tag(experiment: str, ids: Iterable[str], tag: str, *, who: str = "") -> str:
    """Add a tag to examples; any words without a semicolon."""
    return _append(experiment, "tag", _checked(ids), who, tag=_checked_tag(tag))


def remove_tag(experiment: str, ids: Iterable[str], tag: str, *, who: str = "") -> str:
    """Remove a tag from examples."""
    return _append(experiment, "untag", _checked(ids), who, tag=_checked_tag(tag))


def import_changes(
    experiment: str, ids: Iterable[str], changes: Sequence[ImportedChange], *, source: str, who: str = ""
) -> str:
    """Apply the changes of an imported list, one for each id, as one record that can be undone in one step."""
    listed = _checked(ids)
    if len(changes) != len(listed):
        raise UserError(f"Each example needs its changes: there are {len(listed)} ids and {len(changes)} changes.")
    return _append(
        experiment, "import", listed, who, source=source, changes=[dict(one) for one in changes], **asdict(NOWHERE)
    )


def undo(experiment: str, *, key: str = "", who: str = "") -> LogRecord | None:
    """Undo one record: the one with this key, else the last one by `who`. Returns it; None when there is none.

    Other records still apply, also later ones about the same examples.
    """
    meant = [record for record in _not_undone(experiment) if _is_meant(record, key, who)]
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
    """Every example that a record is about, on the list or not: COLUMNS and `listed`."""
    return annotations_of(load_history(experiment))


def load_history(experiment: str) -> list[LogRecord]:
    """Every record in the order of writing, with `undone`: whether it was undone. The undo records are left out."""
    load_experiment(experiment)
    return with_undone(read_lines(hard_cases_log(experiment)))


def annotations_of(history: Iterable[LogRecord]) -> pd.DataFrame:
    """The annotations that result from the records of `load_history`, as `load_annotations` returns them."""
    cases = apply_records(record for record in history if not record.get("undone"))
    rows = [{**asdict(one), "reasons": "; ".join(one.reasons), "tags": "; ".join(one.tags)} for one in cases]
    frame = pd.DataFrame(rows, columns=[*COLUMNS, "listed"])
    types = {column: "object" for column in _TEXT_COLUMNS}
    return frame.astype({**types, "ratio": "float64", "threshold": "float64", "seed": "Int64", "listed": "bool"})


def annotations_at(experiment: str, time: str) -> pd.DataFrame:
    """As `load_annotations`, from the records up to a time only (ISO, UTC, to the second)."""
    return annotations_of(one for one in load_history(experiment) if str(one.get("time", "")) <= time)


def hard_cases_log(experiment: str) -> Path:
    """The log file of an experiment's list."""
    return experiment_folder(experiment) / "hard_cases.jsonl"


def _not_undone(experiment: str) -> list[LogRecord]:
    return [record for record in load_history(experiment) if not record.get("undone")]


def _is_meant(record: LogRecord, key: str, who: str) -> bool:
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
