"""The deployment prevalence q: the reader's own share of positives, one slider for every page, in the URL."""

import streamlit as st

from pages.shared.state import begin

STEPS = ("0.1", "0.2", "0.3", "0.5", "0.7", "1", "1.5", "2", "3", "5", "7", "9.1", "10", "15", "20", "30", "40", "50")
"""Percent. 9.1 is one positive for ten negatives."""
START = "9.1"


def choose_prevalence(*, help: str = "") -> float:
    """The slider; the answer is a share between 0 and 1. In the URL it is `q`, in percent."""
    begin("q", START, STEPS)
    chosen = st.select_slider(
        "Positives where it will be used (deployment prevalence q, %)",
        STEPS,
        key="q",
        bind="query-params",
        help=help
        or "The test set has its own mix of classes. Precision, F1 and alerts are worked out for this mix instead.",
    )
    return float(chosen) / 100


def in_words(q: float) -> str:
    """A prevalence as people say it: `9.1 % positives (1 in 11)`."""
    return f"{100 * q:g} % positives (1 in {round(1 / q):,})"
