"""Execute one run: from its folder's config to predictions, embeddings and projection.

What is there already and fits is not made again, so that a run can be stopped anywhere and go on.
"""

import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from accelerate import Accelerator
from torch import nn

from data.experiments import RunConfig, load_run_config, run_folder, run_names
from data.files import write_folder
from data.remedies import PLAIN, find_remedy
from data.runs import TrainingDynamics, save_dynamics
from models.checkpoints import HEAD
from models.devices import claim_device
from models.draws import draw_of, undo_shift
from models.encoder import load_checkpoint, load_classifier
from models.heads import head_layer, shift_head
from models.keeping import AGAIN, keep_as_wished
from models.losses import loss_of
from models.material import Material, material_of, training_fingerprint
from models.prediction import forward_batches
from models.probe import make_probe, probe_rows
from models.record import run_record
from models.resume import FILE as RESUME
from models.resume import drop_resume, load_resume
from models.retraining import retrained_head
from models.sharing import call
from models.sides import positive_side
from models.simple import simple_log_odds
from models.speeds import keep_speed, known_speed
from models.stages import (
    OUTPUTS,
    Desk,
    embed,
    has_predictions,
    is_finished,
    keep_predictions,
    lay_out,
    predict,
    remove_leftovers,
    write_metrics,
)
from models.tasks import FROZEN
from models.tokens import padded_tokens
from models.training import Lesson, Trained, count_steps, train
from models.watch import Progress, Stopped, Watch

__all__ = ["Progress", "Stopped", "assist", "execute"]


def execute(run: RunConfig, *, should_stop: Callable[[], bool], report: Callable[[Progress], None]) -> None:
    """Train or load a classifier, then predict, embed and project; pass over what is done.

    Asks `should_stop` at every step and batch and raises Stopped once it says so; only a projection, which takes
    seconds, is not broken off. UserError for what a person can mend.
    """
    tuned = run.remedy == PLAIN or find_remedy(run.remedy).fine_tunes
    watch = Watch(should_stop, report)
    folder = run_folder(run.experiment, run.name)
    with watch.phase("loading"):
        accelerator = claim_device()
        material = material_of(run, watch.check)
        desk = Desk(folder, material, watch, mapped=tuned)
        remove_leftovers(folder)
    finished = is_finished(desk) and not (folder / RESUME).exists() and not (folder / AGAIN).exists()
    call(accelerator, training=not finished and _is_to_train(run, desk))
    if finished:
        keep_as_wished(run.experiment, run.name)
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
        lay_out(desk)
    write_metrics(desk, made)
    drop_resume(folder)
    keep_as_wished(run.experiment, run.name)


def assist(experiment: str, name: str) -> None:
    """Take a share of a run's training, as one of the processes beside the main one, if there is a training."""
    accelerator = claim_device()
    if name == FROZEN or not call(accelerator, training=False):
        return
    run = load_run_config(experiment, name)
    watch = Watch(lambda: False, lambda progress: None)
    lesson = _lesson(run, material_of(run, watch.check))
    model = load_classifier(run.training.encoder, seed=run.seed)
    loss, folder = loss_of(run.remedy, lesson.labels), run_folder(experiment, name)
    train(model, lesson, folder=folder, accelerator=accelerator, watch=watch, loss=loss)


def _load(run: RunConfig, desk: Desk, accelerator: Accelerator, made: dict[str, Any]) -> None:
    """Predict and embed with a classifier that was fine-tuned elsewhere."""
    with desk.watch.phase("loading"):
        model = load_checkpoint(run.checkpoint).to(accelerator.device)
    side = positive_side(model.config, desk.material.dataset)
    made.update(kind="checkpoint", positive_output=asdict(side))
    desk.expect(forward=_forward_tokens(desk.material))
    predict(desk, model, made, positive=side.index)
    embed(desk, model)


def _fit(run: RunConfig, desk: Desk, accelerator: Accelerator, made: dict[str, Any]) -> None:
    """Fit and predict with an arm that fine-tunes nothing: no checkpoint, no embeddings, no map of its own."""
    if has_predictions(desk):
        return
    log_odds, said = simple_log_odds(run, desk, accelerator.device.type)
    made.update(kind=find_remedy(run.remedy).kind, remedy_record=said)
    keep_predictions(desk, np.stack([-log_odds / 2, log_odds / 2], axis=1), made)


def _train(run: RunConfig, desk: Desk, accelerator: Accelerator, made: dict[str, Any]) -> None:
    """Train, unless the checkpoint of a finished training is there, then predict and embed."""
    checkpoint = desk.folder / "checkpoint"
    _begin_again(desk.folder)
    if _is_trained(run, desk):
        model: nn.Module = load_checkpoint(str(checkpoint)).to(accelerator.device)
        desk.expect(forward=_forward_tokens(desk.material))
    elif run.remedy == "retrained-head":
        model, said = retrained_head(run, desk, accelerator.device)
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
    if (folder / AGAIN).exists():
        for name in (*OUTPUTS, AGAIN):
            (folder / name).unlink(missing_ok=True)
        shutil.rmtree(folder / HEAD, ignore_errors=True)


def _is_to_train(run: RunConfig, desk: Desk) -> bool:
    """Whether there are steps of training ahead, of which other processes may take their share."""
    if run.checkpoint or run.remedy == "retrained-head" or not desk.mapped:
        return False
    return not _is_trained(run, desk)


def _is_trained(run: RunConfig, desk: Desk) -> bool:
    """Whether the checkpoint of a finished training is there, and what is to be recorded of it."""
    there = (desk.folder / "checkpoint" / "config.json").exists() and not (desk.folder / RESUME).exists()
    return there and (run.remedy != "retrained-head" or has_predictions(desk))


def _trained(run: RunConfig, desk: Desk, lesson: Lesson, accelerator: Accelerator) -> tuple[nn.Module, Trained]:
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
    probed = probe_rows(material.validation, len(lesson.places))
    probe = make_probe(probed, material.tokens, prior=lesson.prior, watch=watch)
    loss = loss_of(run.remedy, lesson.labels)
    desk.expect(**_tokens_ahead(lesson, material, probed["place"].to_numpy()))
    with watch.phase("training", steps=lesson.steps, epochs=lesson.epochs):
        trained = train(model, lesson, folder=folder, accelerator=accelerator, watch=watch, probe=probe, loss=loss)
    plain = accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    if run.remedy == "under-sampling":
        shift_head(plain, undo_shift(lesson.labels))
    save_dynamics(folder, TrainingDynamics(material.training["id"].to_numpy(), lesson.labels, trained.pos_probs))
    write_folder(folder / "checkpoint", lambda fresh: _save_checkpoint(plain, material, fresh))
    return plain, trained


def _keep_speed(run: RunConfig, watch: Watch) -> None:
    """Let later estimates know how fast it really went, beside the other lanes."""
    known, training, forward = known_speed(run.training), *map(watch.tokens_per_second, ("training", "forward"))
    if known and training and forward:
        keep_speed(run.training, replace(known, training=training, forward=forward))


def _lesson(run: RunConfig, material: Material) -> Lesson:
    rows = material.training
    sizes = [_size(load_run_config(run.experiment, name)) for name in run_names(run.experiment)]
    labels, draw = rows["label"].to_numpy(), draw_of(run.remedy)
    steps = count_steps(len(draw(labels, run.seed, 0)), run.training, [size for size in sizes if size])
    return Lesson(
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


def _save_checkpoint(model: Any, material: Material, folder: Path) -> None:
    model.save_pretrained(folder)
    material.tokenizer.save_pretrained(folder)


def _training_record(lesson: Lesson, trained: Trained) -> dict[str, Any]:
    seen = lesson.examples(lesson.steps)
    return {
        "kind": "trained",
        "steps": trained.history[-1]["step"],
        "epochs": round(seen / len(lesson.rows(0)), 3),
        "history": trained.history,
        "examples_per_second": round(seen / trained.seconds, 3) if trained.seconds else None,
        "seconds": {"training": trained.seconds},
    }


def _forward_tokens(material: Material) -> float:
    """Tokens read without training: validation and test, then the training examples."""
    return sum(_padded(material, rows["place"].to_numpy()) for rows in (material.evaluation, material.training))


def _tokens_ahead(lesson: Lesson, material: Material, probed: np.ndarray) -> dict[str, float]:
    probing = lesson.epochs * _padded(material, probed)
    return {"training": lesson.padded_tokens(lesson.steps), "forward": _forward_tokens(material) + probing}


def _padded(material: Material, places: np.ndarray) -> float:
    return padded_tokens(material.tokens.lengths[places], forward_batches(material.tokens, places))
