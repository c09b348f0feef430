"""Commands that queue training and follow it: demo, sweep, predict, status, cancel, resume, keep, experiments."""

from typing import Annotated

import typer

from closecall.cli.arguments import (
    DatasetName,
    ExperimentId,
    Json,
    Keep,
    On,
    Run,
    Title,
    Wait,
    given,
    many_names,
    many_ratios,
    many_seeds,
    one_ratio,
)
from closecall.cli.output import asset_progress, print_json, print_list, print_note

# The defaults that help shows are those of SweepRequest and TrainingConfig, which are too slow to import for `--help`.
Ratios = Annotated[
    str | None, typer.Option(help="Training negatives for each training positive.", show_default="1,2,3,5,10")
]
Seeds = Annotated[str | None, typer.Option(help="Seeds, separated by commas.", show_default="0")]
Encoder = Annotated[
    str | None, typer.Option(help="minilm (built in), a local folder or a hub id.", show_default="minilm")
]
SweepKind = Annotated[
    str | None,
    typer.Option("--sweep", help="fixed_positives, fixed_negatives or matched.", show_default="fixed_positives"),
]
Epochs = Annotated[int | None, typer.Option(help="Passes over the training examples.", show_default="3")]
BatchSize = Annotated[int | None, typer.Option(help="Texts in one step.", show_default="16")]
LearningRate = Annotated[float | None, typer.Option(help="The peak learning rate.", show_default="5e-05")]
MaxTokens = Annotated[int | None, typer.Option(help="Longer texts are truncated to this.", show_default="128")]


def demo(
    distant: Annotated[bool, typer.Option("--distant", help="The control: classes that differ in topic.")] = False,
    if_empty: Annotated[bool, typer.Option("--if-empty", help="Only when there is no experiment yet.")] = False,
    wait: Wait = False,
    json: Json = False,
) -> None:
    """Train on built-in newsgroup posts at ratios 1, 2, 3, 5 and 10.

    Example: closecall demo --wait
    """
    from closecall.cli.progress import print_queued
    from closecall.data.experiments.store import experiment_ids
    from closecall.models.queue.demo import DEMOS, queue_demo

    if if_empty and experiment_ids():
        print_note("The workspace has experiments already; the demo was not queued.")
        return
    with asset_progress() as progress:
        config = queue_demo(DEMOS[int(distant)].name, progress=progress)
    print_queued(config.id, wait=wait, as_json=json)


def experiments(json: Json = False) -> None:
    """List the experiments and their progress.

    Example: closecall experiments --json
    """
    from closecall.cli.experiment_tables import experiment_rows

    print_list(experiment_rows(), as_json=json, empty="There is no experiment yet: closecall sweep DATASET.")


def sweep(
    dataset: DatasetName,
    ratios: Ratios = None,
    seeds: Seeds = None,
    encoder: Encoder = None,
    positives: Annotated[int | None, typer.Option(help="Maximum number of training positives.")] = None,
    kind: SweepKind = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    learning_rate: LearningRate = None,
    max_tokens: MaxTokens = None,
    equal_steps: Annotated[bool, typer.Option("--equal-steps", help="As many steps at every ratio.")] = False,
    test_negatives: Annotated[int | None, typer.Option(help="Maximum of validation and of test negatives.")] = None,
    remedies: Annotated[str, typer.Option(help="Train remedies too: focal,class-weights ... or all.")] = "",
    keep: Keep = "checkpoint",
    on: On = "",
    preview: Annotated[bool, typer.Option("--preview", help="Approximate results of all ratios first.")] = False,
    title: Title = "",
    wait: Wait = False,
    json: Json = False,
) -> None:
    """Train the same classifier at several ratios and seeds.

    Example: closecall sweep posts --ratios 1,2,3,5,10 --seeds 0,1 --wait
    """
    from closecall.cli.progress import print_queued
    from closecall.data.experiments.store import TrainingConfig
    from closecall.models.queue.jobs import queue_sweep
    from closecall.models.queue.sweeps import SweepRequest

    training = given(encoder=encoder, epochs=epochs, batch_size=batch_size, learning_rate=learning_rate)
    training |= given(max_tokens=max_tokens, equal_steps=equal_steps)
    request = given(sweep=kind, positives=positives, test_negatives_cap=test_negatives, keep=keep, on=on, title=title)
    request |= given(
        ratios=None if ratios is None else many_ratios(ratios), seeds=None if seeds is None else many_seeds(seeds)
    )
    request |= {"remedies": many_names(remedies), "preview": preview, "training": TrainingConfig(**training)}
    print_queued(queue_sweep(SweepRequest(dataset, **request)).id, wait=wait, as_json=json)


def predict(
    dataset: DatasetName,
    checkpoint: Annotated[str, typer.Option(help="A fine-tuned classifier: a local folder or a hub id.")],
    ratio: Annotated[str, typer.Option(help="The ratio that it was trained at.")],
    seed: Annotated[int, typer.Option(help="The seed that it was trained with.")] = 0,
    experiment: Annotated[str, typer.Option(help="Add it to this experiment of loaded classifiers.")] = "",
    max_tokens: MaxTokens = None,
    positive: Annotated[
        str, typer.Option(help="Its positive outputs by name or number, separated by commas.", show_default="by name")
    ] = "",
    title: Title = "",
    wait: Wait = False,
    json: Json = False,
) -> None:
    """Predict and embed a dataset with an existing fine-tuned classifier.

    Example: closecall predict posts --checkpoint ./my-classifier --ratio 10 --wait
    """
    from closecall.cli.progress import print_queued
    from closecall.data.experiments.store import TrainingConfig
    from closecall.models.queue.checked_models import checked_output
    from closecall.models.queue.jobs import queue_checkpoint

    named = many_names(positive)
    config = queue_checkpoint(
        dataset,
        checkpoint,
        title=title,
        ratio=one_ratio(ratio),
        seed=seed,
        training=TrainingConfig(**given(max_tokens=max_tokens)),
        experiment=experiment or None,
        positive=named,
    )
    output = checked_output(dataset, checkpoint, max_tokens=config.training.max_tokens, positive=named)
    if output is not None and output.assumption:
        print_note(f"{output.assumption} To choose another: --positive.")
    print_queued(config.id, wait=wait, as_json=json)


def status(
    experiment: Annotated[str, typer.Argument(help="An experiment. Without it: all, one line each.")] = "",
    wait: Wait = False,
    json: Json = False,
) -> None:
    """Show the progress of the runs, and the recall and specificity of each.

    Example: closecall status posts-1-1-to-1-10 --wait
    """
    from closecall.cli.experiment_tables import print_progress
    from closecall.cli.progress import print_until_done, print_worker_note
    from closecall.data.experiments.store import load_experiment

    if not experiment:
        experiments(json=json)
        if not json:
            print_worker_note()
        return
    load_experiment(experiment)
    if wait:
        print_until_done(experiment, as_json=json)
    else:
        print_progress(experiment, as_json=json)


def cancel(experiment: ExperimentId, run: Run = None) -> None:
    """Cancel queued and running runs; finished ones are kept.

    Example: closecall cancel posts-1-1-to-1-10
    """
    from closecall.models.queue import jobs

    jobs.cancel(experiment, run)
    print_note(f"{run or experiment} stops within a few seconds. To continue later: closecall resume {experiment}")


def resume(experiment: ExperimentId, run: Run = None, on: On = "", wait: Wait = False, json: Json = False) -> None:
    """Continue interrupted, cancelled or failed runs from their last checkpoint.

    Example: closecall resume posts-1-1-to-1-10 --wait
    """
    from closecall.cli.progress import print_queued
    from closecall.models.queue import jobs

    jobs.resume(experiment, run, on)
    print_queued(experiment, wait=wait, as_json=json)


def keep(
    experiment: ExperimentId,
    what: Annotated[str, typer.Argument(help="checkpoint: the complete classifier; head: head and predictions.")],
    wait: Wait = False,
    json: Json = False,
) -> None:
    """Free disk space by keeping heads only, or restore checkpoints by training the runs again.

    Example: closecall keep posts-1-1-to-1-10 head
    """
    from dataclasses import asdict

    from closecall.cli.progress import print_queued
    from closecall.models.queue import jobs
    from closecall.models.training import checkpoint_retention

    result = checkpoint_retention.keep(experiment, what)
    if json and not result.again:
        print_json(asdict(result))
        return
    if what == "head":
        print_note(
            f"{result.freed / 1e6:,.0f} MB freed: {len(result.lightened)} runs of {experiment} keep their head only."
        )
        if result.later:
            print_note(f"Unfinished or still needed runs keep their checkpoint until then: {', '.join(result.later)}.")
        return
    print_note(f"Runs of {experiment} keep their complete checkpoint.")
    if result.again:
        jobs.ensure_scheduler()
        print_note(f"Queued for training again, since their weights were removed: {', '.join(result.again)}.")
        print_queued(experiment, wait=wait, as_json=json)
