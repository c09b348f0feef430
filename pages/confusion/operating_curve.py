"""The precision-recall curve of one run with the point that the threshold picks."""

import pandas as pd
import plotly.graph_objects as go

from closecall.analysis.formatting import detectable_drop_text, percent_text, probability_text, ratio_text
from closecall.analysis.metrics.outcomes import Confusion
from closecall.analysis.metrics.prevalence import precision_at
from closecall.charts.colours import FN_COLOUR, NEGATIVE_COLOUR
from closecall.charts.figure import finish
from closecall.data.experiments.runs import Run
from closecall.pages.shared.chart_view import current_theme, draw
from closecall.pages.shared.runs import precision_recall_curve


def operating_curve(run: Run, counts: Confusion, threshold: float, q: float, rules: pd.DataFrame | None) -> None:
    """Every threshold at prevalence q as a line, the chosen one as a mark, each rule of the desk as a small one."""
    line = precision_recall_curve(run, q)
    precision = float(precision_at(counts.recall, counts.false_positive_rate, q=q))
    figure = go.Figure(
        go.Scatter(
            x=100 * line["recall"].to_numpy(),
            y=100 * line["precision"].to_numpy(),
            customdata=line["threshold"].to_numpy(),
            mode="lines",
            line={"color": NEGATIVE_COLOUR, "width": 2.5},
            hovertemplate="cut at %{customdata:.3f}: found %{x:.1f} %, precision %{y:.1f} %<extra></extra>",
        )
    )
    if rules is not None:
        figure.add_trace(_rule_marks(rules))
    figure.add_scatter(
        x=[100 * counts.recall],
        y=[100 * precision],
        mode="markers+text",
        marker={"size": 15, "color": FN_COLOUR, "line": {"width": 2, "color": current_theme().ink}},
        text=[f"cut at {probability_text(threshold)}"],
        textposition="bottom left",
        hoverinfo="skip",
    )
    figure.add_hline(y=100 * q, line={"color": current_theme().faint, "dash": "dot"})
    title = f"{ratio_text(run.config.ratio)}: found {percent_text(counts.recall)}, precision {percent_text(precision)}"
    x, y = "positives found (recall, %)", "alerts that are right (precision, %)"
    finish(figure, theme=current_theme(), title=title, x=x, y=y, height=380)
    figure.update_layout(showlegend=False, margin={"b": 40}, uirevision="operating-curve")
    figure.update_xaxes(range=[0, 102])
    figure.update_yaxes(range=[0, 102])
    draw(
        figure,
        key="operating-curve",
        alt=f"Precision-recall curve. {title}",
        reading="The line is every threshold of this run, the large mark the chosen one, diamonds the rules below; "
        f"the dotted line is chance. {detectable_drop_text(counts.n_positives)}",
    )


def _rule_marks(rules: pd.DataFrame) -> go.Scatter:
    return go.Scatter(
        x=100 * rules["recall"],
        y=100 * rules["precision_at_q"],
        mode="markers",
        marker={"symbol": "diamond-open", "size": 10, "color": current_theme().ink, "line": {"width": 1.5}},
        text=[
            f"{rule}: cut at {probability_text(cut)}"
            for rule, cut in zip(rules["rule"], rules["threshold"], strict=True)
        ],
        hovertemplate="%{text}, found %{x:.1f} %, precision %{y:.1f} %<extra></extra>",
    )
