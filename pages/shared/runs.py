"""What every finished run says about every example of one split, side by side; read once, shared by every session."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.metrics.outcomes import collapsed, outcome_table
from closecall.analysis.ratio.outcome_groups import outcome_groups
from closecall.analysis.seeds import share_over_seeds
from closecall.data.experiments.run_tables import RunTable, read_run_tables
from closecall.data.experiments.runs import Run, load_dynamics
from closecall.data.experiments.store import experiment_folder
from closecall.pages.shared.cached_io import finished_runs, place_of, places_of, stamp

TRAIN = "train"
SPLIT_NAMES = {"test": "test", "validation": "validation", TRAIN: "training"}
"""The splits that can be read, and their names on screen."""
Key = tuple[str, str, tuple[str, ...], float]
"""Experiment, split, runs, and a figure that changes when probabilities do: a run may be made again under its name."""


@dataclass(frozen=True)
class RunPredictions(RunTable):
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


def run_predictions(experiment: str, split: str = "test") -> RunPredictions:
    """The evidence of an experiment's finished runs. Of "train": all examples that any of them was trained on."""
    file = "dynamics.npz" if split == TRAIN else "predictions.parquet"
    folders = sorted(path.parent for path in experiment_folder(experiment).glob("runs/*/predictions.parquet"))
    return _evidence(experiment, split, tuple((folder.name, stamp(folder / file)) for folder in folders))


def training_probabilities(run: Run) -> pd.Series:
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


def outcome_groups_of(evidence: RunPredictions, *, threshold: float, remedy: str = "none") -> pd.DataFrame | None:
    """What became of each example over ratios and seeds, or None when fewer than two sound runs tell.

    As `analysis.ratio.outcome_groups`, aligned with the evidence; runs that collapsed or lack an example are left out.
    """
    return _groups(evidence, evidence.key, threshold, remedy)


def predictions_stamp(evidence: RunPredictions) -> float:
    """Changes when probabilities do: part of a cache key, as runs may be made again under their names."""
    return evidence.key[3]


@st.cache_resource(max_entries=6, show_spinner=False)
def _evidence(experiment: str, split: str, stamps: tuple[tuple[str, int], ...]) -> RunPredictions:
    table = _training_table(finished_runs(experiment)) if split == TRAIN else _tables(experiment, stamps)[split]
    columns = {one.name: getattr(table, one.name) for one in fields(table)}
    key = (experiment, split, table.runs, float(np.nansum(table.pos_probs)))
    return RunPredictions(experiment=experiment, places=pd.Index(table.ids, dtype=object), key=key, **columns)


@st.cache_resource(max_entries=2, show_spinner=False)
def _tables(experiment: str, stamps: tuple[tuple[str, int], ...]) -> dict[str, RunTable]:
    """Both fixed splits from one reading of the files."""
    return read_run_tables(experiment, finished_runs(experiment))


def _training_table(runs: list[Run]) -> RunTable:
    labels = _trained_on(runs)
    places = pd.Index(labels.index, dtype=object)
    probs = np.full((len(runs), len(labels)), np.nan)
    for number, run in enumerate(runs):
        one = training_probabilities(run)
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
def _groups(_evidence: RunPredictions, key: Key, threshold: float, remedy: str) -> pd.DataFrame | None:
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


# The runs that ratios are compared by: finished, without remedy, whole, and not collapsed.


@dataclass(frozen=True)
class ValidRuns:
    """Aligned with `ids` (n): labels, and for each run its ratio, seed and probabilities (runs x n).

    `key` changes when any of it does, for caches.
    """

    ids: np.ndarray
    labels: np.ndarray
    ratios: np.ndarray
    seeds: np.ndarray
    pos_probs: np.ndarray
    key: tuple[str, str, tuple[str, ...], float]

    @property
    def levels(self) -> list[float]:
        """The ratios, rising."""
        return sorted(set(self.ratios.tolist()))

    def at(self, ratio: float) -> np.ndarray:
        """The probabilities of the runs of one ratio, (seeds, n), seeds rising."""
        rows = np.flatnonzero(self.ratios == ratio)
        return self.pos_probs[rows[np.argsort(self.seeds[rows])]]


def valid_runs(experiment: str) -> tuple[ValidRuns, ValidRuns]:
    """The sound runs of an experiment on test and on validation. What collapsed on test is left out of both."""
    test, validation = run_predictions(experiment), run_predictions(experiment, "validation")
    marks = float(np.nansum(test.pos_probs)), float(np.nansum(validation.pos_probs))
    return _sound_runs(test, validation, experiment, test.runs, marks)


@st.cache_resource(max_entries=6, show_spinner=False)
def _sound_runs(
    _test: RunPredictions,
    _validation: RunPredictions,
    experiment: str,
    runs: tuple[str, ...],
    marks: tuple[float, float],
) -> tuple[ValidRuns, ValidRuns]:
    fine = _sound(_test)
    names = tuple(name for name, one in zip(_test.runs, fine, strict=True) if one)
    return (
        _of(_test, fine, (experiment, "test", names, marks[0])),
        _of(_validation, fine, (experiment, "validation", names, marks[1])),
    )


def _of(evidence: RunPredictions, rows: np.ndarray, key: tuple[str, str, tuple[str, ...], float]) -> ValidRuns:
    probs = evidence.pos_probs[rows]
    return ValidRuns(evidence.ids, evidence.labels, evidence.ratios[rows], evidence.seeds[rows], probs, key)


def _sound(evidence: RunPredictions) -> np.ndarray:
    fine = (evidence.remedies == "none") & ~np.isnan(evidence.pos_probs).any(axis=1)
    if fine.any() and len(evidence.ids):
        fine[fine] = ~collapsed(evidence.labels, evidence.pos_probs[fine])
    return fine


# How many of each class every run gets right, and the same by ratio over its seeds.


def plain_runs(experiment: str) -> list[Run]:
    """The finished runs without a remedy: those that differ in ratio and seed alone."""
    return [run for run in finished_runs(experiment) if run.config.remedy == "none"]


def outcomes_by_run(experiment: str, *, threshold: float = 0.5) -> pd.DataFrame:
    """One row for each plain run: name, ratio, seed and the columns of `analysis.metrics.outcomes.outcome_table`, on test."""
    evidence = run_predictions(experiment)
    return _outcomes_by_run(evidence, experiment, evidence.runs, predictions_stamp(evidence), threshold)


def by_ratio(runs: pd.DataFrame) -> pd.DataFrame:
    """One row for each ratio: the mean over its seeds, collapsed runs left out unless all of them collapsed.

    ratio, seeds, collapsed, n_positives, n_negatives, found and rejected (mean counts), recall, recall_low,
    recall_high, true_negative_rate, tnr_low, tnr_high. The intervals are over test examples and seeds
    (`share_over_seeds`): seeds share the examples and make none narrower, and where they differ they widen it.
    """
    rows = []
    for ratio, group in runs.groupby("ratio", sort=True):
        sound = group[~group["collapsed"]]
        kept = sound if len(sound) else group
        rows.append({"ratio": ratio, "seeds": len(group), "collapsed": int(group["collapsed"].sum()), **_means(kept)})
    return pd.DataFrame(rows)


def ratio_rows(means: pd.DataFrame) -> list[dict[str, Any]]:
    """The frame of `by_ratio` row by row, for sentences."""
    return [{str(name): value for name, value in row.items()} for row in means.to_dict("records")]


def _means(runs: pd.DataFrame) -> dict[str, float]:
    n_positives = int(runs["tp"].iloc[0] + runs["fn"].iloc[0])
    n_negatives = int(runs["tn"].iloc[0] + runs["fp"].iloc[0])
    found, rejected = share_over_seeds(runs["tp"], n_positives), share_over_seeds(runs["tn"], n_negatives)
    return {
        "n_positives": n_positives,
        "n_negatives": n_negatives,
        "found": runs["tp"].mean(),
        "rejected": runs["tn"].mean(),
        "recall": found.value,
        "recall_low": found.low,
        "recall_high": found.high,
        "true_negative_rate": rejected.value,
        "tnr_low": rejected.low,
        "tnr_high": rejected.high,
    }


@st.cache_data(max_entries=64, show_spinner=False)
def _outcomes_by_run(
    _evidence: RunPredictions, experiment: str, runs: tuple[str, ...], mark: float, threshold: float
) -> pd.DataFrame:
    whole = np.flatnonzero(~np.isnan(_evidence.pos_probs).any(axis=1) & (_evidence.remedies == "none"))
    if not len(whole):
        return pd.DataFrame()
    table = outcome_table(_evidence.labels, _evidence.pos_probs[whole], threshold=threshold)
    table.insert(0, "name", [runs[row] for row in whole])
    table.insert(1, "ratio", _evidence.ratios[whole])
    table.insert(2, "seed", _evidence.seeds[whole])
    return table
