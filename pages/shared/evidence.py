"""What every finished run says about every example of one split, side by side; read once, shared by every session."""

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
import streamlit as st

from analysis.outcome_groups import outcome_groups
from analysis.outcomes import collapsed
from data.experiments import experiment_folder
from data.run_tables import RunTable, read_run_tables
from data.runs import Run, load_dynamics
from pages.shared.load import finished_runs, stamp
from pages.shared.lookup import place_of, places_of

TRAIN = "train"
SPLIT_NAMES = {"test": "test", "validation": "validation", TRAIN: "training"}
"""The splits that can be read, and their names on screen."""
Key = tuple[str, str, tuple[str, ...], float]
"""Experiment, split, runs, and a figure that changes when probabilities do: a run may be made again under its name."""


@dataclass(frozen=True)
class Evidence(RunTable):
    """A run table of one experiment, with the places of its ids and a key for caches.

    Of the split "train" the probabilities are those of training time: see `training_probs`.
    """

    experiment: str
    places: pd.Index
    key: Key

    def of(self, run: Run) -> np.ndarray:
        """The probabilities of one run."""
        return self.pos_probs[self.runs.index(run.name)]

    def place(self, one: str) -> int:
        """The row of an example, -1 when it is not in this split."""
        return place_of(self.places, one)


def evidence_of(experiment: str, split: str = "test") -> Evidence:
    """The evidence of an experiment's finished runs. Of "train": all examples that any of them was trained on."""
    file = "dynamics.npz" if split == TRAIN else "predictions.parquet"
    folders = sorted(path.parent for path in experiment_folder(experiment).glob("runs/*/predictions.parquet"))
    return _evidence(experiment, split, tuple((folder.name, stamp(folder / file)) for folder in folders))


def training_probs(run: Run) -> pd.Series:
    """What a run said of its training examples while it trained on them for the last time, by id.

    Each is told just before the step that learns from it, with dropout on. Empty for a run without training dynamics;
    an example that the last epoch did not come to has what an earlier one said.
    """
    if not (run.folder / "dynamics.npz").exists():
        return pd.Series(dtype=np.float64)
    dynamics = load_dynamics(run)
    last = np.full(len(dynamics.ids), np.nan)
    for epoch in dynamics.pos_probs:
        last = np.where(np.isnan(epoch), last, epoch)
    return pd.Series(last, index=pd.Index(dynamics.ids, dtype=object))


def groups_of(evidence: Evidence, *, threshold: float, remedy: str = "none") -> pd.DataFrame | None:
    """What became of each example over ratios and seeds, or None when fewer than two sound runs tell.

    As `analysis.outcome_groups`, aligned with the evidence; runs that collapsed or lack an example are left out.
    """
    return _groups(evidence, evidence.key, threshold, remedy)


def mark(evidence: Evidence) -> float:
    """Changes when probabilities do: part of a cache key, as runs may be made again under their names."""
    return evidence.key[3]


@st.cache_resource(max_entries=6, show_spinner=False)
def _evidence(experiment: str, split: str, stamps: tuple[tuple[str, int], ...]) -> Evidence:
    table = _training_table(finished_runs(experiment)) if split == TRAIN else _tables(experiment, stamps)[split]
    columns = {one.name: getattr(table, one.name) for one in fields(table)}
    key = (experiment, split, table.runs, float(np.nansum(table.pos_probs)))
    return Evidence(experiment=experiment, places=pd.Index(table.ids, dtype=object), key=key, **columns)


@st.cache_resource(max_entries=2, show_spinner=False)
def _tables(experiment: str, stamps: tuple[tuple[str, int], ...]) -> dict[str, RunTable]:
    """Both fixed splits from one reading of the files."""
    return read_run_tables(experiment, finished_runs(experiment))


def _training_table(runs: list[Run]) -> RunTable:
    labels = _trained_on(runs)
    places = pd.Index(labels.index, dtype=object)
    probs = np.full((len(runs), len(labels)), np.nan)
    for number, run in enumerate(runs):
        one = training_probs(run)
        found = places_of(places, one.index)
        probs[number, found[found >= 0]] = one.to_numpy()[found >= 0]
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


def _trained_on(runs: list[Run]) -> pd.Series:
    """The labels of all that any run was trained on, by id: positives first, in the order of the runs."""
    parts = [load_dynamics(run) for run in runs if (run.folder / "dynamics.npz").exists()]
    if not parts:
        return pd.Series(dtype=np.int8)
    ids = np.concatenate([one.ids for one in parts])
    labels = pd.Series(np.concatenate([one.labels for one in parts]), index=pd.Index(ids, dtype=object))
    return labels[~labels.index.duplicated()].sort_values(ascending=False, kind="stable")


@st.cache_resource(max_entries=6, show_spinner=False)
def _groups(_evidence: Evidence, key: Key, threshold: float, remedy: str) -> pd.DataFrame | None:
    whole = ~np.isnan(_evidence.pos_probs).any(axis=1) & (_evidence.remedies == remedy)
    if not whole.any() or not len(_evidence.ids):
        return None
    sound = whole.copy()
    sound[whole] = ~collapsed(_evidence.labels, _evidence.pos_probs[whole], threshold=threshold)
    if sound.sum() < 2:
        return None
    return outcome_groups(
        _evidence.labels,
        _evidence.pos_probs[sound],
        _evidence.ratios[sound],
        _evidence.seeds[sound],
        threshold=threshold,
    )
