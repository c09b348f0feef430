"""How well each run orders the two classes: AUC, average precision at a prevalence, and the curve behind them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from analysis.prevalence import average_precision_of, with_precision
from analysis.rates import area_under, rates_by_threshold, thinned
from data.runs import Run
from pages.shared.evidence import evidence_of
from pages.shared.load import stamp

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
    evidence = evidence_of(_run.config.experiment, split)
    probs = evidence.of(_run)
    told = ~np.isnan(probs)
    rates = rates_by_threshold(evidence.labels[told], probs[told])
    rises = np.diff(rates["recall"].to_numpy(), prepend=0.0) > 0
    return Ranking(area_under(rates), rates[rises].reset_index(drop=True), thinned(rates, CURVE_POINTS))
