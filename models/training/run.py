"""The part of metrics.json that says how a run was made."""

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

from closecall.data.experiments.remedies import PLAIN, find_remedy
from closecall.data.experiments.runs import TrainingDynamics, save_dynamics
from closecall.data.experiments.store import RunConfig, load_run_config, run_folder, run_names
from closecall.data.experiments.task_folders import FROZEN
from closecall.data.io.files import write_folder
from closecall.models.encoders.checkpoints import HEAD
from closecall.models.encoders.inference import forward_batches
from closecall.models.encoders.label_mapping import positive_output
from closecall.models.encoders.loading import load_checkpoint, load_classifier
from closecall.models.encoders.tokenization import padded_tokens
from closecall.models.runtime.devices import claim_device, device_name, precision
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
from closecall.models.training.samplers import sampler_of, undersampling_shift
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


def run_record(run: RunConfig, material: RunData, accelerator: Accelerator) -> dict[str, Any]:
    """Dataset, encoder, seeds, counts, device and versions of a run."""
    return {
        "dataset": material.dataset.name,
        "dataset_sha256": material.dataset.content_sha256,
        "encoder": run.checkpoint or run.training.encoder,
        "ratio": run.ratio,
        "remedy": run.remedy,
        "seeds": {"run": run.seed, "plan": material.experiment.plan_seed, "split": material.dataset.split_seed},
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
    """The versions of what computed the numbers."""
    return {"closecall": _version("closecall"), "torch": torch.__version__, "transformers": transformers.__version__}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "unknown"


# Execute one run: from its folder's config to predictions, embeddings and projection.
#
# What is there already and fits is not made again, so that a run can be stopped anywhere and go on.


def execute(run: RunConfig, *, should_stop: Callable[[], bool], report: Callable[[Progress], None]) -> None:
    """Train or load a classifier, then predict, embed and project; pass over what is done.

    Asks `should_stop` at every step and batch and raises Stopped once it says so; only a projection, which takes
    seconds, is not broken off. UserError for what a person can mend.
    """
    tuned = run.remedy == PLAIN or find_remedy(run.remedy).fine_tunes
    watch = ProgressReporter(should_stop, report)
    folder = run_folder(run.experiment, run.name)
    with watch.phase("loading"):
        accelerator = claim_device()
        material = run_data_of(run, watch.check)
        desk = RunContext(folder, material, watch, mapped=tuned)
        remove_leftovers(folder)
    finished = is_finished(desk) and not (folder / RESUME).exists() and not (folder / TRAIN_AGAIN).exists()
    announce_training(accelerator, training=not finished and _is_to_train(run, desk))
    if finished:
        apply_retention(run.experiment, run.name)
        return
    made = run_record(run, material, accelerator)
    try:
        if run.checkpoint:
            _load(run, desk, accelerator, made)
        elif tuned:
            _train(run, desk, accelerator, made)
        else:
            _fit(run, desk, accelerator, made)
    finally:
        accelerator.free_memory()
    if accelerator.num_processes == 1:
        _keep_speed(run, watch)
    if tuned:
        project_embeddings(desk)
    write_metrics(desk, made)
    drop_resume(folder)
    apply_retention(run.experiment, run.name)


def assist(experiment: str, name: str) -> None:
    """Take a share of a run's training, as one of the processes beside the main one, if there is a training."""
    accelerator = claim_device()
    if name == FROZEN or not announce_training(accelerator, training=False):
        return
    run = load_run_config(experiment, name)
    watch = ProgressReporter(lambda: False, lambda progress: None)
    lesson = _lesson(run, run_data_of(run, watch.check))
    model = load_classifier(run.training.encoder, seed=run.seed)
    loss, folder = loss_of(run.remedy, lesson.labels), run_folder(experiment, name)
    train(model, lesson, folder=folder, accelerator=accelerator, watch=watch, loss=loss)


def _load(run: RunConfig, desk: RunContext, accelerator: Accelerator, made: dict[str, Any]) -> None:
    """Predict and embed with a classifier that was fine-tuned elsewhere."""
    with desk.watch.phase("loading"):
        model = load_checkpoint(run.checkpoint).to(accelerator.device)
    side = positive_output(model.config, desk.material.dataset)
    made.update(kind="checkpoint", positive_output=asdict(side))
    desk.expect(forward=_forward_tokens(desk.material))
    predict(desk, model, made, positive=side.index)
    embed(desk, model)


def _fit(run: RunConfig, desk: RunContext, accelerator: Accelerator, made: dict[str, Any]) -> None:
    """Fit and predict with an arm that fine-tunes nothing: no checkpoint, no embeddings, no map of its own."""
    if has_predictions(desk):
        return
    log_odds, said = baseline_log_odds(run, desk, accelerator.device.type)
    made.update(kind=find_remedy(run.remedy).kind, remedy_record=said)
    store_predictions(desk, np.stack([-log_odds / 2, log_odds / 2], axis=1), made)


def _train(run: RunConfig, desk: RunContext, accelerator: Accelerator, made: dict[str, Any]) -> None:
    """Train, unless the checkpoint of a finished training is there, then predict and embed."""
    checkpoint = desk.folder / "checkpoint"
    _begin_again(desk.folder)
    if _is_trained(run, desk):
        model: nn.Module = load_checkpoint(str(checkpoint)).to(accelerator.device)
        desk.expect(forward=_forward_tokens(desk.material))
    elif run.remedy == "retrained-head":
        model, said = head_retrained_run(run, desk, accelerator.device)
        made.update(kind="head", remedy_record=said)
        write_folder(checkpoint, lambda fresh: _save_checkpoint(model, desk.material, fresh))
    else:
        lesson = _lesson(run, desk.material)
        model, trained = _trained(run, desk, lesson, accelerator)
        made.update(_training_record(lesson, trained))
    predict(desk, model, made)
    embed(desk, model)


def _begin_again(folder: Path) -> None:
    """Drop what a run left that is trained once more because its weights are wanted back."""
    if (folder / TRAIN_AGAIN).exists():
        for name in (*OUTPUTS, TRAIN_AGAIN):
            (folder / name).unlink(missing_ok=True)
        shutil.rmtree(folder / HEAD, ignore_errors=True)


def _is_to_train(run: RunConfig, desk: RunContext) -> bool:
    """Whether there are steps of training ahead, of which other processes may take their share."""
    if run.checkpoint or run.remedy == "retrained-head" or not desk.mapped:
        return False
    return not _is_trained(run, desk)


def _is_trained(run: RunConfig, desk: RunContext) -> bool:
    """Whether the checkpoint of a finished training is there, and what is to be recorded of it."""
    there = (desk.folder / "checkpoint" / "config.json").exists() and not (desk.folder / RESUME).exists()
    return there and (run.remedy != "retrained-head" or has_predictions(desk))


def _trained(
    run: RunConfig, desk: RunContext, lesson: TrainingSpec, accelerator: Accelerator
) -> tuple[nn.Module, TrainingResult]:
    """Train and write dynamics and checkpoint."""
    material, folder, watch = desk.material, desk.folder, desk.watch
    resume = load_resume(folder, fingerprint=lesson.fingerprint)
    if resume is None or resume.step < lesson.steps:
        for name in OUTPUTS:  # of another training, if any
            (folder / name).unlink(missing_ok=True)
    with watch.phase("loading"):
        model = load_classifier(run.training.encoder, seed=run.seed)
    if run.remedy == "under-sampling":
        head_layer(model)  # one that cannot be shifted is told now, not after the training
    probed = epoch_validation_rows(material.validation, len(lesson.places))
    probe = make_epoch_validation(probed, material.tokens, prior=lesson.prior, watch=watch)
    loss = loss_of(run.remedy, lesson.labels)
    desk.expect(**_tokens_ahead(lesson, material, probed["place"].to_numpy()))
    with watch.phase("training", steps=lesson.steps, epochs=lesson.epochs):
        trained = train(model, lesson, folder=folder, accelerator=accelerator, watch=watch, probe=probe, loss=loss)
    plain = accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    if run.remedy == "under-sampling":
        shift_head(plain, undersampling_shift(lesson.labels))
    save_dynamics(folder, TrainingDynamics(material.training["id"].to_numpy(), lesson.labels, trained.pos_probs))
    write_folder(folder / "checkpoint", lambda fresh: _save_checkpoint(plain, material, fresh))
    return plain, trained


def _keep_speed(run: RunConfig, watch: ProgressReporter) -> None:
    """Let later estimates know how fast it really went, beside the other lanes."""
    known, training, forward = known_throughput(run.training), *map(watch.tokens_per_second, ("training", "forward"))
    if known and training and forward:
        save_throughput(run.training, replace(known, training=training, forward=forward))


def _lesson(run: RunConfig, material: RunData) -> TrainingSpec:
    rows = material.training
    sizes = [_size(load_run_config(run.experiment, name)) for name in run_names(run.experiment)]
    labels, draw = rows["label"].to_numpy(), sampler_of(run.remedy)
    steps = count_steps(len(draw(labels, run.seed, 0)), run.training, [size for size in sizes if size])
    return TrainingSpec(
        material.tokens,
        rows["place"].to_numpy(),
        labels,
        run.training,
        run.seed,
        steps,
        training_fingerprint(run, material, steps),
        draw,
    )


def _size(run: RunConfig) -> int:
    return run.n_positives + run.n_negatives


def _save_checkpoint(model: Any, material: RunData, folder: Path) -> None:
    model.save_pretrained(folder)
    material.tokenizer.save_pretrained(folder)


def _training_record(lesson: TrainingSpec, trained: TrainingResult) -> dict[str, Any]:
    seen = lesson.examples(lesson.steps)
    return {
        "kind": "trained",
        "steps": trained.history[-1]["step"],
        "epochs": round(seen / len(lesson.rows(0)), 3),
        "history": trained.history,
        "examples_per_second": round(seen / trained.seconds, 3) if trained.seconds else None,
        "seconds": {"training": trained.seconds},
    }


def _forward_tokens(material: RunData) -> float:
    """Tokens read without training: validation and test, then the training examples."""
    return sum(_padded(material, rows["place"].to_numpy()) for rows in (material.evaluation, material.training))


def _tokens_ahead(lesson: TrainingSpec, material: RunData, probed: np.ndarray) -> dict[str, float]:
    probing = lesson.epochs * _padded(material, probed)
    return {"training": lesson.padded_tokens(lesson.steps), "forward": _forward_tokens(material) + probing}


def _padded(material: RunData, places: np.ndarray) -> float:
    return padded_tokens(material.tokens.lengths[places], forward_batches(material.tokens, places))
