"""Commands for the hard-case list: hard-cases (list, write, import) and relabel."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from closecall.cli.arguments import ExperimentId, Json, Wait
from closecall.cli.output import print_json, print_note, print_rows, write_or_print
from closecall.data.exchange.export_formats import format_names_text
from closecall.data.io.errors import UserError

if TYPE_CHECKING:
    from closecall.data.datasets.versions import Relabelling
    from closecall.data.exchange.list_changes import ListComparison

CaseFile = Annotated[Path | None, typer.Option(help="File to write; for hf a folder, or a .zip of it.")]
CaseForm = Annotated[str, typer.Option(help=f"{format_names_text()}. Without it: by the suffix of the file.")]
ImportFile = Annotated[
    Path | None,
    typer.Option("--import", help="Import a list: an exported one, or the JSON export of an annotation tool."),
]
RemoveMissing = Annotated[
    bool, typer.Option("--remove-missing", help="Remove cases that the imported list no longer contains.")
]


def hard_cases(
    experiment: ExperimentId,
    out: CaseFile = None,
    form: CaseForm = "",
    import_: ImportFile = None,
    yes: Annotated[bool, typer.Option("--yes", help="Write the changes of the imported list.")] = False,
    remove_missing: RemoveMissing = False,
    who: Annotated[str, typer.Option(help="Your name, stored with imported changes.")] = "",
    json: Json = False,
) -> None:
    """List or write the hard cases of an experiment, or import a list and show what it changes.

    Example: closecall hard-cases posts-1-1-to-1-10 --out hard-cases.parquet
    """
    if import_ is None:
        _show_list(experiment, out=out, form=form, as_json=json)
    else:
        _import_list(experiment, import_, accept=yes, remove_missing=remove_missing, who=who, as_json=json)


def relabel(
    experiment: ExperimentId,
    training_only: Annotated[bool, typer.Option("--training-only", help="Do not change validation and test.")] = False,
    queue: Annotated[bool, typer.Option("--queue", help="Train the same experiment on the new version.")] = False,
    wait: Wait = False,
    json: Json = False,
) -> None:
    """Apply the decisions of the hard-case list as a new version of the dataset; the old version is kept.

    Example: closecall relabel posts-1-1-to-1-10 --queue
    """
    from closecall.cli.datasets import print_dataset
    from closecall.cli.progress import print_queued
    from closecall.models.queue.relabelling import apply_decisions, proposed_relabelling, queue_same_experiment

    _print_decisions(proposed_relabelling(experiment, training_only=training_only))
    version = apply_decisions(experiment, training_only=training_only)
    print_note(f"Saved as {version.name}; {version.info.parent} is unchanged.")
    if queue or wait:
        print_queued(queue_same_experiment(experiment, version.name).id, wait=wait, as_json=json)
        return
    print_dataset(version, as_json=json)


def _show_list(experiment: str, *, out: Path | None, form: str, as_json: bool) -> None:
    """Write the hard cases, or show some columns of the first."""
    from closecall.data.exchange.tables import provenance
    from closecall.models.results.hard_cases import case_table, write_cases

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


def _import_list(experiment: str, file: Path, *, accept: bool, remove_missing: bool, who: str, as_json: bool) -> None:
    """Show what an imported list would change, and write it with `accept`."""
    from closecall.data.exchange.list_changes import apply_comparison, compare_list
    from closecall.data.exchange.returned_lists import read_case_file

    comparison = compare_list(experiment, read_case_file(file))
    for note in comparison.notes:
        print_note(note)
    ids, changes = comparison.records(remove_missing=remove_missing)
    written = accept and bool(ids)
    key = apply_comparison(experiment, comparison, remove_missing=remove_missing, who=who) if written else ""
    if as_json:
        content = {
            "changes": [{"id": one, **change} for one, change in zip(ids, changes, strict=True)],
            "problems": comparison.problems.to_dict("records"),
            "missing": comparison.missing,
            "written": written,
            "key": key,
        }
        print_json(content)
        return
    _print_comparison(comparison)
    if written:
        print_note(f"{len(ids):,} changes written. In the app they can be undone as one step.")
    elif ids:
        print_note(f"{len(ids):,} changes, not written yet. Write them with --yes.")
    else:
        print_note("Nothing to change.")


def _print_comparison(comparison: "ListComparison") -> None:
    """The changes of an imported list, the rows that are rejected, and the cases it does not change."""
    rows = [
        {"row": one.row, "id": one.id, "change": one.text, "also changed here": ", ".join(one.also_here)}
        for one in comparison.changes
    ]
    print_rows(rows, title=f"Changes in {comparison.source}")
    problems = [{str(name): value for name, value in row.items()} for row in comparison.problems.to_dict("records")]
    print_rows(problems, title="Rejected rows")
    if comparison.kept:
        print_note(f"{comparison.kept:,} cases were changed here since the export and keep these changes.")
    if comparison.missing:
        print_note(f"{len(comparison.missing):,} cases are not in the file; remove them with --remove-missing.")


def _print_decisions(decided: "Relabelling") -> None:
    """The label changes and removals by split, and the cases that are not applied."""
    for split in ("train", "validation", "test"):
        changed, dropped = decided.relabelled(split), decided.dropped(split)
        if changed or dropped:
            print_note(f"{split}: {changed:,} labels changed, {dropped:,} examples removed.")
    if decided.relabelled("test") or decided.dropped("test"):
        print_note("The test set changes: recall before and after is measured on different labels.")
    skipped = {
        "of the validation and test splits, not applied": decided.outside_train,
        "to relabel without a new label, not applied": decided.undecided,
        "not in the dataset": decided.unknown,
    }
    for reason, ids in skipped.items():
        if ids:
            print_note(f"{len(ids):,} cases {reason}.")
