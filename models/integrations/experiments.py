"""The experiment of a recorded training: made by the first callback of its name, joined by the others."""

import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd

from closecall.data.datasets.store import (
    Dataset,
    DatasetInfo,
    content_hash,
    datasets_folder,
    fresh_dataset_name,
    load_dataset,
    save_dataset,
)
from closecall.data.experiments.plans import PLAN_COLUMNS
from closecall.data.experiments.runs import read_status
from closecall.data.experiments.store import (
    RECORDED,
    ExperimentConfig,
    RunConfig,
    TrainingConfig,
    create_experiment,
    experiment_folder,
    experiment_ids,
    experiments_lock,
    load_evaluation,
    load_experiment,
    load_plan,
    run_folder,
    save_experiment,
)
from closecall.data.io.errors import UserError
from closecall.data.io.files import write_folder, write_frame, write_json
from closecall.data.io.workspace import slug
from closecall.models.integrations.classes import Classes
from closecall.models.integrations.examples import (
    check_same_evaluation,
    check_same_training,
    training_plan,
    with_split_name,
)

ORIGIN = "Recorded from a training script"


def claim_run(
    title: str,
    examples: pd.DataFrame,
    classes: Classes,
    *,
    ratio: float,
    seed: int,
    training: TrainingConfig,
    overwrite: bool = False,
) -> tuple[RunConfig, pd.DataFrame]:
    """Make or join the experiment of this title for one more run; its config, and the examples with final ids.

    UserError when the experiment holds other predictions, other test examples, or a finished run of this ratio and
    seed that is not to be overwritten.
    """
    labels = _training(examples)["label"]
    positives = int(labels.sum())
    run = RunConfig(slug(title), ratio, seed, "none", positives, len(labels) - positives, training=training)
    with experiments_lock():
        if run.experiment not in experiment_ids():
            _create(run, title, examples, classes)
        else:
            examples = _join(run, examples, classes, overwrite)
    return run, examples


def _check_free(run: RunConfig, overwrite: bool) -> None:
    status = read_status(run_folder(run.experiment, run.name))
    if status.state == "running":
        raise UserError(f"{run.experiment} has a run {run.name} that is being trained now. Give another seed=.")
    if status.state == "done" and not overwrite:
        raise UserError(
            f"{run.experiment} has a finished run {run.name}. To replace it: overwrite=True. "
            "To keep both, give another seed= or experiment=."
        )


def _create(run: RunConfig, title: str, examples: pd.DataFrame, classes: Classes) -> None:
    """Make the dataset and the experiment of their first run."""
    info = DatasetInfo(
        name=fresh_dataset_name(run.experiment),
        title=title,
        positive_classes=(classes.positive_name,),
        negative_classes=tuple(dict.fromkeys(classes.negative_names)),
        origin=ORIGIN,
        has_texts=bool((examples["text"] != "").any()),
    )
    set_aside = pd.DataFrame({"source_row": pd.Series(dtype="int64"), "id": "", "reason": "", "text": ""})
    conflicts = pd.DataFrame(columns=["key", "id", "label", "source_row", "text"])
    saved = save_dataset(Dataset(info, _numbered(examples), set_aside, conflicts))
    config = ExperimentConfig(
        id=run.experiment,
        title=title,
        dataset=saved.name,
        dataset_sha256=saved.info.content_sha256,
        kind=RECORDED,
        ratios=(run.ratio,),
        seeds=(run.seed,),
        training=run.training,
    )
    empty = pd.DataFrame(columns=list(PLAN_COLUMNS))
    plan = training_plan(empty, _training(examples), seed=run.seed)
    create_experiment(config, evaluation=_evaluation(examples), plan=plan, runs=[])


def _join(run: RunConfig, examples: pd.DataFrame, classes: Classes, overwrite: bool) -> pd.DataFrame:
    """Add the ratio, the seed and the training examples of one more run; the examples with the experiment's ids.

    Everything is checked before anything is written.
    """
    config = load_experiment(run.experiment)
    if config.kind != RECORDED:
        raise UserError(f"Experiment {config.id} was not recorded by a callback. Name another experiment=.")
    known, evaluation = load_dataset(config.dataset), load_evaluation(config.id)
    if known.info.positive_classes != (classes.positive_name,):
        raise UserError(
            f"The positive class of experiment {config.id} is {known.info.positive_classes[0]!r}, here "
            f"{classes.positive_name!r}. Name the same class, or another experiment=."
        )
    renamed = examples.assign(id=with_split_name(examples))
    if not examples["id"].isin(evaluation["id"]).any() and renamed["id"].isin(evaluation["id"]).any():
        examples = renamed
    check_same_evaluation(evaluation, examples, config.id)
    check_same_training(known.examples, examples, config.id)
    _check_free(run, overwrite)
    dataset_sha256 = _extend(known, examples, classes)
    plan = training_plan(load_plan(config.id), _training(examples), seed=run.seed)
    write_frame(experiment_folder(config.id) / "plan.parquet", plan)
    save_experiment(
        replace(
            config,
            dataset_sha256=dataset_sha256,
            ratios=tuple(sorted({*config.ratios, run.ratio})),
            seeds=tuple(sorted({*config.seeds, run.seed})),
        )
    )
    return examples


def _extend(known: Dataset, examples: pd.DataFrame, classes: Classes) -> str:
    """Add the examples that the dataset lacks, and return its content hash.

    Embeddings by the pretrained encoder are removed then: they are computed again with the new examples.
    """
    new = examples[~examples["id"].isin(known.examples["id"])]
    if not len(new):
        return known.info.content_sha256
    joined = _numbered(pd.concat([known.examples, new], ignore_index=True))
    joined = joined.fillna({name: "" for name in joined if str(name).startswith("meta.")})
    negatives = tuple(dict.fromkeys([*known.info.negative_classes, *classes.negative_names]))
    info = replace(known.info, content_sha256=content_hash(joined), negative_classes=negatives)

    def fill(fresh: Path) -> None:
        write_json(fresh / "dataset.json", asdict(info))
        write_frame(fresh / "examples.parquet", joined)
        write_frame(fresh / "set_aside.parquet", known.set_aside)
        write_frame(fresh / "conflicts.parquet", known.conflicts)

    write_folder(datasets_folder() / info.name, fill)
    for experiment in experiment_ids():
        if load_experiment(experiment).dataset == info.name:
            shutil.rmtree(experiment_folder(experiment) / "frozen", ignore_errors=True)
    return info.content_sha256


def _numbered(examples: pd.DataFrame) -> pd.DataFrame:
    return examples.assign(label=examples["label"].astype(np.int8), source_row=np.arange(1, len(examples) + 1))


def _training(examples: pd.DataFrame) -> pd.DataFrame:
    return examples.loc[examples["split"] == "train", ["id", "label"]]


def _evaluation(examples: pd.DataFrame) -> pd.DataFrame:
    rows = examples.loc[examples["split"] != "train", ["id", "label", "split"]]
    return rows.reset_index(drop=True)
