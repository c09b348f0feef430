"""How well each run orders the two classes: AUC, average precision at a prevalence, and the curve behind them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.formatting import probability_text, ratio_text
from closecall.analysis.metrics.prevalence import (
    average_precision_of,
    f1_at,
    precision_at,
    predicted_positive_rate_at,
    with_precision,
)
from closecall.analysis.metrics.ranking import area_under, rates_by_threshold, thinned
from closecall.data.experiments.runs import Run
from closecall.models.results.run_predictions import baseline_runs
from closecall.models.results.valid_runs import by_ratio, ratio_rows
from closecall.pages.shared.cached_io import stamp
from closecall.pages.shared.runs import run_predictions
from closecall.analysis.formatting import prevalence_text

CURVE_POINTS = 600


@dataclass(frozen=True)
class Ranking:
    """AUC of a run; its rates where recall rises, which average precision needs; its curve, thinned for drawing."""

    auc: float
    steps: pd.DataFrame
    curve: pd.DataFrame


def ranking_by_ratio(runs: list[Run], q: float) -> pd.DataFrame:
    """ratio, auc and average_precision (at prevalence q): means over the seeds of each ratio."""
    rankings = [(run.config.ratio, _ranking_of(run, "test")) for run in runs]
    rows = [(ratio, one.auc, average_precision_of(one.steps, q=q)) for ratio, one in rankings]
    frame = pd.DataFrame(rows, columns=["ratio", "auc", "average_precision"])
    return frame.groupby("ratio", as_index=False).mean()


def curve(run: Run, q: float, split: str = "test") -> pd.DataFrame:
    """The precision-recall curve of a run at prevalence q, thinned for drawing: threshold, recall, precision ..."""
    return with_precision(_ranking_of(run, split).curve, q=q)


def _ranking_of(run: Run, split: str) -> Ranking:
    path = run.folder / "predictions.parquet"
    return _ranking(run, str(path), stamp(path), split)


@st.cache_resource(max_entries=256, show_spinner=False)
def _ranking(_run: Run, path: str, written: int, split: str) -> Ranking:
    evidence = run_predictions(_run.config.experiment, split)
    probs = evidence.of(_run)
    told = ~np.isnan(probs)
    rates = rates_by_threshold(evidence.labels[told], probs[told])
    rises = np.diff(rates["recall"].to_numpy(), prepend=0.0) > 0
    return Ranking(area_under(rates), rates[rises].reset_index(drop=True), thinned(rates, CURVE_POINTS))


# What each ratio is worth at a prevalence, and which is best there.


def ratio_table(experiment: str, runs: pd.DataFrame, q: float) -> pd.DataFrame:
    """The means by ratio with precision, F1, alerts, average precision at prevalence q, and AUC."""
    return at_prevalence(by_ratio(runs), q).merge(ranking_by_ratio(baseline_runs(experiment), q), on="ratio")


def at_prevalence(means: pd.DataFrame, q: float) -> pd.DataFrame:
    """The means by ratio with precision, F1 and the share of alerts at prevalence q."""
    recall, fpr = means["recall"], 1 - means["true_negative_rate"]
    return means.assign(
        precision=precision_at(recall, fpr, q=q), f1=f1_at(recall, fpr, q=q), alerts=predicted_positive_rate_at(recall, fpr, q=q)
    )


def best_at(table: pd.DataFrame, q: float) -> str:
    rows = ratio_rows(table)
    best = max(rows, key=lambda row: row["f1"])
    if len(table) == 1:
        return f"At {prevalence_text(q)}, {ratio_text(best['ratio'])} has F1 {probability_text(best['f1'])}."
    others = [
        f"{probability_text(row['f1'])} at {ratio_text(row['ratio'])}"
        for row in (rows[0], rows[-1])
        if row["ratio"] != best["ratio"]
    ]
    return (
        f"Among texts with {prevalence_text(q)}, cut at .5, {ratio_text(best['ratio'])} has the best F1: "
        f"{probability_text(best['f1'])}, against {' and '.join(others)}."
    )


def best_ranked(table: pd.DataFrame, q: float) -> str:
    """Whether any of that is more than a moved threshold: the ranking."""
    if len(table) == 1:
        return ""
    first, last = table.iloc[0], table.iloc[-1]
    names = ratio_text(first["ratio"]), ratio_text(last["ratio"])
    return (
        f"Whatever the threshold, how well positives rank above negatives (AUC) is {probability_text(first['auc'])} at "
        f"{names[0]} and {probability_text(last['auc'])} at {names[1]}; average precision at this prevalence is "
        f"{probability_text(first['average_precision'])} and {probability_text(last['average_precision'])} (chance: "
        f"{probability_text(q)})."
    )
