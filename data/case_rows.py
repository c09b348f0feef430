"""The rows of a list that comes back, each with the example it speaks of and what it says of it, in our own words."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from data.case_ids import KnownIds, same_text
from data.case_lists import CaseFile
from data.datasets import load_examples, load_info
from data.errors import UserError
from data.experiments import load_evaluation, load_experiment
from data.hard_cases import ACTIONS

WORDS = {"note": "note", "action": "action", "new_label": "new label", "tags": "tags"}
"""What a row may decide, and how it is called."""
Problem = tuple[int, str, str]


@dataclass(frozen=True)
class CaseRow:
    """A row whose example is certain. `told` is what the file says, by the keys of WORDS; absent: it does not say."""

    row: int
    id: str
    told: dict[str, str]
    reasons: str = ""


def case_rows(experiment: str, file: CaseFile, touched: Iterable[str]) -> tuple[list[CaseRow], list[Problem]]:
    """The rows that can be taken, and row, id and reason of the others. `touched`: ids in the list's log."""
    examples, classes = _examples(experiment)
    known = KnownIds([*examples.index, *(one for one in touched if one not in examples.index)])
    problems: list[Problem] = []
    rows = []
    for row in _once(_matched(file.rows, known, examples, problems), problems):
        told, reason = _told(row, classes, str(examples["class_name"].get(row["id"], "")))
        if reason:
            problems.append((row["row"], row["id"], reason))
        else:
            rows.append(CaseRow(int(row["row"]), row["id"], told, str(row["reasons"] or "")))
    return rows, problems


def _examples(experiment: str) -> tuple[pd.DataFrame, list[str]]:
    """Text and class name of every example, `id` as index, and the classes there are."""
    config = load_experiment(experiment)
    try:
        info = load_info(config.dataset)
        frame = load_examples(config.dataset, ["id", "text", "class_name"])
    except UserError:
        return load_evaluation(experiment)[["id"]].assign(text="", class_name="").set_index("id"), []
    return frame.set_index("id"), [*info.positive_classes, *info.negative_classes]


def _matched(
    rows: pd.DataFrame, known: KnownIds, examples: pd.DataFrame, problems: list[Problem]
) -> list[dict[str, Any]]:
    """The rows whose example is certain, each with its true id."""
    found = []
    for row in rows.to_dict("records"):
        one = known.known(row["id"])
        text = examples["text"].get(one) if one is not None and row["text"] else None
        agrees = same_text(row["text"], text) if text else None
        one, reason = known.find(row["id"], text_agrees=agrees)
        if reason:
            problems.append((row["row"], row["id"], reason))
        else:
            found.append({**{str(name): cell for name, cell in row.items()}, "id": one})
    return found


def _once(rows: list[dict[str, Any]], problems: list[Problem]) -> list[dict[str, Any]]:
    """The rows without those that say different things of one example."""
    by_id: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_id.setdefault(row["id"], []).append(row)
    kept = []
    for one, same in by_id.items():
        if all({**row, "row": 0} == {**same[0], "row": 0} for row in same):
            kept.append(same[0])
            continue
        numbers = " and ".join(str(row["row"]) for row in same)
        problems += [(row["row"], one, f"Rows {numbers} speak of the same example. Keep one of them") for row in same]
    return kept


def _told(row: dict[str, Any], classes: list[str], own: str) -> tuple[dict[str, str], str]:
    """What the row says, in our own words, or why it cannot be taken. Absent: the file does not say."""
    told = {name: str(row[name]) for name in WORDS if row[name] is not None}
    if "action" in told:
        folded = {action.casefold(): action for action in ("", *ACTIONS)}
        action = folded.get(" ".join(told["action"].split()).casefold())
        if action is None:
            return {}, f"{told['action'][:40]!r} is not an action. Write one of: {', '.join(ACTIONS)}"
        told["action"] = action
    if told.get("new_label"):
        label = _class(told["new_label"], classes)
        if label is None:
            return {}, f"{told['new_label'][:40]!r} is not a class. Write one of: {', '.join(classes)}"
        told["new_label"] = "" if label == own else label
        if told["new_label"] and not told.get("action"):
            told["action"] = "relabel"
    return told, ""


def _class(cell: str, classes: list[str]) -> str | None:
    """The class that a cell names, upper and lower case being the same when only one is meant."""
    plain = " ".join(cell.split())
    alike = [name for name in classes if name.casefold() == plain.casefold()]
    return plain if plain in classes or not classes else alike[0] if len(alike) == 1 else None
