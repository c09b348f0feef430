"""Apply a hard-case list to its dataset, and queue the same experiment on the new version for a comparison."""

from dataclasses import dataclass, replace
from hashlib import sha256

import pandas as pd

from closecall.data.annotations.hard_cases import hard_cases_log, load_hard_cases
from closecall.data.datasets.store import Dataset, load_dataset, save_dataset
from closecall.data.datasets.versions import Relabelling, decide_relabelling, relabelled_dataset
from closecall.data.experiments.plans import adapted_plan, training_counts
from closecall.data.experiments.store import (
    ExperimentConfig,
    create_experiment,
    experiment_ids,
    experiments_lock,
    fresh_experiment_id,
    load_evaluation,
    load_experiment,
    load_plan,
    load_run_config,
    run_names,
)
from closecall.data.io.errors import UserError
from closecall.data.io.workspace import now, slug
from closecall.models.queue import jobs
from closecall.models.queue.sweeps import queue_frozen
from closecall.models.runtime.extras import require_training


@dataclass(frozen=True)
class RelabelledExperiment:
    """An experiment that repeats another on a later version of its dataset."""

    before: ExperimentConfig
    after: ExperimentConfig


def proposed_relabelling(experiment: str, *, training_only: bool = False) -> Relabelling:
    """The changes that the hard-case list of an experiment would make in its dataset."""
    dataset = load_dataset(load_experiment(experiment).dataset)
    return decide_relabelling(dataset, load_hard_cases(experiment), training_only=training_only)


def apply_decisions(experiment: str, *, training_only: bool = False) -> Dataset:
    """Save the next version of the dataset with the list's decisions in it; the old one stays as it is."""
    dataset = load_dataset(load_experiment(experiment).dataset)
    relabelling = decide_relabelling(dataset, load_hard_cases(experiment), training_only=training_only)
    log_hash = sha256(hard_cases_log(experiment).read_bytes()).hexdigest()[:12] if relabelling.changes.size else ""
    source = f"hard-case list of {experiment} (log sha256 {log_hash}, {now()})"
    return save_dataset(relabelled_dataset(dataset, relabelling, source=source))


def queue_same_experiment(experiment: str, dataset: str, *, start: bool = True) -> ExperimentConfig:
    """Queue the experiment again on a later version of its dataset: same ratios, seeds, remedies and settings, the same
    plan and the same validation and test examples as far as they stay. UserError when it was not trained here.
    """
    require_training()
    config, version = load_experiment(experiment), load_dataset(dataset)
    if config.kind != "trained":
        raise UserError(
            f"{experiment} has classifiers made elsewhere, which cannot be trained again here. Train on {dataset} "
            "where they were made, or with closecall sweep."
        )
    plan = adapted_plan(load_plan(experiment), version.examples, ratios=config.ratios, seed=config.plan_seed)
    evaluation = _carried_evaluation(load_evaluation(experiment), version.examples)
    title = f"{config.title}, on {dataset}"
    with experiments_lock():
        fresh = replace(
            config,
            id=fresh_experiment_id(slug(title)),
            title=title,
            dataset=dataset,
            dataset_sha256=version.info.content_sha256,
            created=now(),
            parent=experiment,
        )
        runs = []
        for run in (load_run_config(experiment, name) for name in run_names(experiment)):
            n_positives, n_negatives = training_counts(plan, ratio=run.ratio, seed=run.seed)
            runs.append(replace(run, experiment=fresh.id, n_positives=n_positives, n_negatives=n_negatives))
        create_experiment(fresh, evaluation=evaluation, plan=plan, runs=runs)
        queue_frozen(fresh.id)
    if start:
        jobs.ensure_scheduler()
    return fresh


def relabelled_experiments(experiment: str) -> list[RelabelledExperiment]:
    """This experiment beside the one it repeats, and beside those that repeat it, the newest first."""
    found = []
    own = load_experiment(experiment)
    if own.parent in (known := experiment_ids()):
        found.append(RelabelledExperiment(load_experiment(own.parent), own))
    for one in known:
        try:
            other = load_experiment(one)
        except UserError:
            continue  # its own page shows the error
        if other.parent == experiment:
            found.append(RelabelledExperiment(own, other))
    return found


def _carried_evaluation(evaluation: pd.DataFrame, examples: pd.DataFrame) -> pd.DataFrame:
    """The fixed validation and test examples that are still there, with their new labels."""
    labels = examples.set_index("id")["label"]
    kept = evaluation[evaluation["id"].isin(labels.index)].reset_index(drop=True)
    return kept.assign(label=labels.loc[kept["id"]].to_numpy())
