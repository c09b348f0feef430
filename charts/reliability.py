"""The reliability curve of one run: predicted probability against the observed share of positives."""

import pandas as pd
import plotly.graph_objects as go

from closecall.charts.colours import POSITIVE_COLOUR, Theme
from closecall.charts.figure import Chart, finish

FEW = 20
"""Bins with fewer examples have an interval of more than about 20 points on each side."""


def reliability_curve(table: pd.DataFrame, error: float, *, theme: Theme) -> Chart:
    """Reliability curve (Niculescu-Mizil and Caruana 2005) with the expected calibration error in the title.

    `table` as `analysis.metrics.calibration.reliability_table`: mean_prob, positive_share, n. `error` is from 0 to 1.
    """
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 100], y=[0, 100], mode="lines", line={"color": theme.faint, "dash": "dot"}, hoverinfo="skip"
    )
    figure.add_scatter(
        x=100 * table["mean_prob"],
        y=100 * table["positive_share"],
        mode="lines+markers",
        line={"color": POSITIVE_COLOUR, "width": 2},
        marker={"size": 9},
        customdata=table["n"],
        hovertemplate="predicted %{x:.0f} %, observed %{y:.0f} %, %{customdata:,} examples<extra></extra>",
    )
    title = f"Expected calibration error: {100 * error:.1f} points"
    finish(figure, theme=theme, title=title, x="predicted probability (%)", y="share of positives (%)", height=380)
    figure.update_layout(showlegend=False, margin={"b": 40})
    few = int((table["n"] < FEW).sum())
    caution = f" {few} of {len(table)} points have fewer than {FEW} examples: too few to interpret." if few else ""
    reading = (
        "On the dotted line, probabilities are calibrated for the prevalence of this test set; below it they are too "
        "high. A run trained at another prevalence is off by that prior, which a threshold corrects."
        f"{caution}"
    )
    return Chart(figure, key="reliability", alt=f"Reliability curve. {title}.", reading=reading)
