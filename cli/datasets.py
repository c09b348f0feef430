"""Commands for datasets and files: import, builtin, datasets, check, import-predictions, assets."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from closecall.cli.arguments import Json, Title, Yes, column_roles, many_ratios, many_seeds
from closecall.cli.output import (
    SHOWN_ROWS,
    asset_progress,
    print_frame,
    print_json,
    print_line,
    print_list,
    print_note,
    print_rows,
)
from closecall.data.readers.formats import file_formats_text, folder_formats_text

if TYPE_CHECKING:
    from closecall.data.datasets.store import Dataset

ROLES = (
    "id, label, probability, logit, logit_negative, logit_positive, classes (A,B,C), scores, answer, score, "
    "models (A,B), text, ratio, seed, split, model."
)
"""The fields of PredictionColumns, which is too slow to import for `--help`."""
Positive = Annotated[list[str] | None, typer.Option(help="A positive (rare) class; repeat for several.")]
Negative = Annotated[list[str] | None, typer.Option(help="A negative class. Without it: all others.")]


def import_(
    file: Annotated[Path, typer.Argument(help=f"{file_formats_text()} file, or {folder_formats_text()}.")],
    name: Annotated[str, typer.Option(help="Name of the new dataset. Without it: the file's name.")] = "",
    title: Annotated[str, typer.Option(help="Title of the dataset.")] = "",
    text_column: Annotated[str, typer.Option(help="The column with the texts.")] = "",
    label_column: Annotated[str, typer.Option(help="The column with the classes.")] = "",
    positive: Positive = None,
    negative: Negative = None,
    id_column: Annotated[str, typer.Option(help="A column of ids. Without it: row numbers.")] = "",
    group_column: Annotated[str, typer.Option(help="Rows of one group stay in one split.")] = "",
    split_column: Annotated[str, typer.Option(help="A column with train, validation or test.")] = "",
    test_share: Annotated[float, typer.Option(help="Share of the examples for the test split.")] = 0.35,
    validation_share: Annotated[float, typer.Option(help="Share for the validation split.")] = 0.15,
    seed: Annotated[int, typer.Option(help="Seed of the split.")] = 0,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Import labelled texts as a dataset. Columns that are not named are proposed.

    Example: closecall import posts.csv --text-column body --label-column topic --positive mac
    """
    from closecall.cli.import_proposals import import_file
    from closecall.data.datasets.import_request import ImportRequest
    from closecall.data.readers.columns import ColumnRoles

    columns = ColumnRoles(text_column, label_column, id_column, group_column, split_column)
    classes = tuple(positive or ()), tuple(negative) if negative else None
    request = ImportRequest(columns, *classes, name, title, test_share, validation_share, seed)
    print_dataset(import_file(file, request, accept=yes), as_json=json)


def builtin(
    name: Annotated[str, typer.Argument(help="A built-in dataset. Without it: list them, with licences.")] = "",
    json: Json = False,
) -> None:
    """Import a built-in dataset, or list them.

    Example: closecall builtin newsgroups-close
    """
    from closecall.data.datasets.builtin import BUILTINS, builtin_dataset
    from closecall.data.datasets.store import save_dataset

    if not name:
        columns = ("name", "description", "origin", "licence")
        print_list([{column: getattr(one, column) for column in columns} for one in BUILTINS], as_json=json)
        return
    with asset_progress() as progress:
        dataset = save_dataset(builtin_dataset(name, progress=progress))
    print_dataset(dataset, as_json=json)


def datasets(json: Json = False) -> None:
    """List the datasets: positives and negatives of each split.

    Example: closecall datasets
    """
    from closecall.data.datasets.store import dataset_names, load_info

    rows = [{"dataset": name, "title": load_info(name).title, **_split_counts(name)} for name in dataset_names()]
    print_list(rows, as_json=json, empty="There is no dataset yet: closecall import FILE.")


def check(
    dataset: Annotated[str, typer.Argument(help="A dataset; closecall datasets lists them.")], json: Json = False
) -> None:
    """Check before training what the texts can show: closeness, sparsity, near copies, lengths, test size.

    Example: closecall check posts
    """
    from dataclasses import asdict

    from closecall.data.datasets.checks import ANSWERS
    from closecall.models.explain.dataset_check import check_dataset
    from closecall.models.runtime.progress import Progress

    phases: list[str] = []

    def report(progress: Progress) -> None:
        if progress.phase not in phases:
            phases.append(progress.phase)
            print_note(progress.phase[:1].upper() + progress.phase[1:])

    found = check_dataset(dataset, report=report)
    if json:
        print_json(asdict(found))
        return
    print_line(found.headline)
    print_rows([{"question": row.question, "answer": ANSWERS[row.answer], "numbers": row.number} for row in found.rows])
    for note in found.notes:
        print_note(note)


def import_predictions(
    files: Annotated[list[Path], typer.Argument(help=f"{file_formats_text()} files with label and probability.")],
    ratios: Annotated[str, typer.Option(help="The ratio of each file, unless a column holds it.")] = "",
    seeds: Annotated[str, typer.Option(help="The seed of each file, unless a column holds it.")] = "",
    column: Annotated[list[str] | None, typer.Option(help="ROLE=NAME; repeat for several. Roles: " + ROLES)] = None,
    positive: Annotated[str, typer.Option(help="The positive class; several with commas.")] = "",
    dataset: Annotated[str, typer.Option(help="The dataset they belong to. Without it a new one is created.")] = "",
    in_order: Annotated[bool, typer.Option("--in-order", help="Rows are the dataset's examples in its order.")] = False,
    common_only: Annotated[bool, typer.Option("--common-only", help="Drop ids that some run lacks.")] = False,
    title: Title = "",
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Import predictions of classifiers trained elsewhere, with or without ids and texts, at one ratio or several.

    Example: closecall import-predictions at-1.csv at-10.csv --ratios 1,10 --yes
    """
    from dataclasses import fields

    from closecall.cli.experiment_tables import print_progress
    from closecall.cli.import_proposals import import_prediction_files, prediction_files
    from closecall.data.predictions.columns import PredictionColumns
    from closecall.data.predictions.importing import PredictionImportRequest

    roles = column_roles(column or (), [one.name for one in fields(PredictionColumns)])
    given = prediction_files(files, many_ratios(ratios) if ratios else (), many_seeds(seeds) if seeds else ())
    columns = PredictionColumns.of(roles)
    request = PredictionImportRequest(given, columns, title, dataset, positive, common_only, in_order)
    imported = import_prediction_files(request, accept=yes)
    for note in imported.notes:
        print_note(note)
    print_progress(imported.experiment.id, as_json=json)


def assets(json: Json = False) -> None:
    """Download the built-in encoder and texts and verify them.

    Example: closecall assets
    """
    from closecall.data.io.assets import assets_status, fetch_assets

    with asset_progress() as progress:
        fetch_assets(progress)
    rows = [
        {"asset": one.name, "what": one.title, "there": one.present, "folder": str(one.folder)}
        for one in assets_status()
    ]
    print_list(rows, as_json=json)


def print_dataset(dataset: "Dataset", *, as_json: bool) -> None:
    """A new dataset: the rows that were excluded, its splits, and the next command."""
    if as_json:
        print_json(_dataset_content(dataset))
        return
    for note in dataset.info.notes:
        print_note(note)
    if len(dataset.set_aside):
        first = f", the first {SHOWN_ROWS}" if len(dataset.set_aside) > SHOWN_ROWS else ""
        print_note(f"{len(dataset.set_aside):,} rows were excluded{first}:")
        print_frame(dataset.set_aside[["source_row", "id", "reason"]].head(SHOWN_ROWS))
    if len(dataset.conflicts):
        print_note(f"{len(dataset.conflicts):,} examples have a text with both labels; see the Data page.")
    print_rows([{"dataset": dataset.name, **_split_counts(dataset.name)}], title="Positives / negatives")
    print_note(f"Next: closecall check {dataset.name}, or closecall sweep {dataset.name} --ratios 1,2,3,5,10")


def _split_counts(dataset: str) -> dict[str, str]:
    """Positives and negatives of each split, such as `{"train": "240 / 2,400"}`."""
    from closecall.data.datasets.preparation import split_sizes
    from closecall.data.datasets.store import load_examples

    sizes = split_sizes(load_examples(dataset, ["label", "split"]))
    return {str(row["split"]): f"{row['positives']:,} / {row['negatives']:,}" for row in sizes.to_dict("records")}


def _dataset_content(dataset: "Dataset") -> dict[str, Any]:
    """The description and sizes of a dataset, for scripts."""
    from dataclasses import asdict

    from closecall.data.datasets.preparation import split_sizes

    sizes = split_sizes(dataset.examples).to_dict("records")
    counts = {"set_aside": len(dataset.set_aside), "conflicts": len(dataset.conflicts)}
    return {"dataset": dataset.name, **asdict(dataset.info), "splits": sizes, **counts}
