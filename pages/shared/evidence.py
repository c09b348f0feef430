"""What every finished run says about every example of one split, side by side; read once, shared by every session."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from analysis.outcome_groups import outcome_groups
from analysis.outcomes import collapsed
from data.experiments import load_evaluation
from data.runs import Run, load_predictions
from pages.shared.load import finished_runs, stamp
from pages.shared.lookup import place_of, places_of


@dataclass(frozen=True)
class Evidence:
    """Aligned with `ids` (n): labels, and the positive-class probabilities of every run (runs x n, nan: not told)."""

    experiment: str
    split: str
    ids: np.ndarray
    labels: np.ndarray
    runs: tuple[str, ...]
    ratios: np.ndarray
    seeds: np.ndarray
    remedies: np.ndarray
    pos_probs: np.ndarray
    places: pd.Index

    def of(self, run: Run) -> np.ndarray:
        """The probabilities of one run."""
        return self.pos_probs[self.runs.index(run.name)]

    def place(self, one: str) -> int:
        """The row of an example, -1 when it is not in this split."""
        return place_of(self.places, one)


def evidence_of(experiment: str, split: str = "test") -> Evidence:
    """The evidence of an experiment's finished runs."""
    runs = finished_runs(experiment)
    stamps = tuple((run.name, stamp(run.folder / "predictions.parquet")) for run in runs)
    return _evidence(runs, experiment, split, stamps)


def groups_of(evidence: Evidence, *, threshold: float, remedy: str = "none") -> pd.DataFrame | None:
    """What became of each example over ratios and seeds, or None when fewer than two sound runs tell.

    As `analysis.outcome_groups`, aligned with the evidence; runs that collapsed or lack an example are left out.
    """
    return _groups(evidence, evidence.experiment, evidence.split, evidence.runs, _mark(evidence), threshold, remedy)


def _mark(evidence: Evidence) -> float:
    """Changes when probabilities do: part of a cache key, as runs may be made again under their names."""
    return float(np.nansum(evidence.pos_probs))


@st.cache_resource(max_entries=6, show_spinner=False)
def _evidence(_runs: list[Run], experiment: str, split: str, stamps: tuple[tuple[str, int], ...]) -> Evidence:
    rows = load_evaluation(experiment)
    rows = rows[rows["split"] == split]
    ids = rows["id"].to_numpy(dtype=object)
    places = pd.Index(ids)
    probs = np.full((len(_runs), len(ids)), np.nan)
    for number, run in enumerate(_runs):
        one = load_predictions(run, split)
        found = places_of(places, one.ids)
        probs[number, found[found >= 0]] = one.pos_probs[found >= 0]
    configs = [run.config for run in _runs]
    return Evidence(
        experiment=experiment,
        split=split,
        ids=ids,
        labels=rows["label"].to_numpy(dtype=np.int8),
        runs=tuple(run.name for run in _runs),
        ratios=np.array([config.ratio for config in configs], dtype=np.float64),
        seeds=np.array([config.seed for config in configs], dtype=np.int64),
        remedies=np.array([config.remedy for config in configs], dtype=object),
        pos_probs=probs,
        places=places,
    )


@st.cache_resource(max_entries=6, show_spinner=False)
def _groups(
    _evidence: Evidence, experiment: str, split: str, runs: tuple[str, ...], mark: float, threshold: float, remedy: str
) -> pd.DataFrame | None:
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
