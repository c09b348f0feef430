"""Create experiments: from a dataset and training settings to a plan and queued runs."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import TypeVar

import pandas as pd

from closecall.analysis.formatting import ratio_text
from closecall.data.datasets.store import Dataset, load_dataset
from closecall.data.experiments.plans import FIXED_POSITIVES, draw_evaluation, draw_plan, largest_ratio, training_counts
from closecall.data.experiments.previews import queue_previews
from closecall.data.experiments.remedies import NO_REMEDY, trained_remedies
from closecall.data.experiments.runs import RunStatus, write_status
from closecall.data.experiments.store import (
    KEEP,
    ExperimentConfig,
    RunConfig,
    TrainingConfig,
    add_run,
    create_experiment,
    experiments_lock,
    fresh_experiment_id,
    load_experiment,
    load_plan,
    load_run_config,
    run_names,
    save_experiment,
)
from closecall.data.experiments.task_folders import FROZEN, task_folder
from closecall.data.io.errors import UserError
from closecall.data.io.workspace import slug
from closecall.models.encoders.checkpoints import HEAD, only_head, only_head_sentence
from closecall.models.encoders.model_folders import check_model_folder
from closecall.models.queue.backends import backend_of

T = TypeVar("T", float, int)


@dataclass(frozen=True)
class SweepRequest:
    """A sweep as the user requests it: one run for each ratio, seed and remedy on one dataset.

    `ratios` are training negatives for each training positive; `sweep` is one of `SWEEP_KINDS` (see
    `data.experiments.plans`). `positives` caps the training positives (None: as many as the largest ratio allows);
    `test_negatives_cap` caps the negatives of the validation and of the test examples, each. `remedies` are trained at
    every ratio. `keep` is what stays of a finished classifier: "checkpoint" or "head". With `preview`, approximate
    results for all ratios are computed before the runs. `on` names a Ray cluster that trains the runs, "ray" or
    `ray://host:port`; empty means worker processes on this machine.
    """

    dataset: str
    ratios: tuple[float, ...] = (1, 2, 3, 5, 10)
    seeds: tuple[int, ...] = (0,)
    title: str = ""
    training: TrainingConfig = field(default_factory=TrainingConfig)
    positives: int | None = None
    sweep: str = FIXED_POSITIVES
    test_negatives_cap: int | None = None
    remedies: tuple[str, ...] = ()
    keep: str = KEEP[0]
    preview: bool = False
    on: str = ""

    def __post_init__(self) -> None:
        for name in ("ratios", "seeds", "remedies"):
            object.__setattr__(self, name, tuple(getattr(self, name)))


def make_sweep(request: SweepRequest) -> ExperimentConfig:
    """Write an experiment with one queued run for each ratio, seed and remedy of the request.

    UserError when the data is too small for a ratio.
    """
    remedies = trained_remedies(request.remedies)
    source = load_dataset(request.dataset)
    config = ExperimentConfig(
        id="new",
        title=request.title.strip() or _default_title(source, request.ratios),
        dataset=source.name,
        dataset_sha256=source.info.content_sha256,
        sweep=request.sweep,
        ratios=tuple(sorted(request.ratios)),
        seeds=tuple(sorted(request.seeds)),
        remedies=(NO_REMEDY, *remedies),
        positives=request.positives,
        test_negatives_cap=request.test_negatives_cap,
        training=with_located_encoder(request.training),
        keep=request.keep,
        backend=backend_of(request.on),
    )
    _check_texts(source)
    plan = draw_plan(source.examples, sweep=config.sweep, ratios=config.ratios, seeds=config.seeds,
                     positives=config.positives, seed=config.plan_seed)  # fmt: skip
    with experiments_lock():
        config = replace(config, id=fresh_experiment_id(slug(config.title)))
        runs = [_planned_run(config, plan, *one) for one in product(config.ratios, config.seeds, config.remedies)]
        create_experiment(config, evaluation=_evaluation(source, config), plan=plan, runs=runs)
        if request.preview:
            queue_previews(config)
        queue_frozen(config.id)
    return config


def make_checkpoint_run(
    dataset: str,
    checkpoint: str,
    *,
    title: str = "",
    ratio: float,
    seed: int = 0,
    training: TrainingConfig | None = None,
    experiment: str | None = None,
    positive: Sequence[str] = (),
) -> ExperimentConfig:
    """Write a queued run that loads a fine-tuned classifier instead of training one.

    With `experiment` the run joins that experiment of loaded checkpoints, so that several ratios can be compared;
    without it a new one is made. `ratio` is the one that the checkpoint was trained at; the user names it. `positive`
    names its positive outputs; without it their names decide (see `label_mapping`).
    """
    source = load_dataset(dataset)
    _check_texts(source)
    located = located_model(checkpoint, "classifier")
    run = RunConfig("new", ratio, seed, checkpoint=located, positive=tuple(positive))
    with experiments_lock():
        if experiment is not None:
            return _join(load_experiment(experiment), source, run)
        config = ExperimentConfig(
            id=fresh_experiment_id(slug(title or f"{source.name} checkpoints")),
            title=title.strip() or f"{source.info.title}, loaded classifiers",
            dataset=source.name,
            dataset_sha256=source.info.content_sha256,
            kind="checkpoint",
            ratios=(ratio,),
            seeds=(seed,),
            training=with_located_encoder(training or TrainingConfig()),
        )
        run = replace(run, experiment=config.id, training=config.training)
        create_experiment(config, evaluation=_evaluation(source, config), plan=_reference_plan(source), runs=[run])
        queue_frozen(config.id)
    return config


def add_remedies(
    experiment: str,
    remedies: Sequence[str],
    *,
    ratios: Sequence[float] | None = None,
    seeds: Sequence[int] | None = None,
) -> list[str]:
    """Add a queued run for each remedy, ratio and seed to an experiment; the names of the new runs.

    None means all of the experiment. UserError unless the experiment was trained here and has those baseline runs.
    """
    requested = trained_remedies(remedies)
    if not requested:
        raise UserError("Name at least one remedy that is trained. Moving the threshold needs no run.")
    with experiments_lock():
        config = load_experiment(experiment)
        if config.kind != "trained":
            raise UserError(f"{experiment} holds predictions of classifiers made elsewhere: no remedy can be trained.")
        chosen = _known(ratios, config.ratios, experiment, "ratio"), _known(seeds, config.seeds, experiment, "seed")
        plan, there = load_plan(experiment), set(run_names(experiment))
        runs = [_planned_run(config, plan, *one) for one in product(*chosen, requested)]
        fresh = [run for run in runs if run.name not in there]
        for run in fresh:
            add_run(run)
        every = tuple(dict.fromkeys([*config.remedies, *requested]))
        save_experiment(replace(config, remedies=every))
    return [run.name for run in fresh]


def _known(requested: Sequence[T] | None, known: Sequence[T], experiment: str, what: str) -> list[T]:
    """The requested ratios or seeds, all when none are named. UserError for one that the experiment lacks."""
    missing = [one for one in requested or () if one not in known]
    if missing:
        has = ", ".join(f"{one:g}" for one in known)
        raise UserError(f"{experiment} has no baseline run at {what} {missing[0]:g}. Its {what}s are {has}.")
    return list(requested or known)


def located_model(name: str, what: str) -> str:
    """A model as the worker process finds it: a folder as an absolute path, else the unchanged hub id.

    `what` is "classifier" or "encoder". UserError for a folder that cannot be one; see `check_model_folder`.
    """
    given = name.strip()
    path = Path(given).expanduser()
    if given and only_head(path):
        run = path.parent if path.name in ("checkpoint", HEAD) else path
        raise UserError(only_head_sentence(run.parent.parent.name, run.name))
    if path.is_dir():
        check_model_folder(path, classifier=what == "classifier")
        return str(path.resolve())
    if not given or given.startswith((".", "/", "~")) or given.count("/") > 1:
        raise UserError(f"There is no {what} folder {given or '(no name given)'}. Give a folder or a hub id.")
    return given


def queue_frozen(experiment: str) -> None:
    """Queue the frozen encoder's embeddings of an experiment."""
    write_status(task_folder(experiment, FROZEN), RunStatus())


def _join(config: ExperimentConfig, source: Dataset, run: RunConfig) -> ExperimentConfig:
    if config.kind != "checkpoint" or config.dataset != source.name:
        raise UserError(f"{config.id} does not hold loaded classifiers on {source.name}. Make a new experiment.")
    add_run(replace(run, experiment=config.id, training=config.training))
    runs = [load_run_config(config.id, name) for name in run_names(config.id)]
    joined = replace(
        config, ratios=tuple(sorted({run.ratio for run in runs})), seeds=tuple(sorted({run.seed for run in runs}))
    )
    save_experiment(joined)
    return joined


def _planned_run(config: ExperimentConfig, plan: pd.DataFrame, ratio: float, seed: int, remedy: str) -> RunConfig:
    n_positives, n_negatives = training_counts(plan, ratio=ratio, seed=seed)
    return RunConfig(config.id, ratio, seed, remedy, n_positives, n_negatives, training=config.training)


def _evaluation(source: Dataset, config: ExperimentConfig) -> pd.DataFrame:
    cap, seed = config.test_negatives_cap, config.plan_seed
    parts = [draw_evaluation(source.examples, split=split, negatives_cap=cap, seed=seed)
             for split in ("validation", "test")]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def _reference_plan(source: Dataset) -> pd.DataFrame:
    """All training examples of the dataset, for the neighbours of a loaded classifier's test examples."""
    return draw_plan(source.examples, ratios=[largest_ratio(source.examples)], seeds=[0])


def with_located_encoder(training: TrainingConfig) -> TrainingConfig:
    """The training with an encoder folder as an absolute path."""
    if training.encoder == "minilm":
        return training
    return replace(training, encoder=located_model(training.encoder, "encoder"))


def _check_texts(source: Dataset) -> None:
    if not source.info.has_texts:
        raise UserError(f"Dataset {source.name} came without texts: there is nothing to train on or to predict.")


def _default_title(source: Dataset, ratios: Sequence[float]) -> str:
    span = " to ".join(dict.fromkeys(ratio_text(ratio) for ratio in (min(ratios), max(ratios)))) if ratios else ""
    return f"{source.info.title}, {span}"
