"""Make the preview of one ratio: a linear probe in seconds, or the last layer trained on a cached prefix.

It stands on the screen until the run of that ratio is trained. It sees the first seed's training examples, and at most
`MOST` test examples of each class.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from accelerate import Accelerator

from closecall.data.experiments.plans import draw_evaluation, training_ids
from closecall.data.experiments.previews import LINEAR, preview_folder, read_preview_name
from closecall.data.experiments.store import (
    RunConfig,
    load_experiment,
    load_plan,
    load_run_config,
    run_folder,
    run_name,
)
from closecall.models.encoders.hidden_state_cache import (
    HiddenStateCache,
    cached_hidden_states,
    frozen_layers,
    has_disk_space,
    is_cacheable,
    upper_layers,
)
from closecall.models.encoders.inference import forward_batches, run_inference
from closecall.models.encoders.loading import load_classifier, load_config
from closecall.models.encoders.tokenization import padded_tokens
from closecall.models.runtime.devices import claim_device
from closecall.models.runtime.progress import Progress, ProgressReporter
from closecall.models.training.baselines import fit_logistic
from closecall.models.training.loop import TrainingSpec, count_steps, train
from closecall.models.training.resume import drop_resume
from closecall.models.training.run import run_record
from closecall.models.training.run_data import RunData, load_run_data, training_fingerprint
from closecall.models.training.stages import RunContext, has_predictions, remove_leftovers, store_predictions

MOST, MOST_VALIDATION = 1000, 250
"""Test examples of each class that a preview is judged on; validation examples of each that set a probe's penalty."""
EPOCHS, RATE, BATCH = 3, 5.5e-4, 16
"""How the last layer is trained: alone it bears a higher rate than all layers do (docs/decisions/0020)."""


def execute_preview(
    experiment: str, name: str, *, should_stop: Callable[[], bool], report: Callable[[Progress], None]
) -> None:
    """Write the predictions of a preview; nothing when its run is trained already.

    Raises Stopped when `should_stop` says so, and UserError for what a person can mend.
    """
    kind, ratio = read_preview_name(name) or (LINEAR, 1.0)
    watch = ProgressReporter(should_stop, report)
    folder = preview_folder(experiment, name)
    with watch.phase("loading"):
        run = load_run_config(experiment, run_name(ratio, load_experiment(experiment).seeds[0]))
        if (run_folder(experiment, run.name) / "predictions.parquet").exists():
            return
        accelerator = claim_device()
        material, cut = _material(run, watch)
        remove_leftovers(folder)
    prefix = cached_hidden_states(
        material.tokens, material.training["place"].to_numpy(), run.training.encoder, accelerator.device, watch
    )
    desk = RunContext(folder, _on_prefix(material, prefix, run), watch, mapped=False)
    if has_predictions(desk):
        return
    made = {**run_record(run, material, accelerator), "kind": kind, "cut_at": cut}
    try:
        logits = (
            _linear(desk, prefix, material, made) if kind == LINEAR else _trained(desk, prefix, run, accelerator, made)
        )
    finally:
        accelerator.free_memory()
    if logits is not None:
        store_predictions(desk, logits, made)
    drop_resume(folder)


def _material(run: RunConfig, watch: ProgressReporter) -> tuple[RunData, int | None]:
    """As `training` all that any preview of the experiment reads, with their split.

    Where room is short texts are cut: the number tells at how many tokens.
    """
    encoder = run.training.encoder
    material = load_run_data(run.experiment, encoder, run.training.max_tokens, watch.check)
    plan, seed = load_plan(run.experiment), material.experiment.plan_seed
    own = material.training[material.training["id"].isin(plan.loc[plan["seed"] == run.seed, "id"])]
    drawn = [
        draw_evaluation(material.evaluation, split=split, negatives_cap=most, positives_cap=most, seed=seed)["id"]
        for split, most in (("test", MOST), ("validation", MOST_VALIDATION))
    ]
    asked = material.evaluation[material.evaluation["id"].isin(set().union(*drawn))]
    rows = pd.concat([own, asked], ignore_index=True)
    hidden = int(load_config(encoder).hidden_size)
    tokens = is_cacheable(material.tokens, rows["place"].to_numpy(), hidden=hidden, room=has_disk_space())
    cut = None if tokens is material.tokens else int(tokens.lengths.max())
    return replace(material, tokens=tokens, training=rows), cut


def _on_prefix(material: RunData, prefix: HiddenStateCache, run: RunConfig) -> RunData:
    """The rows of one ratio, with their places in the prefix; as evaluation the test examples."""
    rows = material.training.assign(place=np.arange(len(material.training)))
    chosen = training_ids(load_plan(run.experiment), ratio=run.ratio, seed=run.seed)
    training = rows[rows["split"] == "train"].set_index("id").loc[chosen["id"]].reset_index()
    test = rows[rows["split"] == "test"].reset_index(drop=True)
    return replace(material, tokens=prefix.tokens, evaluation=test, training=training)


def _linear(desk: RunContext, prefix: HiddenStateCache, whole: RunData, made: dict[str, Any]) -> np.ndarray:
    """The logits (n x 2) of a logistic regression on the encoder's embeddings, its penalty set on validation."""
    training, test = desk.material.training, desk.material.evaluation
    chosen = (whole.training["split"] == "validation").to_numpy()
    with desk.watch.phase("training"):
        model, strength = fit_logistic(
            prefix.embeddings[training["place"]],
            training["label"].to_numpy(),
            prefix.embeddings[chosen],
            whole.training["label"].to_numpy()[chosen],
        )
        log_odds = model.decision_function(prefix.embeddings[test["place"]])
    made["inverse_penalty"] = strength
    return np.stack([-log_odds / 2, log_odds / 2], axis=1)


def _trained(
    desk: RunContext, prefix: HiddenStateCache, run: RunConfig, accelerator: Accelerator, made: dict[str, Any]
) -> np.ndarray | None:
    """The logits (n x 2) of a classifier whose last layer was trained; None for a type that has no prefix."""
    with desk.watch.phase("loading"):
        model: Any = load_classifier(run.training.encoder, seed=run.seed)
    frozen, layers = frozen_layers(model)
    if not layers:
        return None
    made |= {"frozen_layers": frozen, "layers": layers}
    upper_layers(model, prefix)
    lesson = _lesson(desk.material, run)
    places = desk.material.evaluation["place"].to_numpy()
    batches = forward_batches(prefix.tokens, places, accelerator.device.type)
    forward = padded_tokens(prefix.tokens.lengths[places], batches)
    desk.watch.expect({"training": lesson.padded_tokens(lesson.steps), "forward": forward}, tail_seconds=0.0)
    with desk.watch.phase("training", steps=lesson.steps, epochs=lesson.epochs):
        trained = train(model, lesson, folder=desk.folder, accelerator=accelerator, watch=desk.watch)
    made |= {"steps": lesson.steps, "history": trained.history, "seconds": {"training": trained.seconds}}

    def seen(number: int, tokens: int, examples: int) -> None:
        desk.watch.advance("forward", tokens=tokens, examples=examples, step=number)

    plain: Any = accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    with desk.watch.phase("predicting", steps=len(batches)):
        return run_inference(plain, prefix.tokens, places, embed=False, on_batch=seen).logits


def _lesson(material: RunData, run: RunConfig) -> TrainingSpec:
    """The last layer's training: as many steps at every ratio where the runs take as many."""
    training = replace(run.training, epochs=EPOCHS, learning_rate=RATE, batch_size=BATCH, freeze_word_embeddings=False)
    experiment = load_experiment(run.experiment)
    sizes = [load_run_config(run.experiment, run_name(ratio, run.seed)) for ratio in experiment.ratios]
    steps = count_steps(len(material.training), training, [one.n_positives + one.n_negatives for one in sizes])
    fingerprint = training_fingerprint(replace(run, training=training), material, steps)
    rows = material.training
    return TrainingSpec(
        material.tokens, rows["place"].to_numpy(), rows["label"].to_numpy(), training, run.seed, steps, fingerprint
    )
