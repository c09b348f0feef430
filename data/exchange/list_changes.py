"""Compare an edited hard-case list with the one in the experiment, and apply the differences.

A cell counts as changed when it differs from the list at the time of its export. What was changed in the experiment
since and not in the file stays; where both changed, the value of the file is proposed and marked.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from closecall.data.annotations.hard_case_log import ImportedChange
from closecall.data.annotations.hard_cases import ACTIONS, annotations_at, import_changes, load_annotations
from closecall.data.datasets.store import load_examples, load_info
from closecall.data.exchange.annotation_export import storable
from closecall.data.exchange.returned_lists import CaseFile, KnownIds, problem_frame, same_text
from closecall.data.experiments.store import load_evaluation, load_experiment
from closecall.data.io.csv_escaping import unescaped
from closecall.data.io.errors import UserError
from closecall.data.readers.table import clean_text

WORDS = {"note": "note", "action": "action", "new_label": "new label", "tags": "tags"}
"""The fields that a row may change, and their names in messages."""
Problem = tuple[int, str, str]


@dataclass(frozen=True)
class CaseRow:
    """A row whose example is identified. `decisions`: what the file states, by the keys of WORDS."""

    row: int
    id: str
    decisions: dict[str, str]
    reasons: str = ""


@dataclass(frozen=True)
class CaseChange:
    """What one row changes: `change` for `data.annotations.hard_cases.import_changes`, `before` and `after` as text.

    `also_here`: fields that were also changed in the experiment since the export.
    """

    row: int
    id: str
    change: ImportedChange
    before: dict[str, str]
    after: dict[str, str]
    also_here: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The change in words, such as `new on the list; action: none → relabel`."""
        parts = ["new on the list"] if self.change.get("listed") else []
        parts += [f"{WORDS[name]}: {self.before[name] or 'none'} → {now or 'none'}" for name, now in self.after.items()]
        return "; ".join(parts)


@dataclass(frozen=True)
class ListComparison:
    """What a file would change. `problems` has row, id, reason; `missing` are cases that are not in the file."""

    source: str
    changes: tuple[CaseChange, ...]
    problems: pd.DataFrame
    missing: tuple[str, ...] = ()
    unchanged: int = 0
    kept: int = 0
    notes: tuple[str, ...] = ()

    def records(self, *, remove_missing: bool = False) -> tuple[list[str], list[ImportedChange]]:
        """The ids and changes to write; `remove_missing` also removes the missing cases from the list."""
        gone = self.missing if remove_missing else ()
        ids = [*(one.id for one in self.changes), *gone]
        return ids, [*(one.change for one in self.changes), *(ImportedChange(listed=False) for _ in gone)]


def compare_list(experiment: str, file: CaseFile) -> ListComparison:
    """Compare the list in a file with the list of the experiment."""
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
    # A file without any row of this list says nothing about the cases that it does not contain.
    listed = now.index[now["listed"]].tolist() if file.complete and rows else []
    missing = tuple(one for one in listed if one not in found and bool(_entry(then, one)["listed"]))
    all_problems = pd.concat([file.problems, problem_frame(problems)]).sort_values("row", kind="stable")
    return ListComparison(
        file.source, tuple(changes), all_problems.reset_index(drop=True), missing, unchanged, kept, file.notes
    )


def apply_comparison(
    experiment: str, comparison: ListComparison, *, remove_missing: bool = False, who: str = ""
) -> str:
    """Write the changes as one record and return its key, for `undo`. UserError when there is no change."""
    ids, changes = comparison.records(remove_missing=remove_missing)
    if not ids:
        raise UserError(f"{comparison.source} changes nothing.")
    return import_changes(experiment, ids, changes, source=comparison.source, who=who)


def case_rows(experiment: str, file: CaseFile, touched: Iterable[str]) -> tuple[list[CaseRow], list[Problem]]:
    """The rows that can be imported, and row, id and reason of the others. `touched`: ids in the log of the list."""
    examples, classes = _examples(experiment)
    known = KnownIds([*examples.index, *(one for one in touched if one not in examples.index)])
    problems: list[Problem] = []
    rows = []
    for row in _once(_matched(file.rows, known, examples, problems), problems):
        decisions, reason = _decisions(row, classes, str(examples["class_name"].get(row["id"], "")))
        if reason:
            problems.append((row["row"], row["id"], reason))
        else:
            rows.append(CaseRow(int(row["row"]), row["id"], decisions, str(row["reasons"] or "")))
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
    """The rows whose example is identified, each with its exact id."""
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
    """The rows, without those that contradict each other about one example."""
    by_id: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_id.setdefault(row["id"], []).append(row)
    kept = []
    for one, same in by_id.items():
        if all({**row, "row": 0} == {**same[0], "row": 0} for row in same):
            kept.append(same[0])
            continue
        numbers = " and ".join(str(row["row"]) for row in same)
        problems += [(row["row"], one, f"Rows {numbers} are about the same example. Keep one of them") for row in same]
    return kept


def _decisions(row: dict[str, Any], classes: list[str], own: str) -> tuple[dict[str, str], str]:
    """What the row states, in normal form, or why it cannot be imported. Absent keys are not stated."""
    decisions = {name: str(row[name]) for name in WORDS if row[name] is not None}
    if "action" in decisions:
        folded = {action.casefold(): action for action in ("", *ACTIONS)}
        action = folded.get(" ".join(decisions["action"].split()).casefold())
        if action is None:
            return {}, f"{decisions['action'][:40]!r} is not an action. Write one of: {', '.join(ACTIONS)}"
        decisions["action"] = action
    if decisions.get("new_label"):
        label = _class(decisions["new_label"], classes)
        if label is None:
            return {}, f"{decisions['new_label'][:40]!r} is not a class. Write one of: {', '.join(classes)}"
        decisions["new_label"] = "" if label == own else label
        if decisions["new_label"] and not decisions.get("action"):
            decisions["action"] = "relabel"
    return decisions, ""


def _class(cell: str, classes: list[str]) -> str | None:
    """The class that a cell names. Case is ignored when that leaves one class."""
    plain = " ".join(cell.split())
    alike = [name for name in classes if name.casefold() == plain.casefold()]
    return plain if plain in classes or not classes else alike[0] if len(alike) == 1 else None


def _change(row: CaseRow, now: dict[str, Any], then: dict[str, Any], source: str) -> tuple[CaseChange | None, bool]:
    """What the row changes (None: nothing), and whether a newer value of the experiment was kept."""
    change: ImportedChange = {}
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    kept, also = False, []
    if not now["listed"] and then["listed"]:
        return None, True  # removed here since the export
    if not now["listed"]:
        reasons = [part for part in row.reasons.split("; ") if part]
        change["listed"] = True
        change["reasons"] = reasons or [f"imported from {source}"]
    for name, value in row.decisions.items():
        if name == "tags":
            _change_tags(value, now, then, change, before, after)
        elif _same(value, now[name]):
            continue
        elif now[name] != then[name] and _same(value, then[name]):
            kept = True
        else:
            change[name], before[name], after[name] = value, now[name], value  # type: ignore[literal-required]
            if now[name] != then[name]:
                also.append(WORDS[name])
    return (CaseChange(row.row, row.id, change, before, after, tuple(also)) if change else None), kept


def _change_tags(
    cell: str,
    now: dict[str, Any],
    then: dict[str, Any],
    change: ImportedChange,
    before: dict[str, str],
    after: dict[str, str],
) -> None:
    """Compare tags one by one, so that tags added in the experiment since the export stay."""
    have, had = _tags(now["tags"]), _tags(then["tags"])
    wanted = list(dict.fromkeys(_tags(cell)))
    added = [tag for tag in wanted if tag not in had and tag not in have]
    removed = [tag for tag in had if tag not in wanted and tag in have]
    if added or removed:
        change["tags_added"], change["tags_removed"] = added, removed
        before["tags"] = now["tags"]
        after["tags"] = "; ".join([*(tag for tag in have if tag not in removed), *added])


def _tags(cell: str) -> list[str]:
    return [tag for part in cell.split(";") if (tag := " ".join(part.split()))]


def _same(cell: str, known: str) -> bool:
    """Whether a cell equals a known value, apart from line ends and characters that files or tools cannot hold."""
    ours = {_line_ends(form) for form in (known, clean_text(known), storable(known))}
    return _line_ends(cell) in ours or _line_ends(unescaped(cell)) in ours


def _line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _entry(annotations: pd.DataFrame, one: str) -> dict[str, Any]:
    if one in annotations.index:
        return {str(name): value for name, value in annotations.loc[one].items()}
    return {"listed": False, **dict.fromkeys(WORDS, "")}
