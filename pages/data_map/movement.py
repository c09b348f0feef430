"""How each positive moves from easy to hard as negatives come in: lines, numbers by ratio, the deepest falls."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from closecall.analysis.errors.data_map import movement
from closecall.analysis.formatting import count_text, probability_text
from closecall.charts.colours import FN_COLOUR, POSITIVE_COLOUR, UNSELECTED, tint
from closecall.charts.figure import finish
from closecall.data.experiments.runs import Run
from closecall.data.experiments.store import ExperimentConfig, ratio_label
from closecall.pages.data_map.points import doubted_share
from closecall.pages.shared.chart_view import current_theme, draw
from closecall.pages.shared.examples import example_table
from closecall.pages.shared.training_dynamics import Positives

LINES = 400
"""More lines than these are one grey band."""
DEEPEST = 20


def movement_part(config: ExperimentConfig, run: Run, positives: Positives | None) -> None:
    """The picture, its numbers, and the table of those that fall most."""
    if positives is None or len(positives.ratios) < 2 or not len(positives.ids):
        st.info(
            "Two ratios that were trained on the same positives are needed to see them move.", icon=":material/info:"
        )
        return
    moved = movement(positives.confidence)
    order = np.argsort(moved["change"].to_numpy(), kind="stable")
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _lines(positives, order)
    with right:
        _numbers(positives)
    falls = order[moved["change"].to_numpy()[order] < 0]
    _falls(config, run, positives, moved, falls)


def _lines(positives: Positives, order: np.ndarray) -> None:
    told, labels = positives.confidence, [ratio_label(one) for one in positives.ratios]
    spread = order[np.linspace(0, len(order) - 1, min(LINES, len(order))).astype(int)]
    deepest = order[:DEEPEST]
    chart = go.Figure()
    chart.add_trace(_bundle(told[:, spread], labels, "each positive", tint(UNSELECTED, 0.35), 1))
    chart.add_trace(_bundle(told[:, deepest], labels, f"the {len(deepest)} that fall most", tint(FN_COLOUR, 0.8), 1.5))
    median = np.median(told, axis=1)
    chart.add_scatter(
        x=labels, y=median, mode="lines+markers", name="median", line={"color": POSITIVE_COLOUR, "width": 4},
        marker={"symbol": "diamond", "size": 11}, hovertemplate="%{x}: median %{y:.2f}<extra></extra>",
    )  # fmt: skip
    first, last = labels[0], labels[-1]
    title = (
        f"Median confidence of the positives: {probability_text(float(median[0]))} at {first}, "
        f"{probability_text(float(median[-1]))} at {last}"
    )
    finish(
        chart, theme=current_theme(), title=title, x="training negatives for each positive", y="confidence", height=440
    )
    chart.update_xaxes(type="category", categoryorder="array", categoryarray=labels)
    chart.update_yaxes(range=[-0.02, 1.02])
    left_out = f" {count_text(positives.collapsed, 'collapsed run')} left out." if positives.collapsed else ""
    shown = f"{len(spread):,} of {len(order):,} positives" if len(spread) < len(order) else "a positive"
    reading = (
        f"Each grey line is {shown}, its confidence a mean over seeds. Below .5 training doubts it more often than not."
    )
    draw(chart, key="movement", alt=title, reading=reading + left_out)


def _bundle(told: np.ndarray, labels: list[str], name: str, colour: str, width: float) -> go.Scatter:
    """Many lines as one trace, with gaps between them."""
    gap = np.full((1, told.shape[1]), np.nan)
    y = np.concatenate([told, gap]).T.ravel()
    x: list[Any] = [*labels, None] * told.shape[1]
    return go.Scatter(
        x=x, y=y, mode="lines", name=name, line={"color": colour, "width": width}, hoverinfo="skip", connectgaps=False
    )


def _numbers(positives: Positives) -> None:
    """Median, doubted, never right, by ratio."""
    rows = [
        {
            "Ratio": ratio_label(ratio),
            "Median": probability_text(float(np.median(told))),
            "Confidence below .5": doubted_share(told),
            "Never right": f"{int((right == 0).sum()):,}",
        }
        for ratio, told, right in zip(positives.ratios, positives.confidence, positives.correctness, strict=True)
    ]
    st.markdown(f"**The same {len(positives.ids):,} positives at every ratio**")
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt="Confidence of the positives by ratio")
    st.caption("Never right: called negative in every epoch of every seed, at one half.")


def _falls(config: ExperimentConfig, run: Run, positives: Positives, moved: pd.DataFrame, rows: np.ndarray) -> None:
    """The positives whose confidence falls, the deepest first."""
    first, last = ratio_label(positives.ratios[0]), ratio_label(positives.ratios[-1])
    st.markdown(
        f"**{count_text(len(rows), 'positive')} of {len(positives.ids):,} lose confidence from {first} to {last}**"
    )
    if not len(rows):
        return
    part = moved.iloc[rows]
    numbers = {
        f"At {first}": [probability_text(one) for one in part["first"]],
        f"At {last}": [probability_text(one) for one in part["last"]],
        "Change": [f"{one:+.2f}" for one in part["change"]],
        "Rank among positives": [
            f"{100 * a:.0f} to {100 * b:.0f}" for a, b in zip(part["first_rank"], part["last_rank"], strict=True)
        ],
    }
    st.caption(
        "Rank among positives: 0 is the lowest confidence, 100 the highest. A fall in rank goes beyond what all lost."
    )
    link = {"ratio": last, "seed": str(run.config.seed), "split": "train"}
    example_table(config, positives.ids[rows], numbers, key="falls", link=link)
