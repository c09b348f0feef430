"""What the terminal does with a hard-case list: show it, write it, read it back, apply it."""

from pathlib import Path

from closecall.cli.output import print_json, print_note, print_rows
from closecall.cli.tables import print_dataset, print_queued, write_or_print
from closecall.data.datasets.versions import Relabelling
from closecall.data.exchange.list_changes import ListComparison, apply_comparison, compare_list
from closecall.data.exchange.returned_lists import read_case_file
from closecall.data.exchange.tables import provenance
from closecall.data.io.errors import UserError
from closecall.models.queue.relabelling import apply_decisions, proposed_relabelling, queue_same_experiment
from closecall.models.results.hard_case_files import case_table, write_cases

_WORDS = {"note": "note", "action": "action", "new_label": "new label", "tags": "tags"}


def hard_cases(experiment: str, *, out: Path | None, form: str, as_json: bool) -> None:
    """List or write the hard cases of an experiment."""
    table = case_table(experiment)
    print_note(f"{len(table):,} hard cases of {experiment}." + ("" if len(table) else " Add some on the Errors page."))
    if form and out is None:
        raise UserError("Name the file or folder to write with --out.")
    if out is not None:
        for path in write_cases(experiment, out, form):
            print_note(f"Written to {path}.")
        if not as_json:
            return
    columns = ["id", "reasons", "action", "new_label", "tags", "note", "text"]
    write_or_print(table, provenance(experiment), None, columns, as_json=as_json)


def import_cases(experiment: str, file: Path, *, accept: bool, remove_missing: bool, who: str, as_json: bool) -> None:
    """Show what a list that comes back would change, and write it when that is accepted."""
    comparison = compare_list(experiment, read_case_file(file))
    for note in comparison.notes:
        print_note(note)
    ids, changes = comparison.records(remove_missing=remove_missing)
    written = accept and bool(ids)
    key = apply_comparison(experiment, comparison, remove_missing=remove_missing, who=who) if written else ""
    if as_json:
        problems = comparison.problems.to_dict("records")
        told = [{"id": one, **change} for one, change in zip(ids, changes, strict=True)]
        print_json(
            {"changes": told, "problems": problems, "missing": comparison.missing, "written": written, "key": key}
        )
        return
    _show(comparison)
    if written:
        print_note(f"{len(ids):,} changes written. The app's log keeps them as one step.")
    elif ids:
        print_note(f"{len(ids):,} changes, not written yet. Write them with --yes.")
    else:
        print_note("Nothing to change.")


def relabel(experiment: str, *, training_only: bool, queue: bool, wait: bool, as_json: bool) -> None:
    """Save the next version of the dataset with the list's decisions in it, and queue the experiment on it."""
    _say_decisions(proposed_relabelling(experiment, training_only=training_only))
    version = apply_decisions(experiment, training_only=training_only)
    print_note(f"{version.name} is made; {version.info.parent} stays as it was.")
    if queue or wait:
        print_queued(queue_same_experiment(experiment, version.name).id, wait=wait, as_json=as_json)
        return
    print_dataset(version, as_json=as_json)


def _show(comparison: ListComparison) -> None:
    rows = [
        {
            "row": one.row,
            "id": one.id,
            "change": "; ".join(
                (["new on the list"] if one.change.get("listed") else [])
                + [
                    f"{_WORDS[name]}: {one.before[name] or 'none'} -> {now or 'none'}"
                    for name, now in one.after.items()
                ]
            ),
            "also changed here": ", ".join(one.also_here),
        }
        for one in comparison.changes
    ]
    print_rows(rows, title=f"What {comparison.source} changes")
    problems = [{str(name): value for name, value in row.items()} for row in comparison.problems.to_dict("records")]
    print_rows(problems, title="Rows that are not taken")
    if comparison.kept:
        print_note(f"{comparison.kept:,} cases were changed here since the export and are left as they are here.")
    if comparison.missing:
        print_note(
            f"{len(comparison.missing):,} cases are not in the file; take them off the list with --remove-missing."
        )


def _say_decisions(decided: Relabelling) -> None:
    for split in ("train", "validation", "test"):
        new, gone = decided.relabelled(split), decided.dropped(split)
        if new or gone:
            print_note(f"{split}: labels changed {new:,}, examples taken out {gone:,}.")
    if decided.relabelled("test") or decided.dropped("test"):
        print_note("The test set changes: recall before and after is not measured on the same labels.")
    told = {
        "about validation and test examples left alone": decided.left_alone,
        "marked relabel without a new label, left alone": decided.undecided,
        "not in the dataset": decided.unknown,
    }
    for what, ids in told.items():
        if ids:
            print_note(f"{len(ids):,} cases {what}.")
