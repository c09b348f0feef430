"""Do the probabilities mean what they say?"""

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from closecall.analysis.formatting import ratio_text
from closecall.analysis.metrics.calibration import calibration_error, log_odds, reliability_table, temperature
from closecall.charts.colours import POSITIVE_COLOUR
from closecall.charts.figure import finish
from closecall.data.experiments.runs import Run
from closecall.pages.shared.cached_io import predictions
from closecall.pages.shared.chart_view import current_theme, draw

FEW = 20
"""Examples below which the share of a bin may lie anywhere within some 20 points."""


def reliability_part(run: Run) -> None:
    """Said probability against what came true, in ten bins, and the temperature that validation asks for."""
    test, validation = predictions(run), predictions(run, "validation")
    table = reliability_table(test.labels, test.pos_probs)
    error = calibration_error(test.labels, test.pos_probs)
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 100], y=[0, 100], mode="lines", line={"color": current_theme().faint, "dash": "dot"}, hoverinfo="skip"
    )
    figure.add_scatter(
        x=100 * table["mean_prob"],
        y=100 * table["positive_share"],
        mode="lines+markers",
        line={"color": POSITIVE_COLOUR, "width": 2},
        marker={"size": 9},
        customdata=table["n"],
        hovertemplate="said %{x:.0f} %, came true %{y:.0f} %, %{customdata:,} examples<extra></extra>",
    )
    title = f"Probabilities are off by {100 * error.overall:.1f} points on average"
    finish(figure, theme=current_theme(), title=title, x="probability said (%)", y="of these positive (%)", height=380)
    figure.update_layout(showlegend=False, margin={"b": 40})
    reading = (
        "On the dotted line probabilities are honest for this test set's mix of classes; under it the run is too sure "
        "of positives. A run that was trained on another mix is off by that mix, which a threshold corrects."
        f"{_thin(table)}"
    )
    draw(figure, key="reliability", alt=title, reading=reading)
    if len(set(validation.labels.tolist())) == 2:
        heat = temperature(validation.labels, log_odds(validation.pos_probs), q=1 / (1 + run.config.ratio))
        word = "over-confident" if heat > 1 else "under-confident"
        st.markdown(
            f"At its own training mix {ratio_text(run.config.ratio)} is {word}: validation asks to divide its logits "
            f"by {heat:.2f} (temperature)."
        )


def _thin(table: pd.DataFrame) -> str:
    """Which points rest on too few examples to be read."""
    few = int((table["n"] < FEW).sum())
    return f" {few} of the {len(table)} points rest on fewer than {FEW} examples: too few to read." if few else ""
