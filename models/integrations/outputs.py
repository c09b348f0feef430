"""Write a recorded run: the same files as a run that was trained here."""

import copy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from closecall.data.experiments.runs import (
    TrainingDynamics,
    read_status,
    save_dynamics,
    save_embeddings,
    save_metrics,
    save_neighbours,
    save_predictions,
    save_projection,
    write_status,
)
from closecall.data.experiments.store import RunConfig, load_evaluation, run_folder
from closecall.data.io.files import write_folder, write_json
from closecall.models.encoders.projection import near_rows, project
from closecall.models.integrations.reading import kept_random_states, plain_model
from closecall.models.training.metrics import split_metrics
from closecall.models.training.stages import prediction_frame


@dataclass(frozen=True)
class RecordedRun:
    """What a run is written from.

    `evaluation` and `training` (id, split, label) are the rows of the predictions and those that were read each epoch.
    `logits` (n x 2, negative first) belong to `evaluation`; `pos_probs` is epochs x training rows. `embeddings` are of
    the test and then of the training rows, None when the model has none. `record` is for metrics.json.
    """

    config: RunConfig
    evaluation: pd.DataFrame
    logits: np.ndarray
    training: pd.DataFrame
    pos_probs: np.ndarray
    embeddings: np.ndarray | None
    record: dict[str, Any]

    def predictions(self) -> pd.DataFrame:
        """The predictions in the order of the experiment's evaluation examples."""
        frame = prediction_frame(self.evaluation, self.logits)
        order = load_evaluation(self.config.experiment)[["id", "split"]]
        return order.merge(frame, on=["id", "split"], how="left", validate="one_to_one")


def write_run(run: RecordedRun, model: nn.Module | None, tokenizer: Any) -> pd.DataFrame:
    """Write the folder of a run whole, with its status as it is; returns its predictions.

    `model` None: no checkpoint is kept.
    """
    folder = run_folder(run.config.experiment, run.config.name)
    predictions = run.predictions()
    parts = {str(name): split_metrics(part["label"], part["logit"]) for name, part in predictions.groupby("split")}

    def fill(fresh: Path) -> None:
        write_json(fresh / "config.json", asdict(run.config))
        write_status(fresh, read_status(folder))
        save_dynamics(fresh, TrainingDynamics(run.training["id"].to_numpy(), run.training["label"].to_numpy(),
                                              run.pos_probs))  # fmt: skip
        save_predictions(fresh, predictions)
        save_metrics(fresh, {**run.record, **parts})
        if run.embeddings is not None:
            _write_map(fresh, run)
        if model is not None:
            _write_checkpoint(fresh / "checkpoint", model, tokenizer)

    with kept_random_states():
        write_folder(folder, fill)
    return predictions


def keeps_checkpoint(model: nn.Module, tokenizer: Any) -> bool:
    """Whether explanations can load this model: a text classifier of transformers, and there is a tokenizer."""
    inner = plain_model(model)
    known = "SequenceClassification" in type(inner).__name__ and hasattr(inner, "save_pretrained")
    return known and tokenizer is not None


def _write_map(folder: Path, run: RecordedRun) -> None:
    """Embeddings, their nearest neighbours and their projection."""
    assert run.embeddings is not None
    test = run.evaluation[run.evaluation["split"] == "test"]
    rows = pd.concat([test, run.training], ignore_index=True)[["id", "split", "label"]]
    save_embeddings(folder, rows, run.embeddings)
    neighbours = near_rows(run.embeddings)
    save_neighbours(folder, *neighbours)
    points = project(run.embeddings, neighbours)
    save_projection(folder, rows.assign(x=points[:, 0], y=points[:, 1]))


def _write_checkpoint(folder: Path, model: Any, tokenizer: Any) -> None:
    """The classifier as transformers loads it; adapters are merged into a copy of their model."""
    merged = copy.deepcopy(model).merge_and_unload() if hasattr(model, "peft_config") else model
    merged.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
