"""Precision-recall curves of all ratios at one prevalence."""

import plotly.graph_objects as go

from closecall.analysis.formatting import detectable_drop_text, ratio_text
from closecall.analysis.metrics.prevalence import precision_at
from closecall.charts.figure import Chart, finish
from closecall.data.experiments.runs import Run
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.results.run_predictions import baseline_runs
from closecall.pages.shared.chart_view import current_theme, show_chart
from closecall.pages.shared.ranking_table import curve
from closecall.pages.shared.runs import outcomes_by_run
from closecall.analysis.formatting import prevalence_text

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star", "hexagon", "cross")
_AXES = ("positives found (recall, %)", "alerts that are right (precision, %)")


def curves_part(config: ExperimentConfig, q: float) -> None:
    show_chart(curves_chart(config, q))


def curves_chart(config: ExperimentConfig, q: float) -> Chart:
    """The curves of the first seed, each with its point at threshold .5."""
    runs = one_seed(baseline_runs(config.id))
    colours = current_theme().ratio_colours([run.config.ratio for run in runs])
    points = points_at_half(config, q)
    figure = go.Figure()
    for number, run in enumerate(runs):
        name, colour = ratio_text(run.config.ratio), colours[run.config.ratio]
        figure.add_trace(curve_line(run, q, name, colour))
        figure.add_trace(point(*points[run.name], name, colour, SYMBOLS[number % 8]))
    plane(figure, title=f"Precision and recall at {prevalence_text(q)}", q=q)
    positives = int(outcomes_by_run(config.id)[["tp", "fn"]].iloc[0].sum())
    reading = (
        f"Each line is one ratio (seed {runs[0].config.seed}) at every threshold; its mark is the threshold .5. "
        "Where lines cover each other, another ratio does no more than another threshold. The dotted line is chance. "
        f"{detectable_drop_text(positives)}"
    )
    return Chart(figure, key="pr-curves", alt=f"Precision-recall curves of {len(runs)} ratios", reading=reading)


def points_at_half(config: ExperimentConfig, q: float) -> dict[str, tuple[float, float]]:
    """Recall and precision of every plain run, cut at .5, by run."""
    runs = outcomes_by_run(config.id)
    precisions = precision_at(runs["recall"], 1 - runs["true_negative_rate"], q=q)
    return dict(zip(runs["name"], zip(runs["recall"], precisions, strict=True), strict=True))


def plane(figure: go.Figure, *, title: str, q: float) -> None:
    """The plane of recall and precision, with the line of chance."""
    figure.add_hline(y=100 * q, line={"color": current_theme().faint, "dash": "dot"})
    finish(figure, theme=current_theme(), title=title, x=_AXES[0], y=_AXES[1], height=460)
    figure.update_xaxes(range=[0, 101])
    figure.update_yaxes(range=[0, 101])


def curve_line(run: Run, q: float, name: str, colour: str) -> go.Scatter:
    """A run's curve."""
    points = curve(run, q)
    return go.Scatter(
        x=100 * points["recall"].to_numpy(),
        y=100 * points["precision"].to_numpy(),
        mode="lines",
        name=name,
        legendgroup=name,
        line={"color": colour, "width": 2},
        hovertemplate="found %{x:.1f} %, precision %{y:.1f} %",
    )


def point(recall: float, precision: float, name: str, colour: str, symbol: str, *, said: bool = False) -> go.Scatter:
    """The point of a run cut at .5; `said`: with its name beside it."""
    return go.Scatter(
        x=[100 * recall],
        y=[100 * precision],
        mode="markers+text" if said else "markers",
        text=[name],
        textposition="top right",
        name=f"{name} at .5",
        legendgroup=name,
        showlegend=False,
        marker={"color": colour, "symbol": symbol, "size": 12, "line": {"width": 1}},
        hovertemplate=f"{name} cut at .5: found %{{x:.1f}} %, precision %{{y:.1f}} %<extra></extra>",
    )


def one_seed(runs: list[Run]) -> list[Run]:
    """The runs of the first seed."""
    seed = min(run.config.seed for run in runs)
    return [run for run in runs if run.config.seed == seed]
