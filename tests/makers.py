"""Workspaces for tests: real files on disk with generated texts and scores of known origin.

The scores are binormal: a latent margin for each example, one for all runs, with noise for each run, shifted by
-ln(ratio), as the prior of a ratio shifts the log-odds of a calibrated classifier.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from closecall.data.datasets.store import Dataset, DatasetInfo, save_dataset
from closecall.data.experiments.previews import preview_folder, preview_name
from closecall.data.experiments.runs import (
    RunStatus,
    TrainingDynamics,
    save_dynamics,
    save_embeddings,
    save_metrics,
    save_predictions,
    save_projection,
    write_status,
)
from closecall.data.experiments.store import (
    ExperimentConfig,
    RunConfig,
    TrainingConfig,
    create_experiment,
    experiment_folder,
    run_folder,
)
from closecall.data.io.files import read_frame, write_json

SHARED_WORDS = [
    "disk",
    "drive",
    "card",
    "monitor",
    "board",
    "memory",
    "cable",
    "system",
    "price",
    "works",
    "problem",
    "help",
    "anyone",
    "install",
]
POSITIVE_WORDS = ["mac", "quadra", "powerbook", "centris", "apple", "scsi", "simm"]
NEGATIVE_WORDS = ["windows", "dos", "ibm", "isa", "bios", "vga", "pentium"]
HOSTILE = [
    "<script>alert('x')</script> **bold** [link](http://localhost) $x^2$",
    '=HYPERLINK("http://localhost","click") | a | b |',
    "\u202eright to left \u05e9\u05dc\u05d5\u05dd \U0001f600 :smile: \x00 end",
]


def make_dataset(name: str = "posts", *, positives: int = 80, negatives: int = 400, seed: int = 0) -> Dataset:
    """A saved dataset with a third of each class in test and a sixth in validation; a few texts are hostile."""
    rng = np.random.default_rng(seed)
    labels = np.r_[np.ones(positives, int), np.zeros(negatives, int)]
    texts = [_text(rng, label) for label in labels]
    texts[: len(HOSTILE)] = HOSTILE
    split = np.where(
        np.arange(len(labels)) % 6 < 3, "train", np.where(np.arange(len(labels)) % 6 < 5, "test", "validation")
    )
    examples = pd.DataFrame(
        {
            "id": [f"post-{i:05d}" for i in range(len(labels))],
            "text": texts,
            "label": labels.astype(np.int8),
            "class_name": np.where(labels == 1, "mac", "pc"),
            "split": split,
            "group": "",
            "source_row": np.arange(2, len(labels) + 2),
        }
    )
    info = DatasetInfo(
        name=name,
        title="Mac posts among PC posts",
        positive_classes=("mac",),
        negative_classes=("pc",),
        origin="made by a test",
    )
    set_aside = pd.DataFrame({"source_row": [7], "id": ["x"], "reason": ["empty text"], "text": [""]})
    conflicts = pd.DataFrame(columns=["key", "id", "label", "source_row", "text"])
    return save_dataset(Dataset(info, examples, set_aside, conflicts))


def make_experiment(
    dataset: Dataset,
    experiment: str = "sweep",
    *,
    ratios: tuple[float, ...] = (1, 2, 3, 5, 10),
    seeds: tuple[int, ...] = (0, 1),
    d_prime: float = 2.8,
    with_embeddings: bool = True,
    state: str = "done",
    seed: int = 0,
) -> ExperimentConfig:
    """A finished experiment with predictions, dynamics, embeddings and projections of every run."""
    rng = np.random.default_rng(seed)
    examples = dataset.examples
    config = ExperimentConfig(
        id=experiment,
        title=experiment.replace("-", " ").capitalize(),
        dataset=dataset.name,
        dataset_sha256=dataset.info.content_sha256,
        ratios=ratios,
        seeds=seeds,
        training=TrainingConfig(max_tokens=64),
    )
    train = examples[examples["split"] == "train"]
    n_positives = min(int((train["label"] == 1).sum()), int((train["label"] == 0).sum() / max(ratios)))
    plan = _plan(train, seeds, n_positives, rng)
    evaluation = examples.loc[examples["split"] != "train", ["id", "label", "split"]]
    runs = [
        RunConfig(
            experiment, r, s, n_positives=n_positives, n_negatives=round(r * n_positives), training=config.training
        )
        for r in ratios
        for s in seeds
    ]
    create_experiment(config, evaluation=evaluation, plan=plan, runs=runs)
    latent = rng.normal(size=len(evaluation)) + (evaluation["label"].to_numpy() - 0.5) * d_prime
    for run in runs:
        folder = run_folder(experiment, run.name)
        if state != "done":
            write_status(folder, RunStatus(state=state))
            continue
        _finish_run(folder, run, evaluation, latent, plan, d_prime, rng, with_embeddings)
    if with_embeddings and state == "done":
        _embed(experiment_folder(experiment) / "frozen", pd.concat([evaluation, _rows(train)]), rng, spread=1.0)
    return config


def _text(rng: np.random.Generator, label: int) -> str:
    own = POSITIVE_WORDS if label else NEGATIVE_WORDS
    words = [*rng.choice(SHARED_WORDS, 9), *rng.choice(own, 2)]
    rng.shuffle(words)
    return " ".join(words) + f" {rng.integers(10**6)}"


def _rows(train: pd.DataFrame) -> pd.DataFrame:
    return train[["id", "label", "split"]]


def _plan(train: pd.DataFrame, seeds: tuple[int, ...], n_positives: int, rng: np.random.Generator) -> pd.DataFrame:
    parts = []
    for seed in seeds:
        for label in (1, 0):
            ids = train.loc[train["label"] == label, "id"].to_numpy()
            order = np.arange(n_positives) if label else rng.permutation(len(ids))
            ranks = np.arange(len(order))
            parts.append(pd.DataFrame({"sweep": "A", "seed": seed, "label": label, "id": ids[order], "rank": ranks}))
    return pd.concat(parts, ignore_index=True)


def _finish_run(
    folder: Path,
    run: RunConfig,
    evaluation: pd.DataFrame,
    latent: np.ndarray,
    plan: pd.DataFrame,
    d_prime: float,
    rng: np.random.Generator,
    with_embeddings: bool,
) -> None:
    noisy = latent + rng.normal(scale=0.3, size=len(latent))
    logits = d_prime * noisy - np.log(run.ratio)
    pos_probs = 1 / (1 + np.exp(-logits))
    save_predictions(
        folder,
        pd.DataFrame(
            {
                "id": evaluation["id"],
                "split": evaluation["split"],
                "label": evaluation["label"].astype(np.int8),
                "pos_prob": pos_probs.astype(np.float32),
                "logit": logits.astype(np.float32),
                "logit_negative": (-logits / 2).astype(np.float32),
                "logit_positive": (logits / 2).astype(np.float32),
            }
        ),
    )
    own = plan[plan["seed"] == run.seed]
    positives = own[(own["label"] == 1) & (own["rank"] < run.n_positives)]
    negatives = own[(own["label"] == 0) & (own["rank"] < run.n_negatives)]
    train = pd.concat([positives, negatives])
    rising = np.linspace(0.5, 0.9, 3)[:, None] * np.ones((1, len(train)))
    labels = train["label"].to_numpy()
    save_dynamics(folder, TrainingDynamics(train["id"].to_numpy(), labels, np.where(labels == 1, rising, 1 - rising)))
    save_metrics(folder, {"timings": {"training": 60.0}, "device": "cpu", "precision": "fp32"})
    if with_embeddings:
        test = evaluation[evaluation["split"] == "test"]
        _embed(folder, pd.concat([test, train.assign(split="train")[["id", "label", "split"]]]), rng, spread=2.0)
    write_status(folder, RunStatus(state="done", phase="projecting", epoch=3, epochs=3))


def _embed(folder: Path, rows: pd.DataFrame, rng: np.random.Generator, *, spread: float) -> None:
    centres = (rows["label"].to_numpy() - 0.5)[:, None] * spread * np.r_[1, np.zeros(15)]
    embeddings = rng.normal(size=(len(rows), 16)) + centres
    folder.mkdir(parents=True, exist_ok=True)
    save_embeddings(folder, rows, embeddings)
    flat = rows[["id", "split", "label"]].assign(
        x=embeddings[:, 0].astype(np.float32), y=embeddings[:, 1].astype(np.float32)
    )
    save_projection(folder, flat)


def make_preview(config: ExperimentConfig, ratio: float, *, kind: str = "prefix") -> None:
    """A finished preview of a ratio, with what its run of the first seed says."""
    run = run_folder(config.id, f"r{ratio:g}-s{config.seeds[0]}-none")
    folder = preview_folder(config.id, preview_name(kind, ratio))
    frame = read_frame(run / "predictions.parquet")
    save_predictions(folder, frame[frame["split"] == "test"])
    write_json(folder / "metrics.json", {"kind": kind, "frozen_layers": 5, "layers": 6, "cut_at": None})
    write_status(folder, RunStatus(state="done"))


def take_back(config: ExperimentConfig, ratio: float) -> None:
    """Make the runs of a ratio wait again, as if they had not been trained."""
    for seed in config.seeds:
        folder = run_folder(config.id, f"r{ratio:g}-s{seed}-none")
        (folder / "predictions.parquet").unlink()
        write_status(folder, RunStatus(state="queued"))
