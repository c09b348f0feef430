"""Train one classifier: a plain training loop on Accelerate.

Everything but the weights, the optimiser and the random state is a function of the step. So a training that is
stopped at any step and resumed from its resume file ends with the same weights, bit for bit.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn

from closecall.data.experiments.store import TrainingConfig
from closecall.models.encoders.tokenization import Tokens, padded_tokens, training_batches
from closecall.models.runtime.progress import Cancelled, ProgressReporter
from closecall.models.training.distributed import check_same_state, own_rows, seed_step, whole_batch
from closecall.models.training.metrics import class_metrics
from closecall.models.training.resume import Resume, load_resume, restore, save_resume
from closecall.models.training.samplers import Sampler, all_rows
from closecall.models.training.steps import (
    Loss,
    cross_entropy,
    freeze_word_embeddings,
    make_optimizer,
    quick_forward,
    rate_share,
    take_step,
)

SAVE_SECONDS = 20.0
SAVE_SHARE = 0.03
"""The largest share of the time that is spent on writing resume files, however slow the disk."""
EpochValidation = Callable[[nn.Module], dict[str, Any]]
"""Returns more entries for the record of an epoch, at its end."""


@dataclass(frozen=True)
class TrainingSpec:
    """What one run is trained on and how: its texts as places in `tokens`, their labels, and the settings.

    `steps` is the number of optimiser steps; `fingerprint` identifies this training; `sampler` returns the rows of an
    epoch.
    """

    tokens: Tokens
    places: np.ndarray
    labels: np.ndarray
    config: TrainingConfig
    seed: int
    steps: int
    fingerprint: str
    sampler: Sampler = all_rows

    @property
    def steps_per_epoch(self) -> int:
        return math.ceil(len(self.rows(0)) / self.config.batch_size)

    @property
    def prior(self) -> float:
        """The share of positives among the rows of an epoch."""
        return float(self.labels[self.rows(0)].mean())

    @property
    def epochs(self) -> int:
        """The number of epochs; with equal steps the last may be incomplete."""
        return math.ceil(self.steps / self.steps_per_epoch)

    def rows(self, epoch: int) -> np.ndarray:
        """The rows of an epoch, not yet shuffled; a row that is drawn twice is in it twice."""
        return self.sampler(self.labels, self.seed, epoch)

    def batches(self, epoch: int) -> list[np.ndarray]:
        """The rows of an epoch's batches, up to the last step."""
        rows = self.rows(epoch)
        lengths = self.tokens.lengths[self.places[rows]]
        batches = training_batches(lengths, batch_size=self.config.batch_size, seed=self.seed, epoch=epoch)
        return [rows[batch] for batch in batches[: self.steps - epoch * self.steps_per_epoch]]

    def examples(self, steps: int) -> int:
        """How many examples the first `steps` steps read; an example that is drawn twice counts twice."""
        batches = [batch for epoch in range(self.epochs) for batch in self.batches(epoch)]
        return sum(map(len, batches[:steps]))

    def padded_tokens(self, steps: int) -> int:
        """How many tokens the first `steps` steps read, padding included."""
        batches = [batch for epoch in range(self.epochs) for batch in self.batches(epoch)]
        return padded_tokens(self.tokens.lengths[self.places], batches[:steps])


@dataclass(frozen=True)
class TrainingResult:
    """A finished training. `pos_probs` is epochs x n (nan: not seen in that epoch); `history` a record per epoch."""

    pos_probs: np.ndarray
    history: list[dict[str, Any]]
    seconds: float


def train(
    model: nn.Module,
    spec: TrainingSpec,
    *,
    folder: Path,
    accelerator: Accelerator,
    reporter: ProgressReporter,
    epoch_validation: EpochValidation = lambda model: {},
    loss: Loss = cross_entropy,
) -> TrainingResult:
    """Train `model` in place, resuming from the folder's resume file when it belongs to this training.

    Writes the resume file every `SAVE_SECONDS`, at the end of each epoch, and before it raises Cancelled.
    `epoch_validation` adds to the record at the end of each epoch. `loss` takes logits (batch x 2) and labels and
    returns their mean loss.
    """
    if spec.config.freeze_word_embeddings:
        freeze_word_embeddings(model)
    training = _Training(model, spec, folder, accelerator, reporter, loss)
    with quick_forward(model):
        try:
            for epoch in range(len(training.history), spec.epochs):
                training.run_epoch(epoch)
                training.history.append(training.epoch_record(epoch, epoch_validation))
                training.save()
        except Cancelled:
            training.save()
            raise
    return TrainingResult(training.pos_probs.numpy(), training.history, training.seconds)


class _Training:
    """The state of a training: model, optimiser, step, and what was recorded so far."""

    def __init__(
        self,
        model: nn.Module,
        spec: TrainingSpec,
        folder: Path,
        accelerator: Accelerator,
        reporter: ProgressReporter,
        loss: Loss,
    ) -> None:
        self.spec, self.folder, self.reporter, self.loss, self.accelerator = spec, folder, reporter, loss, accelerator
        self.plain_model = model
        self.plain_optimizer = make_optimizer(model, spec.config)
        # Several processes add their gradients by models.training.distributed, not by a wrapper around the model.
        self.model = accelerator.prepare_model(model, evaluation_mode=accelerator.num_processes > 1)
        self.optimizer = accelerator.prepare_optimizer(self.plain_optimizer)
        self.labels = torch.from_numpy(spec.labels.astype(np.int64))
        self.step, self.history, self.seconds_before = 0, list[dict[str, Any]](), 0.0
        self.pos_probs = torch.full((spec.epochs, len(spec.places)), math.nan)
        torch.manual_seed(spec.seed)
        resume = load_resume(folder, fingerprint=spec.fingerprint)
        if resume is not None:
            self._restore(resume)
        check_same_state(accelerator, model, self.step)
        self.started = self.saved = time.perf_counter()
        self.save_cost = 0.0

    @property
    def seconds(self) -> float:
        return self.seconds_before + time.perf_counter() - self.started

    def run_epoch(self, epoch: int) -> None:
        """Take the remaining steps of an epoch."""
        self.model.train()
        done = self.step - epoch * self.spec.steps_per_epoch
        for rows in self.spec.batches(epoch)[done:]:
            tokens = self._take_step(epoch, rows)
            self.reporter.advance("training", tokens=tokens, examples=len(rows), step=self.step, epoch=epoch + 1)
            if time.perf_counter() - self.saved > max(SAVE_SECONDS, self.save_cost / SAVE_SHARE):
                self.save()

    def _take_step(self, epoch: int, rows: np.ndarray) -> int:
        """One optimiser step; records the batch's probabilities before it and returns its padded tokens."""
        config, spec, accelerator = self.spec.config, self.spec, self.accelerator
        seed_step(accelerator, spec.seed, self.step)
        own = own_rows(accelerator, len(rows))
        share = rate_share(self.step, spec.steps, config.warmup_share)
        for group in self.plain_optimizer.param_groups:
            group["lr"] = config.learning_rate * share
        logits = take_step(
            self.model,
            self.optimizer,
            spec.tokens.batch(spec.places[rows[own]], accelerator.device),
            self.labels[rows[own]],
            accelerator=accelerator,
            loss=self.loss,
            max_grad_norm=config.max_grad_norm,
            whole=len(rows),
        )
        logits = whole_batch(accelerator, logits, own, len(rows))
        seen, first = np.unique(rows, return_index=True)  # a row may have been drawn more than once
        self.pos_probs[epoch, seen] = logits.softmax(1)[first, 1].cpu()
        self.step += 1
        return padded_tokens(spec.tokens.lengths[spec.places], [rows])

    def epoch_record(self, epoch: int, epoch_validation: EpochValidation) -> dict[str, Any]:
        """The metrics of an epoch by class, from the training's own forward passes, and those of the validation."""
        metrics = class_metrics(self.spec.labels, self.pos_probs[epoch].numpy(), prior=self.spec.prior)
        return {"epoch": epoch + 1, "step": self.step, "train": metrics, **epoch_validation(self.plain_model)}

    def save(self) -> None:
        if not self.accelerator.is_main_process:
            return
        started = time.perf_counter()
        save_resume(
            self.folder,
            self.plain_model,
            self.plain_optimizer,
            fingerprint=self.spec.fingerprint,
            step=self.step,
            pos_probs=self.pos_probs,
            history=self.history,
            seconds=self.seconds,
        )
        self.saved = time.perf_counter()
        self.save_cost = self.saved - started

    def _restore(self, resume: Resume) -> None:
        restore(resume, self.plain_model, self.plain_optimizer)
        self.step, self.history, self.seconds_before = resume.step, list(resume.history), resume.seconds
        self.pos_probs = resume.pos_probs
        self.reporter.skip("training", self.spec.padded_tokens(self.step))


def count_steps(n_examples: int, config: TrainingConfig, all_sizes: Sequence[int] = ()) -> int:
    """Optimiser steps of a run: those of its epochs, or with equal steps those of the smallest of `all_sizes` runs."""
    size = min([n_examples, *all_sizes]) if config.equal_steps else n_examples
    return config.epochs * math.ceil(size / config.batch_size)
