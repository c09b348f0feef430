"""The data maps of runs: what training found easy, read once and shared by every session."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.errors.data_map import data_map
from closecall.analysis.metrics.outcomes import collapsed
from closecall.data.experiments.runs import Run, load_dynamics
from closecall.pages.shared.cached_io import finished_runs, stamp
from closecall.pages.shared.runs import run_predictions


@dataclass(frozen=True)
class Positives:
    """The positives that every ratio was trained on: `ids` (n), and aligned with `ratios` (rising) their confidence and
    the share of epochs that were right (ratios x n), means over the seeds. `collapsed` runs were left out.
    """

    ids: np.ndarray
    ratios: tuple[float, ...]
    confidence: np.ndarray
    correctness: np.ndarray
    collapsed: int


def data_map_of(run: Run) -> pd.DataFrame | None:
    """`analysis.errors.data_map` of the run's training examples with `id` as index, and label and epochs; None without any.

    `epochs` is in how many epochs the example was seen.
    """
    path = run.folder / "dynamics.npz"
    return _data_map(run, str(path), stamp(path)) if path.exists() else None


def positives_over_ratios(experiment: str) -> Positives | None:
    """How training went for the same positives at every ratio, over the runs without a remedy; None without any."""
    runs = [
        run
        for run in finished_runs(experiment)
        if run.config.remedy == "none" and (run.folder / "dynamics.npz").exists()
    ]
    stamps = tuple((run.name, stamp(run.folder / "dynamics.npz")) for run in runs)
    return _positives(runs, experiment, stamps)


@st.cache_resource(max_entries=8, show_spinner=False)
def _positives(_runs: list[Run], experiment: str, stamps: tuple[tuple[str, int], ...]) -> Positives | None:
    evidence = run_predictions(experiment)
    gone = {
        run.name
        for run in _runs
        if len(evidence.ids) and collapsed(evidence.labels, np.nan_to_num(evidence.of(run)))[0]
    }
    maps = [(run.config.ratio, data_map_of(run)) for run in _runs if run.name not in gone]
    told = [(ratio, found[found["label"] == 1]) for ratio, found in maps if found is not None]
    if not told:
        return None
    ids = told[0][1].index
    for _, found in told[1:]:
        ids = ids[ids.isin(found.index)]
    ratios = sorted({ratio for ratio, _ in told})
    means = [
        [np.mean([found.loc[ids, name] for one, found in told if one == ratio], axis=0) for ratio in ratios]
        for name in ("confidence", "correctness")
    ]
    return Positives(ids.to_numpy(dtype=object), tuple(ratios), np.array(means[0]), np.array(means[1]), len(gone))


@st.cache_data(max_entries=32, show_spinner=False)
def _data_map(_run: Run, path: str, written: int) -> pd.DataFrame | None:
    dynamics = load_dynamics(_run)
    if not dynamics.pos_probs.size:
        return None
    found = data_map(dynamics.labels, dynamics.pos_probs)
    epochs = (dynamics.pos_probs == dynamics.pos_probs).sum(axis=0)
    return found.assign(label=dynamics.labels, epochs=epochs).set_axis(pd.Index(dynamics.ids, name="id"), axis=0)
