"""How well each run orders the two classes: AUC, and average precision at a prevalence."""

import pandas as pd
import streamlit as st

from analysis.prevalence import average_precision_at, precision_recall_curve_at
from analysis.ranking import auc
from data.runs import Run
from pages.shared.load import predictions, stamp

CURVE_POINTS = 600


def ranking_by_ratio(runs: list[Run], q: float) -> pd.DataFrame:
    """ratio, auc and average_precision (at prevalence q): means over the seeds of each ratio."""
    rows = [(run.config.ratio, _auc(run, *_key(run)), _average_precision(run, *_key(run), q)) for run in runs]
    frame = pd.DataFrame(rows, columns=["ratio", "auc", "average_precision"])
    return frame.groupby("ratio", as_index=False).mean()


def curve(run: Run, q: float, split: str = "test") -> pd.DataFrame:
    """The precision-recall curve of a run at prevalence q, thinned for drawing: threshold, recall, precision ..."""
    return _curve(run, *_key(run), q, split)


def _key(run: Run) -> tuple[str, int]:
    path = run.folder / "predictions.parquet"
    return str(path), stamp(path)


@st.cache_data(max_entries=512, show_spinner=False)
def _auc(_run: Run, path: str, written: int) -> float:
    one = predictions(_run)
    return float(auc(one.labels, one.logits)[0])


@st.cache_data(max_entries=2048, show_spinner=False)
def _average_precision(_run: Run, path: str, written: int, q: float) -> float:
    one = predictions(_run)
    return average_precision_at(one.labels, one.logits, q=q)


@st.cache_data(max_entries=256, show_spinner=False)
def _curve(_run: Run, path: str, written: int, q: float, split: str) -> pd.DataFrame:
    one = predictions(_run, split)
    return precision_recall_curve_at(one.labels, one.pos_probs, q=q, max_points=CURVE_POINTS)
