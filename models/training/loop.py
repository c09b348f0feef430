"""Train one classifier: a plain loop on Accelerate.

Everything but the weights, the optimiser and the random state is a function of the step, so that a training that is
stopped at any step and goes on from its resume file ends with the same weights, bit for bit.
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
from closecall.models.training.distributed import all_agree_to_stop, broadcast_step, own_rows, whole_batch
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
"""At most this share of the time goes into resume files, however slow the disk."""
Probe = Callable[[nn.Module], dict[str, Any]]


@dataclass(frozen=True)
class TrainingSpec:
    """What one run is trained on: its texts by their places in `tokens`, their labels, and how.

    `steps` is the number of optimiser steps; `fingerprint` tells this training from any other; `draw` says which rows
    an epoch goes through.
    """

    tokens: Tokens
    places: np.ndarray
    labels: np.ndarray
    config: TrainingConfig
    seed: int
    steps: int
    fingerprint: str
    draw: Sampler = all_rows

    @property
    def steps_per_epoch(self) -> int:
        return math.ceil(len(self.rows(0)) / self.config.batch_size)

    @property
    def prior(self) -> float:
        """The share of positives among the rows of an epoch."""
        return float(self.labels[self.rows(0)].mean())

    @property
    def epochs(self) -> int:
        """Epochs begun; with equal steps the last may be cut short."""
        return math.ceil(self.steps / self.steps_per_epoch)

    def rows(self, epoch: int) -> np.ndarray:
        """The rows that an epoch goes through, in no order yet; one that is drawn again stands there again."""
        return self.draw(self.labels, self.seed, epoch)

    def batches(self, epoch: int) -> list[np.ndarray]:
        """The rows of an epoch's batches, as far as there are steps left."""
        rows = self.rows(epoch)
        lengths = self.tokens.lengths[self.places[rows]]
        batches = training_batches(lengths, batch_size=self.config.batch_size, seed=self.seed, epoch=epoch)
        return [rows[batch] for batch in batches[: self.steps - epoch * self.steps_per_epoch]]

    def examples(self, steps: int) -> int:
        """How many examples the first `steps` steps read; one that is drawn again counts again."""
        batches = [batch for epoch in range(self.epochs) for batch in self.batches(epoch)]
        return sum(map(len, batches[:steps]))

    def padded_tokens(self, steps: int) -> int:
        """How many tokens the first `steps` steps read, padding included."""
        batches = [batch for epoch in range(self.epochs) for batch in self.batches(epoch)]
        return padded_tokens(self.tokens.lengths[self.places], batches[:steps])


@dataclass(frozen=True)
class TrainingResult:
    """A finished training. `pos_probs` is epochs x n (nan: not seen in that epoch), `history` a record an epoch."""

    pos_probs: np.ndarray
    history: list[dict[str, Any]]
    seconds: float


def train(
    model: nn.Module,
    lesson: TrainingSpec,
    *,
    folder: Path,
    accelerator: Accelerator,
    watch: ProgressReporter,
    probe: Probe = lambda model: {},
    loss: Loss = cross_entropy,
) -> TrainingResult:
    """Train `model` in place, going on from the folder's resume file when it fits.

    Writes the resume file every `SAVE_SECONDS`, at each epoch's end, and before it raises Stopped. `probe` is asked
    for more figures at each epoch's end. `loss` takes logits (batch x 2) and labels and gives their mean loss.
    """
    if lesson.config.freeze_word_embeddings:
        freeze_word_embeddings(model)
    training = _Training(model, lesson, folder, accelerator, watch, loss)
    with quick_forward(model):
        try:
            for epoch in range(len(training.history), lesson.epochs):
                training.pass_through(epoch)
                training.history.append(training.epoch_record(epoch, probe))
                training.save()
        except Cancelled:
            training.save()
            raise
    return TrainingResult(training.pos_probs.numpy(), training.history, training.seconds)


class _Training:
    """A training under way."""

    def __init__(
        self,
        model: nn.Module,
        lesson: TrainingSpec,
        folder: Path,
        accelerator: Accelerator,
        watch: ProgressReporter,
        loss: Loss,
    ) -> None:
        self.lesson, self.folder, self.watch, self.loss, self.accelerator = lesson, folder, watch, loss, accelerator
        self.plain_model = model
        self.plain_optimizer = make_optimizer(model, lesson.config)
        # Several processes add up their gradients by closecall.models.training.distributed, not by a wrapper around the model.
        self.model = accelerator.prepare_model(model, evaluation_mode=accelerator.num_processes > 1)
        self.optimizer = accelerator.prepare_optimizer(self.plain_optimizer)
        self.labels = torch.from_numpy(lesson.labels.astype(np.int64))
        self.step, self.history, self.seconds_before = 0, list[dict[str, Any]](), 0.0
        self.pos_probs = torch.full((lesson.epochs, len(lesson.places)), math.nan)
        torch.manual_seed(lesson.seed)
        resume = load_resume(folder, fingerprint=lesson.fingerprint)
        if resume is not None:
            self._go_on_from(resume)
        all_agree_to_stop(accelerator, model, self.step)
        self.started = self.saved = time.perf_counter()
        self.save_cost = 0.0

    @property
    def seconds(self) -> float:
        return self.seconds_before + time.perf_counter() - self.started

    def pass_through(self, epoch: int) -> None:
        """Take the steps of an epoch that are not taken yet."""
        self.model.train()
        done = self.step - epoch * self.lesson.steps_per_epoch
        for rows in self.lesson.batches(epoch)[done:]:
            tokens = self._take_step(epoch, rows)
            self.watch.advance("training", tokens=tokens, examples=len(rows), step=self.step, epoch=epoch + 1)
            if time.perf_counter() - self.saved > max(SAVE_SECONDS, self.save_cost / SAVE_SHARE):
                self.save()

    def _take_step(self, epoch: int, rows: np.ndarray) -> int:
        """One optimiser step, and the probabilities that the batch had before it; how many tokens it read."""
        config, lesson, accelerator = self.lesson.config, self.lesson, self.accelerator
        broadcast_step(accelerator, lesson.seed, self.step)
        own = own_rows(accelerator, len(rows))
        share = rate_share(self.step, lesson.steps, config.warmup_share)
        for group in self.plain_optimizer.param_groups:
            group["lr"] = config.learning_rate * share
        logits = take_step(
            self.model,
            self.optimizer,
            lesson.tokens.batch(lesson.places[rows[own]], accelerator.device),
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
        return padded_tokens(lesson.tokens.lengths[lesson.places], [rows])

    def epoch_record(self, epoch: int, probe: Probe) -> dict[str, Any]:
        """What one epoch did to both classes, from the training's own forward passes, and what the probe adds."""
        figures = class_metrics(self.lesson.labels, self.pos_probs[epoch].numpy(), prior=self.lesson.prior)
        return {"epoch": epoch + 1, "step": self.step, "train": figures, **probe(self.plain_model)}

    def save(self) -> None:
        if not self.accelerator.is_main_process:
            return
        started = time.perf_counter()
        save_resume(
            self.folder,
            self.plain_model,
            self.plain_optimizer,
            fingerprint=self.lesson.fingerprint,
            step=self.step,
            pos_probs=self.pos_probs,
            history=self.history,
            seconds=self.seconds,
        )
        self.saved = time.perf_counter()
        self.save_cost = self.saved - started

    def _go_on_from(self, resume: Resume) -> None:
        restore(resume, self.plain_model, self.plain_optimizer)
        self.step, self.history, self.seconds_before = resume.step, list(resume.history), resume.seconds
        self.pos_probs = resume.pos_probs
        self.watch.skip("training", self.lesson.padded_tokens(self.step))


def count_steps(n_examples: int, config: TrainingConfig, all_sizes: Sequence[int] = ()) -> int:
    """Optimiser steps of a run: its epochs' worth, or with equal steps those of the smallest of `all_sizes` runs."""
    size = min([n_examples, *all_sizes]) if config.equal_steps else n_examples
    return config.epochs * math.ceil(size / config.batch_size)
