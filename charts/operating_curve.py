"""The precision-recall curve of one run with its operating point and the points of threshold rules."""

import pandas as pd
import plotly.graph_objects as go

from closecall.analysis.formatting import percent_text, probability_text
from closecall.charts.colours import FN_COLOUR, NEGATIVE_COLOUR, Theme
from closecall.charts.figure import Chart, finish


def operating_curve(
    curve: pd.DataFrame,
    rules: pd.DataFrame | None,
    *,
    name: str,
    threshold: float,
    recall: float,
    precision: float,
    q: float,
    note: str,
    theme: Theme,
) -> Chart:
    """Precision at prevalence q against recall, for every threshold.

    `curve` has the columns threshold, recall, precision; `rules` is `analysis.metrics.thresholds.threshold_table`.
    `recall` and `precision` at `threshold` are the operating point; `name` is the run's ratio, `note` a caution.
    """
    figure = go.Figure(
        go.Scatter(
            x=100 * curve["recall"].to_numpy(),
            y=100 * curve["precision"].to_numpy(),
            customdata=curve["threshold"].to_numpy(),
            mode="lines",
            line={"color": NEGATIVE_COLOUR, "width": 2.5},
            hovertemplate="threshold %{customdata:.3f}: recall %{x:.1f} %, precision %{y:.1f} %<extra></extra>",
        )
    )
    if rules is not None:
        figure.add_trace(_rule_marks(rules, theme))
    figure.add_scatter(
        x=[100 * recall],
        y=[100 * precision],
        mode="markers+text",
        marker={"size": 15, "color": FN_COLOUR, "line": {"width": 2, "color": theme.ink}},
        text=[f"threshold {probability_text(threshold)}"],
        textposition="bottom left",
        hoverinfo="skip",
    )
    figure.add_hline(y=100 * q, line={"color": theme.faint, "dash": "dot"})
    title = f"{name}: recall {percent_text(recall)}, precision {percent_text(precision)}"
    finish(figure, theme=theme, title=title, x="recall (%)", y="precision at prevalence q (%)", height=380)
    figure.update_layout(showlegend=False, margin={"b": 40}, uirevision="operating-curve")
    figure.update_xaxes(range=[0, 102])
    figure.update_yaxes(range=[0, 102])
    reading = (
        "Each point of the line is a threshold. The large mark is the chosen threshold, diamonds are the rules below, "
        f"and the dotted line is a random classifier. {note}"
    )
    return Chart(figure, key="operating-curve", alt=f"Precision-recall curve. {title}", reading=reading.strip())


def _rule_marks(rules: pd.DataFrame, theme: Theme) -> go.Scatter:
    return go.Scatter(
        x=100 * rules["recall"],
        y=100 * rules["precision_at_q"],
        mode="markers",
        marker={"symbol": "diamond-open", "size": 10, "color": theme.ink, "line": {"width": 1.5}},
        text=[
            f"{rule}: threshold {probability_text(threshold)}"
            for rule, threshold in zip(rules["rule"], rules["threshold"], strict=True)
        ],
        hovertemplate="%{text}, recall %{x:.1f} %, precision %{y:.1f} %<extra></extra>",
    )
