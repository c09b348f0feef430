"""How many of each class every run gets right, and the same by ratio over its seeds."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from analysis.intervals import wilson
from analysis.outcomes import outcome_table
from data.runs import Run
from pages.shared.load import finished_runs, probabilities, stamp


def plain_runs(experiment: str) -> list[Run]:
    """The finished runs without a remedy: those that differ in ratio and seed alone."""
    return [run for run in finished_runs(experiment) if run.config.remedy == "none"]


def outcomes_by_run(experiment: str, *, threshold: float = 0.5, split: str = "test") -> pd.DataFrame:
    """One row for each plain run: name, ratio, seed and the columns of `analysis.outcomes.outcome_table`."""
    runs = plain_runs(experiment)
    stamps = tuple((run.name, stamp(_predictions_file(run))) for run in runs)
    return _outcomes_by_run(runs, experiment, stamps, threshold, split)


def by_ratio(runs: pd.DataFrame) -> pd.DataFrame:
    """One row for each ratio: the mean over its seeds, collapsed runs left out unless all of them collapsed.

    ratio, seeds, collapsed, n_positives, n_negatives, found and rejected (mean counts), recall, recall_low,
    recall_high, true_negative_rate, tnr_low, tnr_high. The intervals are Wilson's at the number of test examples:
    seeds share the examples and make no interval narrower.
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
    found, rejected = runs["tp"].mean(), runs["tn"].mean()
    low, high = wilson([found, rejected], [n_positives, n_negatives])
    return {
        "n_positives": n_positives,
        "n_negatives": n_negatives,
        "found": found,
        "rejected": rejected,
        "recall": found / n_positives if n_positives else np.nan,
        "recall_low": low[0],
        "recall_high": high[0],
        "true_negative_rate": rejected / n_negatives if n_negatives else np.nan,
        "tnr_low": low[1],
        "tnr_high": high[1],
    }


def _predictions_file(run: Run) -> Path:
    return run.folder / "predictions.parquet"


@st.cache_data(max_entries=64, show_spinner=False)
def _outcomes_by_run(
    _runs: list[Run], experiment: str, stamps: tuple[tuple[str, int], ...], threshold: float, split: str
) -> pd.DataFrame:
    if not _runs:
        return pd.DataFrame()
    wide = probabilities(experiment, split)
    table = outcome_table(wide["label"], wide[[run.name for run in _runs]].to_numpy().T, threshold=threshold)
    table.insert(0, "name", [run.name for run in _runs])
    table.insert(1, "ratio", [run.config.ratio for run in _runs])
    table.insert(2, "seed", [run.config.seed for run in _runs])
    return table
