"""The probabilities of all runs of an experiment for the same examples: one table for each split."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from closecall.data.experiments.runs import Run
from closecall.data.experiments.store import experiment_folder
from closecall.data.io.files import read_columns

SPLITS = ("test", "validation")


@dataclass(frozen=True)
class RunTable:
    """Aligned with `ids` (n): labels, and the positive-class probabilities of every run (runs x n, nan: none)."""

    split: str
    ids: np.ndarray
    labels: np.ndarray
    runs: tuple[str, ...]
    ratios: np.ndarray
    seeds: np.ndarray
    remedies: np.ndarray
    pos_probs: np.ndarray


def read_run_tables(experiment: str, runs: Sequence[Run]) -> dict[str, RunTable]:
    """Read the probabilities of finished runs by split; examples in the order of the evaluation ids."""
    evaluation = read_columns(experiment_folder(experiment) / "evaluation.parquet", ["id", "split", "label"])
    probs = np.array([_probabilities(run, evaluation) for run in runs]).reshape(len(runs), len(evaluation))
    split = evaluation["split"].to_numpy()
    ids, labels = evaluation["id"].to_numpy().astype(object), evaluation["label"].to_numpy().astype(np.int8)
    configs = [run.config for run in runs]
    tables = {}
    for name in SPLITS:
        here = np.flatnonzero(split == name)
        tables[name] = RunTable(
            split=name,
            ids=ids[here],
            labels=labels[here],
            runs=tuple(run.name for run in runs),
            ratios=np.array([config.ratio for config in configs], dtype=np.float64),
            seeds=np.array([config.seed for config in configs], dtype=np.int64),
            remedies=np.array([config.remedy for config in configs], dtype=object),
            pos_probs=probs[:, here],
        )
    return tables


def _probabilities(run: Run, evaluation: pa.Table) -> np.ndarray:
    """One run's probabilities in the order of the evaluation, nan where it has none."""
    rows = read_columns(run.folder / "predictions.parquet", ["id", "split", "pos_prob"])
    probs: np.ndarray = rows["pos_prob"].to_numpy().astype(np.float64)
    # Runs made here keep the order, and comparing columns is far cheaper than looking up every id.
    if all(_same(rows[name], evaluation[name]) for name in ("id", "split")):
        return probs
    places = pd.MultiIndex.from_arrays([evaluation[name].to_numpy() for name in ("id", "split")])
    found = places.get_indexer(pd.MultiIndex.from_arrays([rows[name].to_numpy() for name in ("id", "split")]))
    in_order = np.full(len(evaluation), np.nan)
    in_order[found[found >= 0]] = probs[found >= 0]
    return in_order


def _same(one: pa.ChunkedArray, other: pa.ChunkedArray) -> bool:
    return bool(one.cast(pa.large_string()).equals(other.cast(pa.large_string())))
