"""What would a list that comes back change? Everything is told before anything is written.

A cell counts as changed when it differs from what the list said when it was exported. What was changed here since and
left alone in the file stays; where both changed, the file's word is proposed and marked.
"""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from data.case_lists import CaseFile, problem_frame
from data.case_rows import WORDS, CaseRow, case_rows
from data.cells import restored
from data.errors import UserError
from data.hard_cases import annotations_at, import_changes, load_annotations
from data.labelling_tools import storable
from data.raw import clean_text


@dataclass(frozen=True)
class CaseChange:
    """What one row changes: `change` as `data.hard_cases.import_changes` takes it; `before` and `after` in words.

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
    return _line_ends(cell) in ours or _line_ends(restored(cell)) in ours


def _line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _entry(annotations: pd.DataFrame, one: str) -> dict[str, Any]:
    if one in annotations.index:
        return {str(name): value for name, value in annotations.loc[one].items()}
    return {"listed": False, **dict.fromkeys(WORDS, "")}
