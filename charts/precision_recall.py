"""Precision against recall at one prevalence: curves of all ratios, and all ratios over the curve of one."""

from collections.abc import Sequence

import plotly.graph_objects as go

from closecall.analysis.formatting import detectable_drop_text, prevalence_text, ratio_text
from closecall.charts.colours import Theme
from closecall.charts.figure import Chart, finish
from closecall.models.results.ratio_table import RunCurve

_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star", "hexagon", "cross")


def precision_recall_chart(curves: Sequence[RunCurve], *, q: float, n_positives: int, theme: Theme) -> Chart:
    """The curve of each ratio with its point at threshold 0.50, at prevalence q."""
    colours = theme.ratio_colours([one.ratio for one in curves])
    figure = go.Figure()
    for number, one in enumerate(curves):
        name = ratio_text(one.ratio)
        figure.add_trace(_line(one, name, colours[one.ratio]))
        figure.add_trace(_point(one, colours[one.ratio], _SYMBOLS[number % len(_SYMBOLS)]))
    best = max(curves, key=lambda one: one.precision)
    title = f"At threshold 0.50 and {prevalence_text(q)}, {ratio_text(best.ratio)} is most precise"
    _finish(figure, title, q=q, theme=theme)
    reading = (
        f"Each line is one ratio (seed {curves[0].seed}) at every threshold; its mark is threshold 0.50. Where lines "
        "coincide, another ratio does the same as another threshold. The dotted line is chance. "
        f"{detectable_drop_text(n_positives)}"
    )
    points = "; ".join(f"{ratio_text(c.ratio)} recall {c.recall:.2f}, precision {c.precision:.2f}" for c in curves)
    alt = f"Precision-recall curves of {len(curves)} ratios. At threshold 0.50: {points}"
    return Chart(figure, key="pr-curves", alt=alt, reading=reading.strip())


def ratio_vs_threshold_chart(
    curves: Sequence[RunCurve], base: float, *, finding: str, q: float, n_positives: int, theme: Theme
) -> Chart:
    """The curve of one ratio, and the points of all ratios at threshold 0.50. `finding` is the title."""
    colours = theme.ratio_colours([one.ratio for one in curves])
    own = next((one for one in curves if one.ratio == base), curves[0])
    figure = go.Figure(_line(own, f"{ratio_text(own.ratio)} at every threshold", colours[own.ratio]))
    for number, one in enumerate(curves):
        figure.add_trace(_point(one, colours[one.ratio], _SYMBOLS[number % len(_SYMBOLS)], named=True))
    _finish(figure, finding, q=q, theme=theme)
    reading = (
        f"The line is {ratio_text(own.ratio)} (seed {own.seed}) at every threshold, at {prevalence_text(q)}. A ratio "
        "on the line does what that threshold does; above the line it does better, below it worse. "
        f"{detectable_drop_text(n_positives)}"
    )
    alt = f"All ratios at threshold 0.50 over the curve of {ratio_text(own.ratio)}: " + ", ".join(
        ratio_text(one.ratio) for one in curves
    )
    return Chart(figure, key="ratio-vs-threshold", alt=alt, reading=reading.strip())


def _finish(figure: go.Figure, title: str, *, q: float, theme: Theme) -> None:
    """Axes in percent, with the line of chance: precision q."""
    figure.add_hline(y=100 * q, line={"color": theme.faint, "dash": "dot"})
    finish(figure, theme=theme, title=title, x="recall (%)", y="precision (%)", height=460)
    figure.update_xaxes(range=[0, 101])
    figure.update_yaxes(range=[0, 101])


def _line(curve: RunCurve, name: str, colour: str) -> go.Scatter:
    return go.Scatter(
        x=100 * curve.points["recall"].to_numpy(),
        y=100 * curve.points["precision"].to_numpy(),
        mode="lines",
        name=name,
        legendgroup=ratio_text(curve.ratio),
        line={"color": colour, "width": 2},
        hovertemplate="recall %{x:.1f} %, precision %{y:.1f} %",
    )


def _point(curve: RunCurve, colour: str, symbol: str, *, named: bool = False) -> go.Scatter:
    """The point at threshold 0.50; `named`: with the ratio beside it."""
    name = ratio_text(curve.ratio)
    return go.Scatter(
        x=[100 * curve.recall],
        y=[100 * curve.precision],
        mode="markers+text" if named else "markers",
        text=[name],
        textposition="top right",
        name=f"{name} at threshold 0.50",
        legendgroup=name,
        showlegend=False,
        marker={"color": colour, "symbol": symbol, "size": 12, "line": {"width": 1}},
        hovertemplate=f"{name} at threshold 0.50: recall %{{x:.1f}} %, precision %{{y:.1f}} %<extra></extra>",
    )
