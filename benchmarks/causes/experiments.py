"""A planted set of texts as an experiment of the workspace, with real predictions; and the causes that are found.

The classifier is cheap: the frozen encoder and one hidden layer of 32 units, trained at 1:1 and 1:10 from three random
starts. The hidden layer stands for the space after fine-tuning. The evidence is collected by the product's own job;
only the encoder's passes over later windows are replaced, by the same frozen encoder with this layer.
"""

import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from unittest.mock import patch

import numpy as np
import pandas as pd
from scipy.special import logit
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from benchmarks.causes.plantings import Planted
from benchmarks.causes.pools import MAX_TOKENS, Embedder
from closecall.data.datasets.store import Dataset, DatasetInfo, delete_dataset, save_dataset
from closecall.data.experiments.plans import FIXED_POSITIVES
from closecall.data.experiments.runs import RunStatus, save_embeddings, save_predictions, write_status
from closecall.data.experiments.store import (
    ExperimentConfig,
    RunConfig,
    TrainingConfig,
    create_experiment,
    experiment_folder,
    run_folder,
)
from closecall.models.encoders.loading import load_tokenizer
from closecall.models.explain import window_scores
from closecall.models.explain.causes import compute_evidence
from closecall.models.results.causes import CausesOfErrors, causes_of

RATIOS, SEEDS, HIDDEN = (1, 10), (0, 1, 2), 32
SCALE = 20.0
"""Embeddings have length 1 and 384 numbers; about 20 times that, each number has a variance near 1."""


@dataclass(frozen=True)
class Found:
    """The causes of the false negatives at 1:10, the stored evidence of the test examples, and all embeddings.

    `hits_before`: ids of planted examples that most seeds would find at 1:10 without the planting; all where the
    planting keeps the text.
    """

    causes: CausesOfErrors
    evidence: pd.DataFrame
    embeddings: np.ndarray
    hits_before: tuple[str, ...]


def find_causes(planted: Planted, embedder: Embedder) -> Found:
    """Write the experiment, collect its evidence, decide the causes, and delete experiment and dataset."""
    name = "planted"
    embeddings = embedder.texts(planted.examples["text"])
    heads = _write(name, planted.examples, embeddings)
    try:
        with _windows_by(heads, embedder):
            evidence = compute_evidence(name)
        hits = _hits_before(planted, list(heads.values())[-len(SEEDS) :], embedder)
        return Found(causes_of(name, ratio=RATIOS[-1], outcome="fn"), evidence.examples, embeddings, hits)
    finally:
        shutil.rmtree(experiment_folder(name))
        delete_dataset(name)


def _hits_before(planted: Planted, heads: list[MLPClassifier], embedder: Embedder) -> tuple[str, ...]:
    if not planted.before:
        return planted.planted
    embeddings = embedder.texts(list(planted.before.values()))
    hits = np.mean([positive_probs(head, embeddings) >= 0.5 for head in heads], axis=0) > 0.5
    return tuple(one for one, hit in zip(planted.before, hits, strict=True) if hit)


def _write(name: str, examples: pd.DataFrame, embeddings: np.ndarray) -> dict[str, MLPClassifier]:
    """Write dataset, experiment and runs. Returns the trained layer of each run, by the folder of its checkpoint."""
    classes = examples["label"].map({1: "positive", 0: "negative"})
    table = examples.assign(class_name=classes, group="", source_row=np.arange(len(examples)))
    empty = pd.DataFrame({"id": [], "text": []})
    save_dataset(Dataset(DatasetInfo(name, name, ("positive",), ("negative",)), table, empty, empty))
    training = TrainingConfig(max_tokens=MAX_TOKENS)
    positives = int(((examples["split"] == "train") & (examples["label"] == 1)).sum())
    runs = [RunConfig(name, r, s, "none", positives, r * positives, training=training) for r in RATIOS for s in SEEDS]
    plan = pd.concat([_plan(examples, seed) for seed in SEEDS], ignore_index=True)
    evaluation = examples.loc[examples["split"] != "train", ["id", "label", "split"]]
    config = ExperimentConfig(name, name, name, ratios=RATIOS, seeds=SEEDS, training=training)
    create_experiment(config, evaluation=evaluation, plan=plan, runs=runs)
    mapped = (examples["split"] != "validation").to_numpy()
    save_embeddings(experiment_folder(name) / "frozen", examples[mapped], embeddings[mapped])
    return {str(run_folder(name, run.name) / "checkpoint"): _run(run, examples, embeddings, plan) for run in runs}


def _plan(examples: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Training texts in a random order, which the negatives of a run are the first of."""
    train = examples[examples["split"] == "train"].sample(frac=1, random_state=seed)
    rank = train.groupby("label").cumcount()
    return pd.DataFrame(
        {"sweep": FIXED_POSITIVES, "seed": seed, "label": train["label"], "id": train["id"], "rank": rank}
    )


def _run(run: RunConfig, examples: pd.DataFrame, embeddings: np.ndarray, plan: pd.DataFrame) -> MLPClassifier:
    """Train one classifier and write its predictions and the hidden layer of test and training texts."""
    counts = plan["label"].map({1: run.n_positives, 0: run.n_negatives})
    used = set(plan.loc[(plan["seed"] == run.seed) & (plan["rank"] < counts), "id"])
    rows = examples["id"].isin(used).to_numpy()
    head = train_head(embeddings[rows], examples["label"].to_numpy()[rows], run.seed)
    folder = run_folder(run.experiment, run.name)
    checkpoint = folder / "checkpoint"
    checkpoint.mkdir(parents=True)
    (checkpoint / "model.safetensors").touch()
    (checkpoint / "config.json").write_text("{}", encoding="utf-8")
    evaluated = (examples["split"] != "train").to_numpy()
    probs = positive_probs(head, embeddings[evaluated])
    odds = logit(np.clip(probs, 1e-7, 1 - 1e-7))
    frame = examples.loc[evaluated, ["id", "split", "label"]].assign(
        pos_prob=probs, logit=odds, logit_negative=-odds / 2, logit_positive=odds / 2
    )
    save_predictions(
        folder, frame.astype({name: "float32" for name in frame if str(name).startswith(("pos", "logit"))})
    )
    mapped = (examples["split"] == "test").to_numpy() | rows
    save_embeddings(folder, examples[mapped], _hidden(head, embeddings[mapped]))
    write_status(folder, RunStatus(state="done"))
    return head


def train_head(embeddings: np.ndarray, labels: np.ndarray, seed: int) -> MLPClassifier:
    """One hidden layer of 32 units on embeddings of length 1 (n, 384): 30 epochs of Adam."""
    head = MLPClassifier((HIDDEN,), alpha=0.01, batch_size=32, max_iter=30, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return head.fit(SCALE * embeddings, labels)


def positive_probs(head: MLPClassifier, embeddings: np.ndarray) -> np.ndarray:
    return head.predict_proba(SCALE * embeddings)[:, 1]


def _hidden(head: MLPClassifier, embeddings: np.ndarray) -> np.ndarray:
    """The hidden layer, scaled to length 1."""
    values = np.maximum(SCALE * embeddings @ head.coefs_[0] + head.intercepts_[0], 0)
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)


@contextmanager
def _windows_by(heads: dict[str, MLPClassifier], embedder: Embedder) -> Iterator[None]:
    """The job scores later windows by these layers on the frozen encoder."""

    def scored(checkpoint, tokens, on_part) -> np.ndarray:
        return positive_probs(heads[checkpoint.source], embedder.tokens(tokens))

    with (
        patch.object(window_scores, "_probabilities", scored),
        patch.object(window_scores, "load_tokenizer", lambda source: load_tokenizer("minilm")),
    ):
        yield
