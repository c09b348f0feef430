"""Training dynamics of runs, cached by file: the data map of one run, and the same positives across ratios."""

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
class PositivesByRatio:
    """Training dynamics of the positives that every ratio was trained on.

    `ids` (n); `ratios`, rising; `confidence` and `correctness` (ratios x n), means over the seeds. `collapsed`: how
    many runs were left out because they collapsed.
    """

    ids: np.ndarray
    ratios: tuple[float, ...]
    confidence: np.ndarray
    correctness: np.ndarray
    collapsed: int


def data_map_of(run: Run) -> pd.DataFrame | None:
    """`analysis.errors.data_map` of the training examples of a run, or None when it has no training dynamics.

    The index is the id. Two more columns: `label`, and `epochs`, the number of epochs in which the example was seen.
    """
    path = run.folder / "dynamics.npz"
    return _data_map(run, str(path), stamp(path)) if path.exists() else None


def positives_by_ratio(experiment: str) -> PositivesByRatio | None:
    """Training dynamics of the same positives at every ratio, over the runs without a remedy; None without any."""
    runs = [
        run
        for run in finished_runs(experiment)
        if run.config.remedy == "none" and (run.folder / "dynamics.npz").exists()
    ]
    files = ("dynamics.npz", "predictions.parquet")
    stamps = tuple((run.name, *(stamp(run.folder / file) for file in files)) for run in runs)
    return _positives(runs, experiment, stamps)


@st.cache_resource(max_entries=8, show_spinner=False)
def _positives(_runs: list[Run], experiment: str, stamps: tuple[tuple[object, ...], ...]) -> PositivesByRatio | None:
    left_out = _collapsed_runs(_runs, experiment)
    maps = [(run.config.ratio, data_map_of(run)) for run in _runs if run.name not in left_out]
    positives = [(ratio, dynamics[dynamics["label"] == 1]) for ratio, dynamics in maps if dynamics is not None]
    if not positives:
        return None
    ids = positives[0][1].index
    for _, dynamics in positives[1:]:
        ids = ids[ids.isin(dynamics.index)]
    ratios = sorted({ratio for ratio, _ in positives})
    confidence, correctness = (
        np.array([np.mean([one.loc[ids, name] for at, one in positives if at == ratio], axis=0) for ratio in ratios])
        for name in ("confidence", "correctness")
    )
    return PositivesByRatio(ids.to_numpy(dtype=object), tuple(ratios), confidence, correctness, len(left_out))


def _collapsed_runs(runs: list[Run], experiment: str) -> set[str]:
    """The names of the runs whose test predictions collapsed."""
    predictions = run_predictions(experiment)
    if not len(predictions.ids):
        return set()
    return {run.name for run in runs if collapsed(predictions.labels, np.nan_to_num(predictions.of(run)))[0]}


@st.cache_data(max_entries=32, show_spinner=False)
def _data_map(_run: Run, path: str, written: int) -> pd.DataFrame | None:
    dynamics = load_dynamics(_run)
    if not dynamics.pos_probs.size:
        return None
    frame = data_map(dynamics.labels, dynamics.pos_probs)
    epochs = (~np.isnan(dynamics.pos_probs)).sum(axis=0)
    return frame.assign(label=dynamics.labels, epochs=epochs).set_axis(pd.Index(dynamics.ids, name="id"), axis=0)
