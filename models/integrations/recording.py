"""Record one training: what is read after each epoch, and the run that is written at its end."""

import math
import time
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from closecall.data.experiments.store import RunConfig
from closecall.models.encoders.inference import InferenceResult
from closecall.models.integrations.classes import Classes
from closecall.models.integrations.examples import sampled_places
from closecall.models.integrations.outputs import RecordedRun
from closecall.models.integrations.reading import Reader
from closecall.models.training.metrics import class_metrics, epoch_validation_rows, sigmoid

COLUMNS = ["id", "split", "label"]


class Recording:
    """The state of one recorded training, in every process: what is read, and what was read so far."""

    def __init__(self, reader: Reader, rows: dict[str, Any], examples: pd.DataFrame, classes: Classes,
                 *, max_train: int) -> None:  # fmt: skip
        self.reader, self.rows, self.classes = reader, rows, classes
        self.examples = {str(name): part.reset_index(drop=True) for name, part in examples[COLUMNS].groupby("split")}
        train = self.examples["train"]
        self.prior = float(train["label"].mean())
        self.sample = sampled_places(train["label"].to_numpy(), max_train)
        self.training = train.iloc[self.sample].reset_index(drop=True)
        self.validated = self._validated(len(train))
        self.history: list[dict[str, Any]] = []
        self.pos_probs: list[np.ndarray] = []
        self.embeddings: np.ndarray | None = None
        self.started, self.seconds = time.perf_counter(), 0.0

    def _validated(self, n_training: int) -> np.ndarray:
        """The validation examples that are read after each epoch, as for runs that are trained here."""
        if "validation" not in self.examples:
            return np.empty(0, dtype=np.int64)
        return np.sort(epoch_validation_rows(self.examples["validation"], n_training).index.to_numpy())

    def read_epoch(self, model: nn.Module, epoch: int, step: int) -> None:
        """Read the training sample and the validation sample, and record their metrics for an epoch."""
        started = time.perf_counter()
        train = self._read(model, "train", self.sample)
        validation = self._read(model, "validation", self.validated).logits if len(self.validated) else None
        self._record(epoch, step, train, None if validation is None else self._log_odds(validation))
        self.seconds += time.perf_counter() - started

    def read_end(self, model: nn.Module, epoch: int, step: int) -> np.ndarray:
        """Read everything with the finished model: the logits (n x 2) of validation and test.

        Keeps the embeddings of test and training sample. Records the last epoch if that was not done before.
        """
        started = time.perf_counter()
        train = self._read(model, "train", self.sample, embed=True)
        test = self._read(model, "test", np.arange(len(self.examples["test"])), embed=True)
        parts = [test.logits]
        if "validation" in self.examples:
            validation = self._read(model, "validation", np.arange(len(self.examples["validation"]))).logits
            parts.insert(0, validation)
        if not self.history or self.history[-1]["step"] < step:
            seen = self._log_odds(parts[0])[self.validated] if len(self.validated) else None
            self._record(epoch, step, train, seen)
        if test.embeddings is not None and train.embeddings is not None:
            self.embeddings = np.concatenate([test.embeddings, train.embeddings])
        self.seconds += time.perf_counter() - started
        return np.concatenate([self.classes.two_logits(part) for part in parts if part is not None])

    def finished(self, config: RunConfig, logits: np.ndarray, record: dict[str, Any]) -> RecordedRun:
        """The run as it is written. `logits` as from `read_end`."""
        parts = [self.examples[name] for name in ("validation", "test") if name in self.examples]
        seconds = {"training": time.perf_counter() - self.started - self.seconds, "recording": self.seconds}
        output = self.classes.positive_output
        whole = {**record, "history": self.history, "seconds": seconds}
        whole |= {"positive_output": asdict(output)} if output is not None else {}
        evaluation = pd.concat(parts, ignore_index=True)
        return RecordedRun(config, evaluation, logits, self.training, np.stack(self.pos_probs), self.embeddings, whole)

    def _read(self, model: nn.Module, split: str, places: np.ndarray, *, embed: bool = False) -> InferenceResult:
        return self.reader.read(model, self.rows[split], places, embed=embed)

    def _log_odds(self, logits: np.ndarray | None) -> np.ndarray:
        assert logits is not None
        two = self.classes.two_logits(logits)
        return two[:, 1] - two[:, 0]

    def _record(self, epoch: int, step: int, train: InferenceResult, validation: np.ndarray | None) -> None:
        """Metrics of an epoch by class; `validation` are the log-odds of the validation sample."""
        probs = sigmoid(self._log_odds(train.logits))
        self.pos_probs.append(probs)
        labels = self.training["label"].to_numpy()
        record = {"epoch": epoch, "step": step, "train": class_metrics(labels, probs, prior=self.prior)}
        if validation is not None:
            own = self.examples["validation"]["label"].to_numpy()[self.validated]
            record["validation"] = class_metrics(own, sigmoid(validation), prior=self.prior)
        self.history.append(record)


def epoch_number(epoch: float | None) -> int:
    """The number from 1 of the epoch that a training is in, or that it has just finished."""
    return max(1, math.ceil((epoch or 0.0) - 1e-3))
