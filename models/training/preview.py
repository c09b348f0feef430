"""Make the preview of one ratio: a linear probe in seconds, or the last layer trained on cached hidden states.

The pages show it until the run of that ratio is trained. It uses the first seed's training examples, and at most
`MAX_TEST` test examples of each class.
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
    cache_budget,
    cached_hidden_states,
    frozen_layers,
    remove_frozen_layers,
    truncated_to_fit,
)
from closecall.models.encoders.inference import forward_batches, run_inference
from closecall.models.encoders.loading import load_classifier, load_config
from closecall.models.encoders.tokenization import padded_tokens
from closecall.models.runtime.devices import claim_accelerator
from closecall.models.runtime.progress import Progress, ProgressReporter
from closecall.models.training.baselines import fit_logistic
from closecall.models.training.loop import TrainingSpec, count_steps, train
from closecall.models.training.resume import drop_resume
from closecall.models.training.run import run_record
from closecall.models.training.run_data import RunData, load_run_data, training_fingerprint
from closecall.models.training.stages import RunContext, has_predictions, remove_leftovers, store_predictions

MAX_TEST, MAX_VALIDATION = 1000, 250
"""Test examples of each class that a preview predicts; validation examples of each that choose the penalty."""
EPOCHS, LEARNING_RATE, BATCH_SIZE = 3, 5.5e-4, 16
"""How the last layer is trained: alone it takes a higher learning rate than all layers do (docs/decisions/0020)."""


def execute_preview(
    experiment: str, name: str, *, should_stop: Callable[[], bool], report: Callable[[Progress], None]
) -> None:
    """Write the predictions of a preview; nothing when its run is trained already.

    Raises Cancelled when `should_stop` returns True, and UserError for problems that the user can fix.
    """
    kind, ratio = read_preview_name(name) or (LINEAR, 1.0)
    reporter = ProgressReporter(should_stop, report)
    folder = preview_folder(experiment, name)
    with reporter.phase("loading"):
        run = load_run_config(experiment, run_name(ratio, load_experiment(experiment).seeds[0]))
        if (run_folder(experiment, run.name) / "predictions.parquet").exists():
            return
        accelerator = claim_accelerator()
        data, max_tokens = _preview_data(run, reporter)
        remove_leftovers(folder)
    cache = cached_hidden_states(
        data.tokens, data.training["place"].to_numpy(), run.training.encoder, accelerator.device, reporter
    )
    context = RunContext(folder, _rows_of_ratio(data, cache, run), reporter, mapped=False)
    if has_predictions(context):
        return
    record = {**run_record(run, data, accelerator), "kind": kind, "cut_at": max_tokens}
    try:
        logits = (
            _linear_logits(context, cache, data, record)
            if kind == LINEAR
            else _fine_tuned_logits(context, cache, run, accelerator, record)
        )
    finally:
        accelerator.free_memory()
    if logits is not None:
        store_predictions(context, logits, record)
    drop_resume(folder)


def _preview_data(run: RunConfig, reporter: ProgressReporter) -> tuple[RunData, int | None]:
    """The data of all previews of the experiment: `training` has every row they read, with its split.

    When disk space is short, texts are truncated; the second value is the number of tokens kept, else None.
    """
    encoder = run.training.encoder
    data = load_run_data(run.experiment, encoder, run.training.max_tokens, reporter.check)
    plan, seed = load_plan(run.experiment), data.experiment.plan_seed
    own = data.training[data.training["id"].isin(plan.loc[plan["seed"] == run.seed, "id"])]
    drawn = [
        draw_evaluation(data.evaluation, split=split, negatives_cap=most, positives_cap=most, seed=seed)["id"]
        for split, most in (("test", MAX_TEST), ("validation", MAX_VALIDATION))
    ]
    evaluated = data.evaluation[data.evaluation["id"].isin(set().union(*drawn))]
    rows = pd.concat([own, evaluated], ignore_index=True)
    hidden = int(load_config(encoder).hidden_size)
    tokens = truncated_to_fit(data.tokens, rows["place"].to_numpy(), hidden=hidden, room=cache_budget())
    max_tokens = None if tokens is data.tokens else int(tokens.lengths.max())
    return replace(data, tokens=tokens, training=rows), max_tokens


def _rows_of_ratio(data: RunData, cache: HiddenStateCache, run: RunConfig) -> RunData:
    """The rows of one ratio, with their places in the cache; `evaluation` has the test examples."""
    rows = data.training.assign(place=np.arange(len(data.training)))
    chosen = training_ids(load_plan(run.experiment), ratio=run.ratio, seed=run.seed)
    training = rows[rows["split"] == "train"].set_index("id").loc[chosen["id"]].reset_index()
    test = rows[rows["split"] == "test"].reset_index(drop=True)
    return replace(data, tokens=cache.tokens, evaluation=test, training=training)


def _linear_logits(context: RunContext, cache: HiddenStateCache, whole: RunData, record: dict[str, Any]) -> np.ndarray:
    """The logits (n x 2) of a logistic regression on the encoder's embeddings, its penalty chosen on validation."""
    training, test = context.data.training, context.data.evaluation
    chosen = (whole.training["split"] == "validation").to_numpy()
    with context.reporter.phase("training"):
        model, inverse_penalty = fit_logistic(
            cache.embeddings[training["place"]],
            training["label"].to_numpy(),
            cache.embeddings[chosen],
            whole.training["label"].to_numpy()[chosen],
        )
        log_odds = model.decision_function(cache.embeddings[test["place"]])
    record["inverse_penalty"] = inverse_penalty
    return np.stack([-log_odds / 2, log_odds / 2], axis=1)


def _fine_tuned_logits(
    context: RunContext, cache: HiddenStateCache, run: RunConfig, accelerator: Accelerator, record: dict[str, Any]
) -> np.ndarray | None:
    """The logits (n x 2) of a classifier whose last layer was trained; None for a type without cached states."""
    with context.reporter.phase("loading"):
        model: Any = load_classifier(run.training.encoder, seed=run.seed)
    frozen, layers = frozen_layers(model)
    if not layers:
        return None
    record |= {"frozen_layers": frozen, "layers": layers}
    remove_frozen_layers(model, cache)
    spec = _training_spec(context.data, run)
    places = context.data.evaluation["place"].to_numpy()
    batches = forward_batches(cache.tokens, places, accelerator.device.type)
    forward = padded_tokens(cache.tokens.lengths[places], batches)
    context.reporter.expect({"training": spec.padded_tokens(spec.steps), "forward": forward}, tail_seconds=0.0)
    with context.reporter.phase("training", steps=spec.steps, epochs=spec.epochs):
        result = train(model, spec, folder=context.folder, accelerator=accelerator, reporter=context.reporter)
    record |= {"steps": spec.steps, "history": result.history, "seconds": {"training": result.seconds}}

    def count(number: int, tokens: int, examples: int) -> None:
        context.reporter.advance("forward", tokens=tokens, examples=examples, step=number)

    plain: Any = accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    with context.reporter.phase("predicting", steps=len(batches)):
        return run_inference(plain, cache.tokens, places, embed=False, on_batch=count).logits


def _training_spec(data: RunData, run: RunConfig) -> TrainingSpec:
    """The training of the last layer: with equal steps, the same number of steps at every ratio."""
    training = replace(
        run.training, epochs=EPOCHS, learning_rate=LEARNING_RATE, batch_size=BATCH_SIZE, freeze_word_embeddings=False
    )
    experiment = load_experiment(run.experiment)
    sizes = [load_run_config(run.experiment, run_name(ratio, run.seed)) for ratio in experiment.ratios]
    steps = count_steps(len(data.training), training, [one.n_positives + one.n_negatives for one in sizes])
    fingerprint = training_fingerprint(replace(run, training=training), data, steps)
    rows = data.training
    return TrainingSpec(
        data.tokens, rows["place"].to_numpy(), rows["label"].to_numpy(), training, run.seed, steps, fingerprint
    )
