"""Write imported predictions as experiments of kind "imported", and their dataset; find an import made before."""

import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from closecall.data.datasets.store import Dataset, DatasetInfo, delete_dataset, fresh_dataset_name, save_dataset
from closecall.data.experiments.plans import PLAN_COLUMNS
from closecall.data.experiments.runs import (
    PREDICTION_TYPES,
    RunStatus,
    load_metrics,
    load_runs,
    save_metrics,
    save_predictions,
    write_status,
)
from closecall.data.experiments.store import (
    ExperimentConfig,
    RunConfig,
    create_experiment,
    experiment_folder,
    experiment_ids,
    fresh_experiment_id,
    load_experiment,
    run_folder,
)
from closecall.data.io.errors import UserError
from closecall.data.io.files import write_folder, write_json
from closecall.data.io.workspace import now, slug
from closecall.data.predictions.classes import Classes

FINGERPRINT = "import_sha256"
"""The key in metrics.json of the hash of everything that an import holds."""


@dataclass(frozen=True)
class CheckedPredictions:
    """What an import writes: evaluation examples, the rows of all runs, metadata of each example, classes, notes."""

    title: str
    evaluation: pd.DataFrame
    rows: pd.DataFrame
    metadata: pd.DataFrame
    classes: Classes
    notes: tuple[str, ...]

    @cached_property
    def sha256(self) -> str:
        """The hash of examples, labels, splits, texts, metadata and every run's probabilities; not of the title."""
        digest = sha256(repr((self.classes, self.metadata.columns.tolist())).encode())
        runs = self.rows[["id", "model", "run", "pos_prob", "logit"]]
        for frame in (self.evaluation[["id", "class_name", "label", "split", "text"]], self.metadata, runs):
            for name in frame:
                digest.update(_column_bytes(frame[name]))
        return digest.hexdigest()


def _column_bytes(column: pd.Series) -> bytes:
    """The bytes of a column: numbers as they are in memory, texts one after the other."""
    if is_numeric_dtype(column):
        return column.to_numpy().tobytes()
    return "\x1e".join(column.fillna("").astype(str)).encode(errors="surrogatepass")


def find_import(fingerprint: str) -> list[ExperimentConfig]:
    """The experiments that an import of this fingerprint has made, in the order they were made."""
    found = []
    for experiment in reversed(experiment_ids()):
        with suppress(UserError):
            config = load_experiment(experiment)
            runs = load_runs(experiment) if config.kind == "imported" else []
            if runs and load_metrics(runs[0]).get(FINGERPRINT) == fingerprint:
                found.append(config)
    return found


def save_predictions_of(checked: CheckedPredictions, known: Dataset | None) -> list[ExperimentConfig]:
    """Write the dataset if none is known, and an experiment for each model. On failure all are removed."""
    source = known or save_dataset(_new_dataset(checked))
    made: list[ExperimentConfig] = []
    try:
        for model, rows in checked.rows.groupby("model", sort=False):
            title = f"{checked.title}: {model!s}" if model else checked.title
            made.append(_save_experiment(title, source, checked, rows))
    except BaseException:
        for config in made:
            shutil.rmtree(experiment_folder(config.id), ignore_errors=True)
        if known is None:
            delete_dataset(source.name)
        raise
    return made


def _new_dataset(checked: CheckedPredictions) -> Dataset:
    """The dataset of the predicted examples: validation and test only, with whatever texts and columns came along."""
    evaluation, names = checked.evaluation, checked.classes.names
    info = DatasetInfo(
        name=fresh_dataset_name(slug(checked.title)),
        title=checked.title,
        positive_classes=tuple(names[one] for one in checked.classes.positives),
        negative_classes=tuple(names[one] for one in checked.classes.negatives),
        origin="Predictions made elsewhere",
        source_file=", ".join(evaluation["source"].unique()),
        notes=checked.notes,
    )
    return predicted_dataset(info, evaluation, checked.metadata)


def predicted_dataset(info: DatasetInfo, evaluation: pd.DataFrame, metadata: pd.DataFrame) -> Dataset:
    """The dataset of evaluation examples and their aligned metadata, without groups or excluded rows.

    `evaluation` has id, text, label, class_name, split, source_row. Whether there are texts is noted in the info.
    """
    examples = pd.DataFrame(
        {
            "id": evaluation["id"],
            "text": evaluation["text"],
            "label": evaluation["label"].astype(np.int8),
            "class_name": evaluation["class_name"],
            "split": evaluation["split"],
            "group": "",
            "source_row": evaluation["source_row"].astype(np.int64),
        }
    )
    set_aside = pd.DataFrame({"source_row": pd.Series(dtype="int64"), "id": "", "reason": "", "text": ""})
    conflicts = pd.DataFrame(columns=["key", "id", "label", "source_row", "text"])
    whole = pd.concat([examples, metadata], axis=1)
    return Dataset(replace(info, has_texts=bool((whole["text"] != "").any())), whole, set_aside, conflicts)


def _save_experiment(title: str, source: Dataset, checked: CheckedPredictions, rows: pd.DataFrame) -> ExperimentConfig:
    """Write an experiment, then each run atomically. On failure it is removed."""
    config = ExperimentConfig(
        id=fresh_experiment_id(slug(title)),
        title=title,
        dataset=source.name,
        dataset_sha256=source.info.content_sha256,
        kind="imported",
        ratios=tuple(sorted(rows["ratio"].unique().tolist())),
        seeds=tuple(sorted(rows["seed"].unique().tolist())),
    )
    fixed = checked.evaluation[["id", "label", "split"]].astype({"label": "int8"})
    create_experiment(config, evaluation=fixed, plan=pd.DataFrame(columns=list(PLAN_COLUMNS)), runs=[])
    metrics = {"notes": list(checked.notes), "timings": {}, FINGERPRINT: checked.sha256}
    try:
        for _, part in rows.groupby("run", sort=False):
            run = RunConfig(config.id, float(part["ratio"].iloc[0]), int(part["seed"].iloc[0]))
            _save_run(run, fixed, part, {"source": ", ".join(part["source"].unique()), **metrics})
    except BaseException:
        shutil.rmtree(experiment_folder(config.id), ignore_errors=True)
        raise
    return config


def _save_run(run: RunConfig, fixed: pd.DataFrame, part: pd.DataFrame, metrics: dict[str, object]) -> None:
    scores = part[list(PREDICTION_TYPES)].astype(PREDICTION_TYPES).reset_index(drop=True)
    predictions = pd.concat([fixed.reset_index(drop=True)[["id", "split", "label"]], scores], axis=1)
    moment = now()

    def fill(fresh: Path) -> None:
        write_json(fresh / "config.json", asdict(run))
        save_predictions(fresh, predictions)
        save_metrics(fresh, metrics)
        write_status(fresh, RunStatus(state="done", started=moment, finished=moment))

    write_folder(run_folder(run.experiment, run.name), fill)
