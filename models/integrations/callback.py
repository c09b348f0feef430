"""The callback that records a training of the Hugging Face Trainer as a run of an experiment."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from closecall.data.experiments.store import RunConfig, TrainingConfig, load_experiment
from closecall.data.io.errors import UserError
from closecall.models.integrations.classes import Classes, find_classes
from closecall.models.integrations.examples import recorded_examples
from closecall.models.integrations.experiments import claim_run
from closecall.models.integrations.naming import experiment_title, ratio_note, ratio_of_counts
from closecall.models.integrations.outputs import keeps_checkpoint, write_run
from closecall.models.integrations.reading import Reader, make_inputs
from closecall.models.integrations.recording import Recording, epoch_number
from closecall.models.integrations.run_state import RunState, by_main_process
from closecall.models.integrations.settings import check_whole_model, run_record, training_settings
from closecall.models.integrations.splits import read_split
from closecall.models.integrations.trackers import check_trackers, find_runs, log_tables

LOGGER = logging.getLogger(__name__)
NOT_RECORDED = "Close Call could not finish the record of %s."
MAX_TRAIN = 5_000
"""Training examples that are read after each epoch, at most."""


class CloseCallCallback(TrainerCallback):
    """Record a training of the Hugging Face Trainer as a run of a Close Call experiment.

    `title` names the run; without the ratio at its end it names the experiment ("spam 1:10": experiment "spam"), unless
    `experiment` does. Callbacks of one experiment make the ratio comparison; they need the same test examples. `train`,
    `validation` and `test` are datasets, frames or lists of dicts with the columns `text`, `label` and `id` (hashes of
    the texts when not given), tokenised or not. `positive` is the positive class, by name or label number.

    `ratio` is negatives for each positive (by default from the training labels), `seed` that of the training. After
    each epoch at most `max_train` training examples are read, and validation examples up to 20 % of the training
    examples; after the last epoch all of test and validation too. `checkpoint` keeps the classifier for explanations.
    `report_to` names trackers ("trackio", "mlflow", "wandb") that get the test predictions as a table. `overwrite`
    replaces a finished run of the same ratio and seed. `tokenizer`, `data_collator` and `max_tokens` are those of the
    Trainer unless given. UserError before the training for everything that does not fit.
    """

    def __init__(
        self,
        title: str,
        *,
        train: Any,
        test: Any,
        validation: Any = None,
        positive: str | int,
        text: str = "text",
        label: str = "label",
        id: str | None = None,
        ratio: float | None = None,
        seed: int | None = None,
        experiment: str | None = None,
        max_train: int = MAX_TRAIN,
        max_tokens: int | None = None,
        tokenizer: Any = None,
        data_collator: Callable[[list[Any]], Any] | None = None,
        checkpoint: bool = True,
        overwrite: bool = False,
        report_to: str | Sequence[str] = (),
    ) -> None:
        if not title.strip():
            raise UserError('Give the run a title, such as "spam 1:10".')
        if max_train < 4:
            raise UserError(f"max_train is {max_train}; at least 4 training examples must be read.")
        self.title, self.positive, self.ratio, self.seed = title, positive, ratio, seed
        self.experiment = experiment or experiment_title(title)
        self.datasets = {"train": train, "validation": validation, "test": test}
        self.text, self.label, self.id = text, label, id
        self.max_train, self.max_tokens, self.checkpoint, self.overwrite = max_train, max_tokens, checkpoint, overwrite
        self.tokenizer, self.data_collator = tokenizer, data_collator
        self.report_to = (report_to,) if isinstance(report_to, str) else tuple(report_to)
        check_trackers(self.report_to)
        self._recording: Recording | None = None
        self._status: RunState | None = None
        self._notes: list[str] = []
        self._trackers: dict[str, Any] = {}

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any
    ) -> None:
        """Check everything, read one batch, and claim the run; UserError in every process for what does not fit."""
        model, main = given["model"], state.is_world_process_zero
        check_whole_model(args)
        self._tokenizer = self.tokenizer or given.get("processing_class")
        given_splits = {name: dataset for name, dataset in self.datasets.items() if dataset is not None}
        splits = [
            read_split(name, dataset, text=self.text, label=self.label, id=self.id)
            for name, dataset in given_splits.items()
        ]
        inputs = make_inputs(splits, model, remove_unused=args.remove_unused_columns, collate=self._collate(given),
                             tokenizer=self._tokenizer, max_tokens=self.max_tokens)  # fmt: skip
        reader = Reader(inputs.collate, args.eval_batch_size, args.device, args.process_index, args.world_size)
        outputs = reader.first_batch(model, inputs.rows["test"]).shape[1]
        classes = find_classes(splits, getattr(model, "config", None), outputs, self.positive)
        examples = recorded_examples(splits, classes)
        training = training_settings(args, model, steps=state.max_steps, max_tokens=inputs.max_tokens)
        claimed = by_main_process(lambda: self._claim(args, examples, classes, training), main=main,
                                  processes=args.world_size)  # fmt: skip
        if claimed is not None:
            run, examples = claimed
            self._texts = examples.set_index("id")["text"]
            self._trackers = find_runs(self.report_to, args)
            self._status = RunState(run, epochs=training.epochs, steps=state.max_steps)
        self._recording = Recording(reader, inputs.rows, examples, classes, max_train=self.max_train)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any) -> None:
        if self._status is not None:
            self._status.report("training", state.global_step, state.epoch or 0.0)

    def on_epoch_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any) -> None:
        if self._recording is not None and not self._is_last(args, state):
            self._recording.read_epoch(given["model"], epoch_number(state.epoch), state.global_step)

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any) -> None:
        """Read everything and write the run. An error is logged: the training itself must not be lost."""
        recording, status, model = self._recording, self._status, given["model"]
        if recording is None:
            return
        self._recording = self._status = None
        if status is not None:
            status.report("predicting", state.global_step, state.epoch or 0.0)
        try:
            logits = recording.read_end(model, epoch_number(state.epoch), state.global_step)
        except Exception as error:
            if status is not None:
                status.fail(error)
            if args.world_size > 1:  # the other processes wait for the share of this one
                raise
            LOGGER.exception(NOT_RECORDED, self.title)
            return
        if status is not None:
            self._write(args, state, model, status, recording, logits)

    def _claim(
        self, args: TrainingArguments, examples: pd.DataFrame, classes: Classes, training: TrainingConfig
    ) -> tuple[RunConfig, pd.DataFrame]:
        """Make or join the experiment, and print where the run is and at which ratio."""
        labels = examples.loc[examples["split"] == "train", "label"]
        counts = int(labels.sum()), int((labels == 0).sum())
        ratio = float(self.ratio) if self.ratio is not None else ratio_of_counts(*counts)
        self._notes = [ratio_note(self.title, ratio, *counts, given=self.ratio is not None)]
        if len(labels) > self.max_train:
            self._notes.append(f"{self.max_train:,} of {len(labels):,} training examples were read after each epoch.")
        run, examples = claim_run(self.experiment, examples, classes, ratio=ratio, training=training,
                                  seed=args.seed if self.seed is None else self.seed,
                                  overwrite=self.overwrite)  # fmt: skip
        print(f"Close Call records this training as run {run.name} of experiment {run.experiment}. {self._notes[0]}")
        return run, examples

    def _write(
        self, args: TrainingArguments, state: TrainerState, model: nn.Module, status: RunState, recording: Recording,
        logits: np.ndarray,
    ) -> None:  # fmt: skip
        """Write the run and the tables; an error is logged."""
        known = recording.classes.positive_output is not None
        kept = model if self.checkpoint and known and keeps_checkpoint(model, self._tokenizer) else None
        config = status.config

        def write() -> pd.DataFrame:
            record = run_record(args, state, config, load_experiment(config.experiment), self._notes)
            return write_run(recording.finished(config, logits, record), kept, self._tokenizer)

        try:
            log_tables(self._trackers, status.finish(write), self._texts)
        except Exception:
            LOGGER.exception(NOT_RECORDED, self.title)

    def _collate(self, given: dict[str, Any]) -> Callable[[list[Any]], Any] | None:
        """The collate function of the script: the one given, else that of its loaders."""
        loaders = (given.get("eval_dataloader"), given.get("train_dataloader"))
        found = (getattr(loader, "collate_fn", None) for loader in loaders)
        return self.data_collator or next((one for one in found if one is not None), None)

    def _is_last(self, args: TrainingArguments, state: TrainerState) -> bool:
        """Whether the finished model is that of this epoch: then both are read at once, at the end."""
        return state.global_step >= state.max_steps and not args.load_best_model_at_end
