"""Precision-recall curves of all ratios at one prevalence."""

import plotly.graph_objects as go
import streamlit as st

from analysis.overlay import overlay_table
from analysis.prevalence import precision_at
from data.experiments import ExperimentConfig, ratio_label
from data.runs import Run
from pages.compare._decomposition import decomposed
from pages.shared.charts import draw, finish
from pages.shared.colours import faint, ratio_colours
from pages.shared.prevalence import in_words
from pages.shared.ranking_table import curve
from pages.shared.recalls import outcomes_by_run, plain_runs
from pages.shared.sound_runs import SoundRuns
from pages.shared.words import plain

_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star", "hexagon", "cross")


def pr_curves(config: ExperimentConfig, test: SoundRuns, validation: SoundRuns, q: float) -> None:
    """The curves of the first seed, each with its point at threshold .5; and whether another ratio bought anything."""
    runs = _one_seed(plain_runs(config.id))
    colours = ratio_colours([run.config.ratio for run in runs])
    points = outcomes_by_run(config.id).set_index("name")
    recalls, fprs = points["recall"], 1 - points["true_negative_rate"]
    precisions = dict(zip(points.index, precision_at(recalls, fprs, q=q), strict=True))
    figure = go.Figure()
    for number, run in enumerate(runs):
        name, colour = ratio_label(run.config.ratio), colours[run.config.ratio]
        figure.add_trace(_line(run, q, name, colour))
        figure.add_trace(_point(recalls[run.name], precisions[run.name], name, colour, _SYMBOLS[number % 8]))
    figure.add_hline(y=100 * q, line={"color": faint(), "dash": "dot"})
    x, y = "positives found (recall, %)", "alerts that are right (precision, %)"
    finish(figure, title=f"Precision and recall at {in_words(q)}", x=x, y=y, height=460)
    figure.update_xaxes(range=[0, 101])
    figure.update_yaxes(range=[0, 101])
    reading = (
        f"Each line is one ratio (seed {runs[0].config.seed}) at every threshold; its mark is the threshold .5. "
        "Where lines cover each other, another ratio does no more than another threshold. The dotted line is chance."
    )
    draw(figure, key="pr-curves", alt=f"Precision-recall curves of {len(runs)} ratios", reading=reading)
    _what_it_bought(test, validation)


def _what_it_bought(test: SoundRuns, validation: SoundRuns) -> None:
    """For each larger ratio: does it find more than the smallest one with a moved threshold?"""
    if len(test.levels) < 2:
        return
    first, *larger = test.levels
    parts = {ratio: decomposed(test, validation, first, ratio) for ratio in larger}
    table = overlay_table({ratio: one for ratio, one in parts.items() if one}, reference_ratio=first)
    st.markdown("**Does training at another ratio buy anything that a moved threshold would not?**")
    for sentence in table["sentence"]:
        st.markdown(f"- {plain(str(sentence))}")


def _line(run: Run, q: float, name: str, colour: str) -> go.Scatter:
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


def _point(recall: float, precision: float, name: str, colour: str, symbol: str) -> go.Scatter:
    return go.Scatter(
        x=[100 * recall],
        y=[100 * precision],
        mode="markers",
        name=f"{name} at .5",
        legendgroup=name,
        showlegend=False,
        marker={"color": colour, "symbol": symbol, "size": 12, "line": {"width": 1}},
        hovertemplate=f"{name} cut at .5: found %{{x:.1f}} %, precision %{{y:.1f}} %<extra></extra>",
    )


def _one_seed(runs: list[Run]) -> list[Run]:
    seed = min(run.config.seed for run in runs)
    return [run for run in runs if run.config.seed == seed]
