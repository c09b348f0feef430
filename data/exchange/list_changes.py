"""The rows of a list that comes back, each with the example it speaks of and what it says of it, in our own words."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from closecall.data.annotations.hard_cases import ACTIONS, annotations_at, import_changes, load_annotations
from closecall.data.datasets.store import load_examples, load_info
from closecall.data.exchange.annotation_export import storable
from closecall.data.exchange.returned_lists import CaseFile, KnownIds, problem_frame, same_text
from closecall.data.experiments.store import load_evaluation, load_experiment
from closecall.data.io.csv_escaping import unescaped
from closecall.data.io.errors import UserError
from closecall.data.readers.table import clean_text

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


# What would a list that comes back change? Everything is told before anything is written.
#
# A cell counts as changed when it differs from what the list said when it was exported. What was changed here since and
# left alone in the file stays; where both changed, the file's word is proposed and marked.


@dataclass(frozen=True)
class CaseChange:
    """What one row changes: `change` as `data.annotations.hard_cases.import_changes` takes it; `before` and `after` in words.

    `also_here`: fields that were changed here, too, since the list was exported.
    """

    row: int
    id: str
    change: dict[str, Any]
    before: dict[str, str]
    after: dict[str, str]
    also_here: tuple[str, ...] = ()


@dataclass(frozen=True)
class ListComparison:
    """What a file would change. `problems` has row, id, reason; `missing` are cases that the file no longer holds."""

    source: str
    changes: tuple[CaseChange, ...]
    problems: pd.DataFrame
    missing: tuple[str, ...] = ()
    unchanged: int = 0
    kept: int = 0
    notes: tuple[str, ...] = ()

    def records(self, *, remove_missing: bool = False) -> tuple[list[str], list[dict[str, Any]]]:
        """The ids and changes to write."""
        gone = self.missing if remove_missing else ()
        ids = [*(one.id for one in self.changes), *gone]
        return ids, [*(one.change for one in self.changes), *({"listed": False} for _ in gone)]


def compare_list(experiment: str, file: CaseFile) -> ListComparison:
    """Compare a list that comes back with the one there is."""
    now = load_annotations(experiment).set_index("id")
    then = annotations_at(experiment, file.exported).set_index("id") if file.exported else now
    rows, problems = case_rows(experiment, file, now.index)
    changes: list[CaseChange] = []
    unchanged = kept = 0
    for row in rows:
        change, left = _change(row, _entry(now, row.id), _entry(then, row.id), file.source)
        kept += left
        unchanged += change is None and not left
        if change is not None:
            changes.append(change)
    found = {row.id for row in rows}
    listed = now.index[now["listed"]].tolist() if file.complete else []
    missing = tuple(one for one in listed if one not in found and bool(_entry(then, one)["listed"]))
    told = pd.concat([file.problems, problem_frame(problems)]).sort_values("row", kind="stable")
    return ListComparison(
        file.source, tuple(changes), told.reset_index(drop=True), missing, unchanged, kept, file.notes
    )


def apply_comparison(
    experiment: str, comparison: ListComparison, *, remove_missing: bool = False, who: str = ""
) -> str:
    """Write the changes as one record of the log. Its key, for undo; UserError when nothing would change."""
    ids, changes = comparison.records(remove_missing=remove_missing)
    if not ids:
        raise UserError(f"{comparison.source} changes nothing.")
    return import_changes(experiment, ids, changes, source=comparison.source, who=who)


def _change(row: CaseRow, now: dict[str, Any], then: dict[str, Any], source: str) -> tuple[CaseChange | None, bool]:
    """What the row changes, None for nothing; and whether something newer here was kept against it."""
    change: dict[str, Any] = {}
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    kept, also = False, []
    if not now["listed"] and then["listed"]:
        return None, True  # taken off here since the export
    if not now["listed"]:
        reasons = [part for part in row.reasons.split("; ") if part]
        change.update(listed=True, reasons=reasons or [f"imported from {source}"])
    for name, value in row.told.items():
        if name == "tags":
            _change_tags(value, now, then, change, before, after)
        elif _same(value, now[name]):
            continue
        elif now[name] != then[name] and _same(value, then[name]):
            kept = True
        else:
            change[name], before[name], after[name] = value, now[name], value
            if now[name] != then[name]:
                also.append(WORDS[name])
    return (CaseChange(row.row, row.id, change, before, after, tuple(also)) if change else None), kept


def _change_tags(
    cell: str,
    now: dict[str, Any],
    then: dict[str, Any],
    change: dict[str, Any],
    before: dict[str, str],
    after: dict[str, str],
) -> None:
    """Tags are compared one by one, so that those given here since the export stay."""
    have, had = _tags(now["tags"]), _tags(then["tags"])
    wanted = list(dict.fromkeys(_tags(cell)))
    added = [tag for tag in wanted if tag not in had and tag not in have]
    removed = [tag for tag in had if tag not in wanted and tag in have]
    if added or removed:
        change.update(tags_added=added, tags_removed=removed)
        before["tags"] = now["tags"]
        after["tags"] = "; ".join([*(tag for tag in have if tag not in removed), *added])


def _tags(cell: str) -> list[str]:
    return [tag for part in cell.split(";") if (tag := " ".join(part.split()))]


def _same(cell: str, known: str) -> bool:
    """Whether a cell says what is known, whatever a file or a tool may have done to line ends and lost characters."""
    ours = {_line_ends(form) for form in (known, clean_text(known), storable(known))}
    return _line_ends(cell) in ours or _line_ends(unescaped(cell)) in ours


def _line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _entry(annotations: pd.DataFrame, one: str) -> dict[str, Any]:
    if one in annotations.index:
        return {str(name): value for name, value in annotations.loc[one].items()}
    return {"listed": False, **dict.fromkeys(WORDS, "")}
