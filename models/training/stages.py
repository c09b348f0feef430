"""The stages of a run after its training: predict, embed, project. Each is passed over when its file is there."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from closecall.data.experiments.runs import (
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
from closecall.models.encoders.projection import likely_seconds, near_rows, project
from closecall.models.runtime.progress import ProgressReporter
from closecall.models.training.metrics import sigmoid, split_metrics
from closecall.models.training.run_data import RunData

TEST_EMBEDDINGS = "test_embeddings.npy"
"""Scratch: the test set's embeddings, found while predicting, until those of the training examples are there too."""
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
    """What the stages work with: where the files go, what is read, who watches, and whether a map is made."""

    folder: Path
    material: RunData
    watch: ProgressReporter
    mapped: bool = True

    @property
    def map_rows(self) -> pd.DataFrame:
        """The examples that are embedded: test, then training (id, label, split, place)."""
        return pd.concat([self.material.test, self.material.training], ignore_index=True)

    def expect(self, **tokens: float) -> None:
        """Say how many tokens of each kind lie ahead, before the projection."""
        tail = 0.0 if not self.mapped or has_projection(self) else likely_seconds(len(self.map_rows))
        self.watch.expect(tokens, tail_seconds=tail)

    def read(self, model: nn.Module, rows: pd.DataFrame, phase: str, *, score: bool = True) -> InferenceResult:
        """Logits (if `score`) and embeddings of `rows`, watched as `phase`."""
        places, tokens = rows["place"].to_numpy(), self.material.tokens
        steps = len(forward_batches(tokens, places, next(model.parameters()).device.type))
        with self.watch.phase(phase, steps=steps):
            return run_inference(model, tokens, places, score=score, on_batch=self._seen)

    def _seen(self, number: int, tokens: int, examples: int) -> None:
        self.watch.advance("forward", tokens=tokens, examples=examples, step=number)


def predict(desk: RunContext, model: nn.Module, made: dict[str, Any], *, positive: int = 1) -> None:
    """Write the predictions of validation and test, then metrics.json with `made` in it, so that the run can be shown.

    `positive` is the index of the model's positive output.
    """
    rows = desk.material.evaluation
    if has_predictions(desk):
        return
    readings = desk.read(model, rows, "predicting")
    assert readings.logits is not None and readings.embeddings is not None
    write_array(desk.folder / TEST_EMBEDDINGS, readings.embeddings[(rows["split"] == "test").to_numpy()])
    store_predictions(desk, readings.logits[:, [1 - positive, positive]], made)


def store_predictions(desk: RunContext, logits: np.ndarray, made: dict[str, Any]) -> None:
    """Write the predictions and the first metrics.json from the evaluation's logits (n x 2, negative first)."""
    save_predictions(desk.folder, prediction_frame(desk.material.evaluation, logits))
    write_metrics(desk, made)


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
    return frame.assign(**{name: values.astype(np.float32) for name, values in columns.items()})


def write_metrics(desk: RunContext, made: dict[str, Any]) -> None:
    """Write metrics.json: how the run was made, both splits' metrics, and the seconds of each phase so far."""
    frame = read_frame(desk.folder / "predictions.parquet")
    splits = {str(name): split_metrics(part["label"], part["logit"]) for name, part in frame.groupby("split")}
    before = read_json(desk.folder / "metrics.json") if (desk.folder / "metrics.json").exists() else {}
    seconds = {**before.get("seconds", {}), **desk.watch.seconds, **made.get("seconds", {})}
    save_metrics(desk.folder, {**before, **made, **splits, "seconds": seconds})


def embed(desk: RunContext, model: nn.Module) -> None:
    """Write the embeddings of test and training examples; those of test come from the prediction where it left any."""
    rows = desk.map_rows
    if has_embeddings(desk):
        return
    test, training = desk.material.test, desk.material.training
    kept = _test_embeddings(desk.folder / TEST_EMBEDDINGS, len(test))
    found = desk.read(model, rows if kept is None else training, "embedding", score=False).embeddings
    assert found is not None
    save_embeddings(desk.folder, rows, found if kept is None else np.concatenate([kept, found]))
    (desk.folder / TEST_EMBEDDINGS).unlink(missing_ok=True)


def project_embeddings(desk: RunContext) -> None:
    """Write the projection of the embeddings, and their nearest rows, which other questions need too."""
    if has_projection(desk):
        return
    with desk.watch.phase("projecting"):
        rows, embeddings = load_embeddings(desk.folder)
        neighbours = load_neighbours(desk.folder, len(rows))
        if neighbours is None and len(rows):
            neighbours = near_rows(np.asarray(embeddings))
            save_neighbours(desk.folder, *neighbours)
            desk.watch.check()
        flat = project(np.asarray(embeddings), neighbours)
        desk.watch.check()
        save_projection(desk.folder, rows.assign(x=flat[:, 0], y=flat[:, 1]))


def is_finished(desk: RunContext) -> bool:
    """Whether all stages are done; the checkpoint may have been removed since."""
    return has_predictions(desk) and (not desk.mapped or (has_embeddings(desk) and has_projection(desk)))


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed process left half written: temporary files and folders of the large outputs."""
    for name in ("resume.safetensors", "checkpoint", "dynamics.npz", "embedding_rows.parquet", *OUTPUTS):
        for leftover in folder.glob(f".{name}.*"):
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink(missing_ok=True)


def has_predictions(desk: RunContext) -> bool:
    try:
        made = read_frame(desk.folder / "predictions.parquet", ["id", "split"])
        return _same(made, desk.material.evaluation) and bool(read_json(desk.folder / "metrics.json"))
    except (UserError, KeyError):
        return False


def has_embeddings(desk: RunContext) -> bool:
    try:
        return _same(load_embeddings(desk.folder)[0], desk.map_rows)
    except (UserError, OSError, ValueError, KeyError):
        return False


def has_projection(desk: RunContext) -> bool:
    try:
        return _same(load_projection(desk.folder), desk.map_rows)
    except (UserError, KeyError):
        return False


def _same(made: pd.DataFrame, wanted: pd.DataFrame) -> bool:
    """The same examples of the same splits in the same order."""
    columns = ("id", "split")
    return all(np.array_equal(made[name].to_numpy(object), wanted[name].to_numpy(object)) for name in columns)


def _test_embeddings(path: Path, count: int) -> np.ndarray | None:
    try:
        kept = np.load(path, allow_pickle=False)
    except (OSError, ValueError):
        return None
    return kept if len(kept) == count else None
