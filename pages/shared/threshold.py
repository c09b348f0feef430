"""The threshold from which a text is called positive: one slider for every page, in the URL."""

import streamlit as st

from pages.shared.state import begin

START = 0.5
STEP = 0.001


def choose_threshold() -> float:
    """The slider; `threshold` in the URL."""
    begin("threshold", START, read=_read)
    return st.slider(
        "Called positive from this probability on (threshold)",
        0.0,
        1.0,
        step=STEP,
        format="%.3f",
        key="threshold",
        bind="query-params",
        help="The classifier gives each text a probability of being positive; at or above the threshold it is called "
        "positive. Lower finds more positives and raises more false alarms.",
    )


def _read(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise ValueError(text)
    return value
