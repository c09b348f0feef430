"""How many of each class every run gets right, and the same by ratio over its seeds."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from analysis.outcomes import outcome_table
from analysis.seeds import share_over_seeds
from data.runs import Run
from pages.shared.evidence import Evidence, evidence_of, mark
from pages.shared.load import finished_runs


def plain_runs(experiment: str) -> list[Run]:
    """The finished runs without a remedy: those that differ in ratio and seed alone."""
    return [run for run in finished_runs(experiment) if run.config.remedy == "none"]


def outcomes_by_run(experiment: str, *, threshold: float = 0.5) -> pd.DataFrame:
    """One row for each plain run: name, ratio, seed and the columns of `analysis.outcomes.outcome_table`, on test."""
    evidence = evidence_of(experiment)
    return _outcomes_by_run(evidence, experiment, evidence.runs, mark(evidence), threshold)


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
    _evidence: Evidence, experiment: str, runs: tuple[str, ...], mark: float, threshold: float
) -> pd.DataFrame:
    whole = np.flatnonzero(~np.isnan(_evidence.pos_probs).any(axis=1) & (_evidence.remedies == "none"))
    if not len(whole):
        return pd.DataFrame()
    table = outcome_table(_evidence.labels, _evidence.pos_probs[whole], threshold=threshold)
    table.insert(0, "name", [runs[row] for row in whole])
    table.insert(1, "ratio", _evidence.ratios[whole])
    table.insert(2, "seed", _evidence.seeds[whole])
    return table
