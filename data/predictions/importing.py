"""Predictions made elsewhere: from tables to an experiment that every page without an encoder can show.

A file holds one run or, with ratio and seed columns, several. All runs must predict the same examples with the same
labels, so that ratios can be compared example by example. Without a dataset of the workspace one is made of the ids,
labels and, if there are any, the texts.
"""

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from closecall.data.datasets.store import (
    Dataset,
    DatasetInfo,
    delete_dataset,
    fresh_dataset_name,
    load_dataset,
    save_dataset,
)
from closecall.data.experiments.plans import PLAN_COLUMNS
from closecall.data.experiments.runs import PREDICTION_TYPES, RunStatus, save_metrics, save_predictions, write_status
from closecall.data.experiments.store import (
    ExperimentConfig,
    RunConfig,
    create_experiment,
    experiment_folder,
    fresh_experiment_id,
    run_folder,
    run_name,
)
from closecall.data.io.errors import UserError
from closecall.data.io.files import write_folder, write_json
from closecall.data.io.workspace import now, slug
from closecall.data.predictions.columns import PredictionColumns, check_prediction_columns, propose_prediction_columns
from closecall.data.predictions.rows import prediction_rows
from closecall.data.predictions.validation import checked_rows, with_labels
from closecall.data.readers.read import read_table
from closecall.data.readers.table import RawTable

PREVIEW = 200
"""Rows that are shown to choose columns by."""


@dataclass(frozen=True)
class PredictionFile:
    """A table of predictions: a path, an upload's bytes with its name, or a DataFrame.

    Ratio and seed are given when no column holds them.
    """

    content: str | Path | bytes | pd.DataFrame
    name: str = ""
    ratio: float | None = None
    seed: int | None = None


@dataclass(frozen=True)
class PredictionImportRequest:
    """Everything that an import of predictions is made from.

    `columns` None: proposed from the first rows of each file. `dataset` "": one is made of the ids, labels and texts.
    `positive` is the label of the positive class, "" when the labels imply it (1, yes, true, pos). `common_only` leaves
    out the examples that some run lacks, instead of refusing the import.
    """

    files: tuple[PredictionFile, ...]
    columns: PredictionColumns | None = None
    title: str = ""
    dataset: str = ""
    positive: str = ""
    common_only: bool = False

    def __post_init__(self) -> None:
        if not self.files:
            raise UserError("Name at least one file of predictions.")


@dataclass(frozen=True)
class ImportedPredictions:
    """What an import made, and sentences on what was found and assumed."""

    experiment: ExperimentConfig
    notes: tuple[str, ...]


def import_predictions(request: PredictionImportRequest) -> ImportedPredictions:
    """Read predictions and write an experiment of kind "imported", and its dataset if none is named.

    UserError names the file, the row, the column and the correction.
    """
    rows, notes = _read(request.files, request.columns)
    known = load_dataset(request.dataset) if request.dataset else None
    rows, classes = with_labels(rows, request.positive, known)
    evaluation, rows, found = checked_rows(rows, known, common_only=request.common_only)
    notes = [*notes, *found]
    title = request.title.strip() or f"Predictions of {Path(rows['source'].iloc[0]).stem}"
    source = known or save_dataset(_new_dataset(title, evaluation, classes, notes))
    try:
        config = _save(title, source, evaluation, rows, notes)
    except BaseException:
        if known is None:
            delete_dataset(source.name)
        raise
    return ImportedPredictions(config, tuple(notes))


def preview_predictions(file: PredictionFile) -> tuple[RawTable, PredictionColumns]:
    """The first rows of a file and proposed columns, for a person to confirm."""
    table = read_table(file.content, file.name, limit=PREVIEW)
    return table, propose_prediction_columns(table.frame.columns.tolist())


def _read(files: Sequence[PredictionFile], columns: PredictionColumns | None) -> tuple[pd.DataFrame, list[str]]:
    """The rows of all files, each with its run's ratio, seed and name."""
    parts, notes = [], []
    for file in files:
        preview, proposal = preview_predictions(file)
        chosen = columns or proposal
        check_prediction_columns(chosen, preview.frame.columns.tolist(), preview.source)
        table = read_table(file.content, file.name, columns=chosen.named)
        part, found = prediction_rows(table, chosen)
        parts.append(_with_run(part, file))
        notes += found
    rows = pd.concat(parts, ignore_index=True)
    unknown = rows["ratio"].isna()
    if unknown.all():
        notes.append("No ratio was given: the run is shown as 1:1. Give the ratio it was trained at to compare ratios.")
    elif unknown.any():
        raise UserError(f"{rows.loc[unknown, 'source'].iloc[0]}: give the ratio of its run, as for the other files.")
    rows = rows.fillna({"ratio": 1.0, "seed": 0.0}).astype({"seed": "int64"})
    pairs = list(zip(rows["ratio"].tolist(), rows["seed"].tolist(), strict=True))
    names = {pair: run_name(*pair) for pair in set(pairs)}
    return rows.assign(run=[names[pair] for pair in pairs]), notes


def _with_run(rows: pd.DataFrame, file: PredictionFile) -> pd.DataFrame:
    """The ratio and seed given with the file, where no column holds them."""
    given = {"ratio": file.ratio, "seed": file.seed}
    for name, value in given.items():
        if value is not None and rows[name].notna().any():
            raise UserError(f"{rows['source'].iloc[0]} has a {name} column, and a {name} was given beside it. Use one.")
    return rows.fillna({name: value for name, value in given.items() if value is not None})


def _new_dataset(title: str, evaluation: pd.DataFrame, classes: tuple[str, str], notes: list[str]) -> Dataset:
    """The dataset of the predicted examples: validation and test only, with whatever texts came along."""
    negative, positive = classes
    examples = pd.DataFrame(
        {
            "id": evaluation["id"],
            "text": evaluation["text"],
            "label": evaluation["label"].astype(np.int8),
            "class_name": np.where(evaluation["label"] == 1, positive, negative),
            "split": evaluation["split"],
            "group": "",
            "source_row": evaluation["source_row"].astype(np.int64),
        }
    )
    info = DatasetInfo(
        name=fresh_dataset_name(slug(title)),
        title=title,
        positive_classes=(positive,),
        negative_classes=(negative,),
        origin="Predictions made elsewhere",
        source_file=", ".join(evaluation["source"].unique()),
        has_texts=bool((examples["text"] != "").any()),
        notes=tuple(notes),
    )
    set_aside = pd.DataFrame({"source_row": pd.Series(dtype="int64"), "id": "", "reason": "", "text": ""})
    conflicts = pd.DataFrame(columns=["key", "id", "label", "source_row", "text"])
    return Dataset(info, examples, set_aside, conflicts)


def _save(
    title: str, source: Dataset, evaluation: pd.DataFrame, rows: pd.DataFrame, notes: list[str]
) -> ExperimentConfig:
    """Write the experiment, then each run atomically. On failure both are removed."""
    config = ExperimentConfig(
        id=fresh_experiment_id(slug(title)),
        title=title,
        dataset=source.name,
        dataset_sha256=source.info.content_sha256,
        kind="imported",
        ratios=tuple(sorted(rows["ratio"].unique().tolist())),
        seeds=tuple(sorted(rows["seed"].unique().tolist())),
    )
    fixed = evaluation[["id", "label", "split"]].astype({"label": "int8"})
    create_experiment(config, evaluation=fixed, plan=pd.DataFrame(columns=list(PLAN_COLUMNS)), runs=[])
    try:
        for _, part in rows.groupby("run", sort=False):
            run = RunConfig(config.id, float(part["ratio"].iloc[0]), int(part["seed"].iloc[0]))
            _save_run(run, fixed, part, notes)
    except BaseException:
        shutil.rmtree(experiment_folder(config.id), ignore_errors=True)
        raise
    return config


def _save_run(run: RunConfig, fixed: pd.DataFrame, part: pd.DataFrame, notes: list[str]) -> None:
    scores = part[list(PREDICTION_TYPES)].astype(PREDICTION_TYPES).reset_index(drop=True)
    predictions = pd.concat([fixed.reset_index(drop=True)[["id", "split", "label"]], scores], axis=1)
    moment = now()

    def fill(fresh: Path) -> None:
        write_json(fresh / "config.json", asdict(run))
        save_predictions(fresh, predictions)
        save_metrics(fresh, {"source": ", ".join(part["source"].unique()), "notes": notes, "timings": {}})
        write_status(fresh, RunStatus(state="done", started=moment, finished=moment))

    write_folder(run_folder(run.experiment, run.name), fill)
