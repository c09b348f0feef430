"""Predictions made elsewhere: from tables to experiments that every page without an encoder can show.

A file holds one run or several: ratio, seed and model columns, or a column for each. All runs must predict the same
examples with the same labels, so that ratios can be compared example by example. Each model becomes an experiment.
Without a dataset of the workspace one is made of the ids, labels and, if there are any, texts and further columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from closecall.data.datasets.store import Dataset, load_dataset
from closecall.data.experiments.store import ExperimentConfig, run_name
from closecall.data.io.errors import UserError
from closecall.data.predictions.classes import choose_positive
from closecall.data.predictions.columns import PredictionColumns, check_prediction_columns
from closecall.data.predictions.files import PredictionFile, read_predictions
from closecall.data.predictions.known import in_dataset_order, with_known_ids, with_known_labels
from closecall.data.predictions.metadata import example_metadata
from closecall.data.predictions.proposals import propose_columns
from closecall.data.predictions.rows import Part, in_row_order, prediction_parts
from closecall.data.predictions.saving import CheckedPredictions, find_import, save_predictions_of
from closecall.data.predictions.validation import check_agreement, checked_rows, with_labels
from closecall.data.readers.table import RawTable

PREVIEW = 200
"""Rows that are shown to choose columns by."""


@dataclass(frozen=True)
class PredictionImportRequest:
    """Everything that an import of predictions is made from.

    `columns` None: proposed from the first rows of each file. `dataset` "": one is made of the ids, labels and texts.
    `positive` names the positive class or classes ("a,b", or a tuple), "" when the labels imply it (1, yes, true, pos);
    `guess_positive` takes the rarer of two labels that do not. `common_only` leaves out the examples that some run
    lacks, instead of refusing the import. `in_order`: the rows are the dataset's examples in its order. `reuse`: the
    same content is not written twice.
    """

    files: tuple[PredictionFile, ...]
    columns: PredictionColumns | None = None
    title: str = ""
    dataset: str = ""
    positive: str | tuple[str, ...] = ""
    common_only: bool = False
    in_order: bool = False
    guess_positive: bool = False
    reuse: bool = False

    def __post_init__(self) -> None:
        if not self.files:
            raise UserError("Name at least one file of predictions.")
        if self.in_order and not self.dataset:
            raise UserError("Name the dataset whose order the rows have.")


@dataclass(frozen=True)
class ImportedPredictions:
    """What an import made, and sentences on what was found and assumed.

    `experiment` is the first; several models make `others`. `is_new` is False when the content was imported before.
    """

    experiment: ExperimentConfig
    notes: tuple[str, ...]
    others: tuple[ExperimentConfig, ...] = ()
    is_new: bool = True


def import_predictions(request: PredictionImportRequest) -> ImportedPredictions:
    """Read predictions and write an experiment of kind "imported", and its dataset if none is named.

    UserError names the file, the row, the column and the correction.
    """
    known = load_dataset(request.dataset) if request.dataset else None
    checked = _checked(request, known)
    before = find_import(checked.sha256) if request.reuse else []
    experiments = before or save_predictions_of(checked, known)
    return ImportedPredictions(experiments[0], checked.notes, tuple(experiments[1:]), is_new=not before)


def preview_predictions(file: PredictionFile) -> tuple[RawTable, PredictionColumns]:
    """The first rows of a file and proposed columns, for a person to confirm."""
    table = read_predictions(file, limit=PREVIEW)
    return table, propose_columns(table.frame)


def _checked(request: PredictionImportRequest, known: Dataset | None) -> CheckedPredictions:
    """The rows of all files, scored for the positive classes and validated."""
    parts = [part for file in request.files for part in _parts(file, request.columns, needs_label=known is None)]
    notes = [note for part in parts for note in part.notes]
    rows, found = _identified(pd.concat([part.rows for part in parts], ignore_index=True), known, request.in_order)
    notes += found
    classes, found = choose_positive(rows, request.positive, known, guess=request.guess_positive)
    notes += found
    scored = [part.scored(classes) for part in parts]
    identity = rows[["id", "label", "ratio", "seed", "run"]]
    rows = pd.concat([frame for frame, _ in scored], ignore_index=True).assign(
        **{str(name): identity[name] for name in identity}
    )
    notes += [note for _, found in scored for note in found]
    evaluation, rows, found = checked_rows(with_labels(rows, classes), known, common_only=request.common_only)
    notes += found
    metadata, found = example_metadata(rows, evaluation["id"])
    if known is not None and len(metadata.columns):
        found = [f"Dataset {known.name} keeps its own columns; {len(metadata.columns):,} further ones are not stored."]
    title = request.title.strip() or f"Predictions of {Path(request.files[0].title).stem}"
    return CheckedPredictions(title, evaluation, rows, metadata, classes, tuple(dict.fromkeys([*notes, *found])))


def _parts(file: PredictionFile, columns: PredictionColumns | None, *, needs_label: bool) -> Sequence[Part]:
    """The runs of a file, without their scores."""
    table = read_predictions(file)
    chosen = columns or propose_columns(table.frame.head(PREVIEW))
    check_prediction_columns(chosen, table.frame.columns.tolist(), table.source, needs_label=needs_label)
    return list(prediction_parts(table, chosen, file))


def _identified(rows: pd.DataFrame, known: Dataset | None, in_order: bool) -> tuple[pd.DataFrame, list[str]]:
    """The rows with an id, a label, and the ratio, seed and name of their run; and sentences on what was assumed."""
    notes: list[str] = []
    lacks_ids = (rows["id"] == "").any()
    if known is not None and (in_order or lacks_ids):
        if not in_order:
            raise UserError(
                f"{rows['source'].iloc[0]} has no ids. If its rows are the examples of {known.name} in the order of "
                "the dataset, say so (in order); else add the ids."
            )
        rows, notes = in_dataset_order(rows, known)
    elif known is not None:
        rows, notes = with_known_ids(rows, known)
    elif lacks_ids:
        rows = rows.assign(id=in_row_order(rows))
        notes = ["There is no id column: ids are the numbers of the rows."]
        check_agreement(rows, "text")
    rows = rows if known is None else with_known_labels(rows, known)
    rows, found = _with_runs(rows)
    return rows, [*notes, *found]


def _with_runs(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The rows with a ratio and seed each, and `run`, the name of the run with its model."""
    notes, unknown = [], rows["ratio"].isna()
    if unknown.all():
        notes.append("No ratio was given: the run is shown as 1:1. Give the ratio it was trained at to compare ratios.")
    elif unknown.any():
        raise UserError(f"{rows.loc[unknown, 'source'].iloc[0]}: give the ratio of its run, as for the other files.")
    rows = rows.fillna({"ratio": 1.0, "seed": 0.0}).astype({"seed": "int64"})
    runs = list(zip(rows["model"].tolist(), rows["ratio"].tolist(), rows["seed"].tolist(), strict=True))
    names = {run: f"{run[0]} {run_name(run[1], run[2])}".strip() for run in set(runs)}
    models = list(dict.fromkeys(rows["model"].tolist()))
    if len(models) > 1:
        notes.append(f"There are {len(models)} models, each an experiment of its own: {', '.join(models)}.")
    return rows.assign(run=[names[run] for run in runs]), notes
