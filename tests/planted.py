"""An experiment whose false negatives share a word, for the tests of slices."""

import numpy as np
import pandas as pd

from closecall.data.datasets.store import Dataset
from closecall.data.experiments.runs import save_predictions
from closecall.data.experiments.store import ExperimentConfig, run_folder
from tests.makers import make_dataset, make_experiment

WORD = "scsi"


def make_planted(*, positives: int = 480, negatives: int = 480, ratios: tuple[float, ...] = (1, 5)) -> ExperimentConfig:
    """A finished experiment in which 67 % of the positives with the word and 8 % of the others are missed."""
    dataset = make_dataset(positives=positives, negatives=negatives)
    config = make_experiment(dataset, ratios=ratios, seeds=(0,))
    for ratio in ratios:
        _plant(dataset, config.id, f"r{ratio:g}-s0-none")
    return config


def _plant(dataset: Dataset, experiment: str, run: str) -> None:
    rng = np.random.default_rng(0)
    folder = run_folder(experiment, run)
    rows = pd.read_parquet(folder / "predictions.parquet")
    texts = dataset.examples.set_index("id")["text"].reindex(rows["id"])
    holds = texts.str.contains(rf"\b{WORD}\b").to_numpy() & (rows["label"] == 1).to_numpy()
    missed = rng.random(len(rows)) < np.where(holds, 0.67, 0.08)
    logits = np.where(rows["label"] == 1, np.where(missed, -1.0, 1.0), -1.5) + rng.normal(scale=0.2, size=len(rows))
    probs = 1 / (1 + np.exp(-logits))
    changed = rows.assign(pos_prob=probs.astype(np.float32), logit=logits.astype(np.float32))
    save_predictions(folder, changed)
