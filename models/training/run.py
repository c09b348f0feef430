"""Execute one run: from its folder's config to predictions, embeddings and projection.

Outputs that exist and match are not computed again, so a run can be stopped at any point and resumed.
"""

import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from accelerate import Accelerator
from torch import nn

from closecall.data.experiments.remedies import NO_REMEDY, find_remedy
from closecall.data.experiments.runs import TrainingDynamics, save_dynamics
from closecall.data.experiments.store import RunConfig, load_run_config, run_folder, run_names
from closecall.data.experiments.task_folders import FROZEN
from closecall.data.io.files import write_folder
from closecall.models.encoders.checkpoints import HEAD
from closecall.models.encoders.inference import forward_batches
from closecall.models.encoders.label_mapping import positive_output
from closecall.models.encoders.loading import load_checkpoint, load_classifier
from closecall.models.encoders.tokenization import padded_tokens
from closecall.models.runtime.devices import claim_accelerator, device_name, precision
from closecall.models.runtime.progress import Progress, ProgressReporter
from closecall.models.training.baselines import baseline_log_odds
from closecall.models.training.checkpoint_retention import TRAIN_AGAIN, apply_retention
from closecall.models.training.distributed import announce_training
from closecall.models.training.head_retraining import head_layer, head_retrained_run, shift_head
from closecall.models.training.loop import TrainingResult, TrainingSpec, count_steps, train
from closecall.models.training.losses import loss_of
from closecall.models.training.metrics import epoch_validation_rows, make_epoch_validation
from closecall.models.training.resume import FILE as RESUME
from closecall.models.training.resume import drop_resume, load_resume
from closecall.models.training.run_data import RunData, run_data_of, training_fingerprint
from closecall.models.training.samplers import LOG_ODDS_SHIFTS, sampler_of
from closecall.models.training.stages import (
    OUTPUTS,
    RunContext,
    embed,
    has_predictions,
    is_finished,
    predict,
    project_embeddings,
    remove_leftovers,
    store_predictions,
    write_metrics,
)
from closecall.models.training.throughput import known_throughput, save_throughput


def execute(run: RunConfig, *, should_stop: Callable[[], bool], report: Callable[[Progress], None]) -> None:
    """Train or load a classifier, then predict, embed and project; skip what is done.

    Calls `should_stop` at every step and batch and raises Cancelled once it returns True; only a projection, which
    takes seconds, is not interrupted. UserError for problems that the user can fix.
    """
    fine_tuned = run.remedy == NO_REMEDY or find_remedy(run.remedy).fine_tunes
    reporter = ProgressReporter(should_stop, report)
    folder = run_folder(run.experiment, run.name)
    with reporter.phase("loading"):
        accelerator = claim_accelerator()
        data = run_data_of(run, reporter.check)
        context = RunContext(folder, data, reporter, mapped=fine_tuned)
        remove_leftovers(folder)
    finished = is_finished(context) and not (folder / RESUME).exists() and not (folder / TRAIN_AGAIN).exists()
    announce_training(accelerator, training=not finished and _needs_training(run, context))
    if not finished:
        record = run_record(run, data, accelerator)
        _make_predictions(run, context, accelerator, record)
        if fine_tuned:
            project_embeddings(context)
        write_metrics(context, record)
        drop_resume(folder)
    apply_retention(run.experiment, run.name)


def assist(experiment: str, name: str) -> None:
    """Compute a share of a run's training, in one of the processes beside the main one, if there is a training."""
    accelerator = claim_accelerator()
    if name == FROZEN or not announce_training(accelerator, training=False):
        return
    run = load_run_config(experiment, name)
    reporter = ProgressReporter(lambda: False, lambda progress: None)
    spec = _training_spec(run, run_data_of(run, reporter.check))
    model = load_classifier(run.training.encoder, seed=run.seed)
    loss, folder = loss_of(run.remedy, spec.labels), run_folder(experiment, name)
    train(model, spec, folder=folder, accelerator=accelerator, reporter=reporter, loss=loss)


def run_record(run: RunConfig, data: RunData, accelerator: Accelerator) -> dict[str, Any]:
    """The part of metrics.json on how a run was made: dataset, encoder, seeds, counts, device and versions."""
    return {
        "dataset": data.dataset.name,
        "dataset_sha256": data.dataset.content_sha256,
        "encoder": run.checkpoint or run.training.encoder,
        "ratio": run.ratio,
        "remedy": run.remedy,
        "seeds": {"run": run.seed, "plan": data.experiment.plan_seed, "split": data.dataset.split_seed},
        "n_positives": run.n_positives,
        "n_negatives": run.n_negatives,
        "max_tokens": run.training.max_tokens,
        "device": device_name(accelerator),
        "threads": torch.get_num_threads(),
        "processes": accelerator.num_processes,
        "precision": precision(accelerator),
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """The versions of the packages that computed the numbers."""
    return {"closecall": _version("closecall"), "torch": torch.__version__, "transformers": transformers.__version__}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "unknown"


def _make_predictions(run: RunConfig, context: RunContext, accelerator: Accelerator, record: dict[str, Any]) -> None:
    """Train, fit or load the classifier of a run; write its predictions and embeddings."""
    try:
        if run.checkpoint:
            _load(run, context, accelerator, record)
        elif context.mapped:
            _fine_tune(run, context, accelerator, record)
        else:
            _fit_baseline(run, context, accelerator, record)
    finally:
        accelerator.free_memory()
    if accelerator.num_processes == 1:
        _save_throughput(run, context.reporter)


def _load(run: RunConfig, context: RunContext, accelerator: Accelerator, record: dict[str, Any]) -> None:
    """Predict and embed with a classifier that was fine-tuned elsewhere."""
    with context.reporter.phase("loading"):
        model = load_checkpoint(run.checkpoint).to(accelerator.device)
    output = positive_output(model.config, context.data.dataset, run.positive)
    record.update(kind="checkpoint", positive_output=asdict(output))
    context.expect(forward=_forward_tokens(context.data))
    predict(context, model, record, output=output)
    embed(context, model)


def _fit_baseline(run: RunConfig, context: RunContext, accelerator: Accelerator, record: dict[str, Any]) -> None:
    """Fit and predict with a method that fine-tunes nothing: no checkpoint, no embeddings, no map of its own."""
    if has_predictions(context):
        return
    log_odds, remedy_record = baseline_log_odds(run, context, accelerator.device.type)
    record.update(kind=find_remedy(run.remedy).kind, remedy_record=remedy_record)
    store_predictions(context, np.stack([-log_odds / 2, log_odds / 2], axis=1), record)


def _fine_tune(run: RunConfig, context: RunContext, accelerator: Accelerator, record: dict[str, Any]) -> None:
    """Train, unless the checkpoint of a finished training is there, then predict and embed."""
    checkpoint = context.folder / "checkpoint"
    _drop_outputs_to_train_again(context.folder)
    if _is_trained(run, context):
        model: nn.Module = load_checkpoint(str(checkpoint)).to(accelerator.device)
        context.expect(forward=_forward_tokens(context.data))
    elif _retrains_head(run):
        model, remedy_record = head_retrained_run(run, context, accelerator.device)
        record.update(kind="head", remedy_record=remedy_record)
        write_folder(checkpoint, lambda fresh: _save_checkpoint(model, context.data, fresh))
    else:
        spec = _training_spec(run, context.data)
        model, result = _train(run, context, spec, accelerator)
        record.update(_training_record(spec, result))
    predict(context, model, record)
    embed(context, model)


def _drop_outputs_to_train_again(folder: Path) -> None:
    """Remove the outputs of a run that is trained again because its checkpoint is wanted back."""
    if (folder / TRAIN_AGAIN).exists():
        for name in (*OUTPUTS, TRAIN_AGAIN):
            (folder / name).unlink(missing_ok=True)
        shutil.rmtree(folder / HEAD, ignore_errors=True)


def _retrains_head(run: RunConfig) -> bool:
    return run.remedy != NO_REMEDY and find_remedy(run.remedy).kind == "head"


def _needs_training(run: RunConfig, context: RunContext) -> bool:
    """Whether there are steps of training left, of which other processes can compute a share."""
    if run.checkpoint or not context.mapped or _retrains_head(run):
        return False
    return not _is_trained(run, context)


def _is_trained(run: RunConfig, context: RunContext) -> bool:
    """Whether the checkpoint of a finished training is there, and what metrics.json needs from it."""
    there = (context.folder / "checkpoint" / "config.json").exists() and not (context.folder / RESUME).exists()
    return there and (not _retrains_head(run) or has_predictions(context))


def _train(
    run: RunConfig, context: RunContext, spec: TrainingSpec, accelerator: Accelerator
) -> tuple[nn.Module, TrainingResult]:
    """Train, and write dynamics and checkpoint."""
    data, folder, reporter = context.data, context.folder, context.reporter
    resume = load_resume(folder, fingerprint=spec.fingerprint)
    if resume is None or resume.step < spec.steps:
        for name in OUTPUTS:  # of another training, if any
            (folder / name).unlink(missing_ok=True)
    with reporter.phase("loading"):
        model = load_classifier(run.training.encoder, seed=run.seed)
    shift_of = LOG_ODDS_SHIFTS.get(run.remedy)
    if shift_of is not None:
        head_layer(model)  # a model without such a layer is refused now, not after the training
    rows = epoch_validation_rows(data.validation, len(spec.places))
    validate = make_epoch_validation(rows, data.tokens, prior=spec.prior, reporter=reporter)
    loss = loss_of(run.remedy, spec.labels)
    context.expect(**_expected_tokens(spec, data, rows["place"].to_numpy()))
    with reporter.phase("training", steps=spec.steps, epochs=spec.epochs):
        result = train(model, spec, folder=folder, accelerator=accelerator, reporter=reporter,
                       epoch_validation=validate, loss=loss)  # fmt: skip
    plain = accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    if shift_of is not None:
        shift_head(plain, shift_of(spec.labels))
    save_dynamics(folder, TrainingDynamics(data.training["id"].to_numpy(), spec.labels, result.pos_probs))
    write_folder(folder / "checkpoint", lambda fresh: _save_checkpoint(plain, data, fresh))
    return plain, result


def _save_throughput(run: RunConfig, reporter: ProgressReporter) -> None:
    """Save the measured speed of this run, beside other worker processes, for later estimates."""
    known = known_throughput(run.training)
    training, forward = map(reporter.tokens_per_second, ("training", "forward"))
    if known and training and forward:
        save_throughput(run.training, replace(known, training=training, forward=forward))


def _training_spec(run: RunConfig, data: RunData) -> TrainingSpec:
    rows = data.training
    sizes = [_size(load_run_config(run.experiment, name)) for name in run_names(run.experiment)]
    labels, sampler = rows["label"].to_numpy(), sampler_of(run.remedy)
    steps = count_steps(len(sampler(labels, run.seed, 0)), run.training, [size for size in sizes if size])
    return TrainingSpec(
        data.tokens,
        rows["place"].to_numpy(),
        labels,
        run.training,
        run.seed,
        steps,
        training_fingerprint(run, data, steps),
        sampler,
    )


def _size(run: RunConfig) -> int:
    return run.n_positives + run.n_negatives


def _save_checkpoint(model: Any, data: RunData, folder: Path) -> None:
    model.save_pretrained(folder)
    data.tokenizer.save_pretrained(folder)


def _training_record(spec: TrainingSpec, result: TrainingResult) -> dict[str, Any]:
    seen = spec.examples(spec.steps)
    return {
        "kind": "trained",
        "steps": result.history[-1]["step"],
        "epochs": round(seen / len(spec.rows(0)), 3),
        "history": result.history,
        "examples_per_second": round(seen / result.seconds, 3) if result.seconds else None,
        "seconds": {"training": result.seconds},
    }


def _forward_tokens(data: RunData) -> float:
    """Tokens read without training: validation and test, then the training examples."""
    return sum(_padded(data, rows["place"].to_numpy()) for rows in (data.evaluation, data.training))


def _expected_tokens(spec: TrainingSpec, data: RunData, validated: np.ndarray) -> dict[str, float]:
    validation = spec.epochs * _padded(data, validated)
    return {"training": spec.padded_tokens(spec.steps), "forward": _forward_tokens(data) + validation}


def _padded(data: RunData, places: np.ndarray) -> float:
    return padded_tokens(data.tokens.lengths[places], forward_batches(data.tokens, places))
