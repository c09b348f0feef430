"""The stages of a run after its training: predict, embed, project. Each is skipped when its file is there."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from closecall.data.experiments.runs import (
    PREDICTION_TYPES,
    load_embeddings,
    load_neighbours,
    load_projection,
    save_embeddings,
    save_metrics,
    save_neighbours,
    save_predictions,
    save_projection,
)
from closecall.data.io.errors import UserError
from closecall.data.io.files import read_frame, read_json, write_array
from closecall.models.encoders.inference import InferenceResult, forward_batches, run_inference
from closecall.models.encoders.label_mapping import PositiveOutput, class_logits
from closecall.models.encoders.projection import likely_seconds, near_rows, project
from closecall.models.runtime.progress import ProgressReporter
from closecall.models.training.metrics import sigmoid, split_metrics
from closecall.models.training.run_data import RunData

TEST_EMBEDDINGS = "test_embeddings.npy"
"""Temporary: the embeddings of the test set, computed while predicting, until those of training are there too."""
OUTPUTS = (
    TEST_EMBEDDINGS,
    "predictions.parquet",
    "metrics.json",
    "embeddings.npy",
    "neighbours.npz",
    "projection.parquet",
)


@dataclass(frozen=True)
class RunContext:
    """What the stages of a run share: its folder, its data, its progress reporter, and whether it gets a map."""

    folder: Path
    data: RunData
    reporter: ProgressReporter
    mapped: bool = True

    @property
    def map_rows(self) -> pd.DataFrame:
        """The examples that are embedded: test, then training (id, label, split, place)."""
        return pd.concat([self.data.test, self.data.training], ignore_index=True)

    def expect(self, **tokens: float) -> None:
        """Set how many tokens of each kind are still to be processed before the projection."""
        tail = 0.0 if not self.mapped or has_projection(self) else likely_seconds(len(self.map_rows))
        self.reporter.expect(tokens, tail_seconds=tail)

    def read(self, model: nn.Module, rows: pd.DataFrame, phase: str, *, score: bool = True) -> InferenceResult:
        """Logits (if `score`) and embeddings of `rows`, reported as `phase`."""
        places, tokens = rows["place"].to_numpy(), self.data.tokens
        steps = len(forward_batches(tokens, places, next(model.parameters()).device.type))
        with self.reporter.phase(phase, steps=steps):
            return run_inference(model, tokens, places, score=score, on_batch=self.count_batch)

    def count_batch(self, number: int, tokens: int, examples: int) -> None:
        """Report batch `number` of the phase as done."""
        self.reporter.advance("forward", tokens=tokens, examples=examples, step=number)


def predict(
    context: RunContext, model: nn.Module, record: dict[str, Any], *, output: PositiveOutput | None = None
) -> None:
    """Write the predictions of validation and test, then metrics.json with `record`, so that the run can be shown.

    `output` has the positive outputs of a loaded classifier; None for one that was trained here.
    """
    rows = context.data.evaluation
    if has_predictions(context):
        return
    result = context.read(model, rows, "predicting")
    assert result.logits is not None and result.embeddings is not None
    write_array(context.folder / TEST_EMBEDDINGS, result.embeddings[(rows["split"] == "test").to_numpy()])
    logits = class_logits(result.logits, output.indices, output.sigmoid) if output else result.logits
    store_predictions(context, logits, record)


def store_predictions(context: RunContext, logits: np.ndarray, record: dict[str, Any]) -> None:
    """Write the predictions and the first metrics.json from the evaluation's logits (n x 2, negative first)."""
    save_predictions(context.folder, prediction_frame(context.data.evaluation, logits))
    write_metrics(context, record)


def prediction_frame(rows: pd.DataFrame, logits: np.ndarray) -> pd.DataFrame:
    """The columns of predictions.parquet from logits (n x 2, negative first)."""
    log_odds = logits[:, 1].astype(np.float64) - logits[:, 0]
    columns = {
        "pos_prob": sigmoid(log_odds),
        "logit": log_odds,
        "logit_negative": logits[:, 0],
        "logit_positive": logits[:, 1],
    }
    frame = rows[["id", "split", "label"]].reset_index(drop=True)
    return frame.assign(**{name: values.astype(PREDICTION_TYPES[name]) for name, values in columns.items()})


def write_metrics(context: RunContext, record: dict[str, Any]) -> None:
    """Write metrics.json: how the run was made, the metrics of both splits, and the seconds of each phase so far."""
    frame = read_frame(context.folder / "predictions.parquet")
    splits = {str(name): split_metrics(part["label"], part["logit"]) for name, part in frame.groupby("split")}
    path = context.folder / "metrics.json"
    before = read_json(path) if path.exists() else {}
    seconds = {**before.get("seconds", {}), **context.reporter.seconds, **record.get("seconds", {})}
    save_metrics(context.folder, {**before, **record, **splits, "seconds": seconds})


def embed(context: RunContext, model: nn.Module) -> None:
    """Write the embeddings of test and training examples, reusing those of test that `predict` kept."""
    rows = context.map_rows
    if has_embeddings(context):
        return
    kept = _test_embeddings(context.folder / TEST_EMBEDDINGS, len(context.data.test))
    missing = rows if kept is None else context.data.training
    embeddings = context.read(model, missing, "embedding", score=False).embeddings
    assert embeddings is not None
    save_embeddings(context.folder, rows, embeddings if kept is None else np.concatenate([kept, embeddings]))
    (context.folder / TEST_EMBEDDINGS).unlink(missing_ok=True)


def project_embeddings(context: RunContext) -> None:
    """Write the projection of the embeddings, and their nearest neighbours, which the pages need too."""
    if has_projection(context):
        return
    with context.reporter.phase("projecting"):
        rows, embeddings = load_embeddings(context.folder)
        neighbours = load_neighbours(context.folder, len(rows))
        if neighbours is None and len(rows):
            neighbours = near_rows(np.asarray(embeddings))
            save_neighbours(context.folder, *neighbours)
            context.reporter.check()
        points = project(np.asarray(embeddings), neighbours)
        context.reporter.check()
        save_projection(context.folder, rows.assign(x=points[:, 0], y=points[:, 1]))


def is_finished(context: RunContext) -> bool:
    """Whether all stages are done; the checkpoint may have been removed since."""
    return has_predictions(context) and (not context.mapped or (has_embeddings(context) and has_projection(context)))


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed process left half written: temporary files and folders of the large outputs."""
    for name in ("resume.safetensors", "checkpoint", "dynamics.npz", "embedding_rows.parquet", *OUTPUTS):
        for leftover in folder.glob(f".{name}.*"):
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink(missing_ok=True)


def has_predictions(context: RunContext) -> bool:
    """Whether the folder has predictions of exactly the evaluation examples, and metrics.json."""
    try:
        stored = read_frame(context.folder / "predictions.parquet", ["id", "split"])
        return _same_rows(stored, context.data.evaluation) and bool(read_json(context.folder / "metrics.json"))
    except (UserError, KeyError):
        return False


def has_embeddings(context: RunContext) -> bool:
    """Whether the folder has embeddings of exactly the rows of the map."""
    try:
        return _same_rows(load_embeddings(context.folder)[0], context.map_rows)
    except (UserError, OSError, ValueError, KeyError):
        return False


def has_projection(context: RunContext) -> bool:
    """Whether the folder has a projection of exactly the rows of the map."""
    try:
        return _same_rows(load_projection(context.folder), context.map_rows)
    except (UserError, KeyError):
        return False


def _same_rows(stored: pd.DataFrame, wanted: pd.DataFrame) -> bool:
    """The same examples of the same splits in the same order."""
    columns = ("id", "split")
    return all(np.array_equal(stored[name].to_numpy(object), wanted[name].to_numpy(object)) for name in columns)


def _test_embeddings(path: Path, count: int) -> np.ndarray | None:
    try:
        stored = np.load(path, allow_pickle=False)
    except (OSError, ValueError):
        return None
    return stored if len(stored) == count else None
