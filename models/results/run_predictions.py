"""The predictions of an experiment's finished runs side by side, one table for each split."""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd

from closecall.data.experiments.run_tables import RunTable, read_run_tables
from closecall.data.experiments.runs import Run, load_dynamics, load_runs
from closecall.data.experiments.store import experiment_folder

TRAIN = "train"
SPLIT_NAMES = {"test": "test", "validation": "validation", TRAIN: "training"}
"""The splits that have predictions, and their names on screen."""
FileStamps = tuple[tuple[str, int], ...]
"""For each run its name and the time its file was last written (ns)."""
Key = tuple[str, str, FileStamps]
"""Experiment, split and file stamps: changes when runs are added, removed or made again."""


@dataclass(frozen=True)
class RunPredictions(RunTable):
    """A run table of one experiment, with an index of its ids and a key for caches.

    In the split "train" the probabilities are those of training time, see `training_probabilities`.
    """

    experiment: str
    places: pd.Index
    key: Key

    def of(self, run: Run) -> np.ndarray:
        """The probabilities of one run, shape (n,)."""
        return self.pos_probs[self.runs.index(run.name)]

    def place(self, example: str) -> int:
        """The column of an example, -1 when it is not in this split."""
        try:
            place = self.places.get_loc(example)
        except KeyError:
            return -1
        return place if isinstance(place, int) else -1


def finished_runs(experiment: str) -> list[Run]:
    """The runs that have predictions, by ratio and seed."""
    return [run for run in load_runs(experiment) if run.has_predictions]


def file_stamps(experiment: str, split: str = "test") -> FileStamps:
    """When the files that hold the predictions of a split were last written, a pair for each finished run."""
    file = "dynamics.npz" if split == TRAIN else "predictions.parquet"
    folders = sorted(path.parent for path in experiment_folder(experiment).glob("runs/*/predictions.parquet"))
    return tuple((folder.name, _written(folder / file)) for folder in folders)


def read_run_predictions(experiment: str) -> dict[str, RunPredictions]:
    """The predictions of all finished runs on "test" and "validation", from one reading of the files."""
    stamps = file_stamps(experiment)
    tables = read_run_tables(experiment, finished_runs(experiment))
    return {split: _with_key(table, experiment, stamps) for split, table in tables.items()}


def read_training_predictions(experiment: str) -> RunPredictions:
    """The training-time probabilities of all examples that any finished run was trained on."""
    stamps = file_stamps(experiment, TRAIN)
    return _with_key(_training_table(finished_runs(experiment)), experiment, stamps)


def training_probabilities(run: Run) -> pd.Series:
    """The last training-time probability of each training example of a run, with the id as index.

    The probability is computed just before the optimiser step on that example, with dropout on. For an example that
    the last epoch did not reach it is that of an earlier epoch. Empty for a run without training dynamics.
    """
    if not (run.folder / "dynamics.npz").exists():
        return pd.Series(dtype=np.float64)
    dynamics = load_dynamics(run)
    last = np.full(len(dynamics.ids), np.nan)
    for epoch in dynamics.pos_probs:
        last = np.where(np.isnan(epoch), last, epoch)
    return pd.Series(last, index=pd.Index(dynamics.ids, dtype=object))


def _written(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


def _with_key(table: RunTable, experiment: str, stamps: FileStamps) -> RunPredictions:
    columns = {one.name: getattr(table, one.name) for one in fields(table)}
    places = pd.Index(table.ids, dtype=object)
    return RunPredictions(experiment=experiment, places=places, key=(experiment, table.split, stamps), **columns)


def _training_table(runs: list[Run]) -> RunTable:
    labels = _training_labels(runs)
    places = pd.Index(labels.index, dtype=object)
    probs = np.full((len(runs), len(labels)), np.nan)
    for number, run in enumerate(runs):
        values = training_probabilities(run)
        columns = places.get_indexer(pd.Index(values.index, dtype=object))
        probs[number, columns[columns >= 0]] = values.to_numpy()[columns >= 0]
    configs = [run.config for run in runs]
    return RunTable(
        split=TRAIN,
        ids=places.to_numpy(dtype=object),
        labels=labels.to_numpy(dtype=np.int8),
        runs=tuple(run.name for run in runs),
        ratios=np.array([config.ratio for config in configs], dtype=np.float64),
        seeds=np.array([config.seed for config in configs], dtype=np.int64),
        remedies=np.array([config.remedy for config in configs], dtype=object),
        pos_probs=probs,
    )


def _training_labels(runs: list[Run]) -> pd.Series:
    """The labels of all training examples of some runs, by id: positives first, then in the order of the runs."""
    parts = [load_dynamics(run) for run in runs if (run.folder / "dynamics.npz").exists()]
    if not parts:
        return pd.Series(dtype=np.int8)
    ids = np.concatenate([one.ids for one in parts])
    labels = pd.Series(np.concatenate([one.labels for one in parts]), index=pd.Index(ids, dtype=object))
    return labels[~labels.index.duplicated()].sort_values(ascending=False, kind="stable")
