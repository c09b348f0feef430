"""How a slice fares at every ratio, beside the rest."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from closecall.analysis.formatting import percent_text, ratio_text
from closecall.analysis.intervals import wilson
from closecall.charts.colours import CLASS_COLOURS, UNSELECTED
from closecall.charts.figure import finish
from closecall.data.annotations.slices import Rule
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.explain.slices import ERROR_LABEL
from closecall.models.results.valid_runs import ValidRuns
from closecall.pages.shared.chart_view import current_theme, draw
from closecall.pages.shared.runs import valid_runs
from closecall.pages.shared.slices import rule_members

_AXIS = {"fn": "positives found (%)", "fp": "negatives left alone (%)"}
_RIGHT = {"fn": "found", "fp": "left alone"}


def by_ratio_chart(config: ExperimentConfig, rule: Rule, outcome: str, threshold: float) -> None:
    """Share of the slice classified right at each ratio, means over seeds with Wilson intervals, and the same of the
    rest of the class."""
    test = valid_runs(config.id)[0]
    inside = rule_members(config.id, rule, test.ids)
    own = test.labels == ERROR_LABEL[outcome]
    if not (own & inside).any() or not len(test.ratios):
        return
    tables = {
        name: right_by_ratio(test, own & mask, outcome, threshold) for name, mask in (("in", inside), ("out", ~inside))
    }
    st.html(_SMALL)
    figure = go.Figure()
    _add(figure, tables["out"], "the others", UNSELECTED, "square")
    _add(figure, tables["in"], "this slice", CLASS_COLOURS[ERROR_LABEL[outcome]], "circle")
    finish(
        figure, theme=current_theme(), title=_finding(tables["in"], outcome), x="ratio", y=_AXIS[outcome], height=300
    )
    figure.update_xaxes(type="category")
    figure.update_yaxes(ticksuffix=" %", rangemode="tozero", range=[0, 102])
    seeds = max(len(test.at(ratio)) for ratio in test.levels)
    means = f" Means over {seeds} seeds." if seeds > 1 else ""
    n = int(tables["in"]["n"].iloc[0])
    draw(
        figure,
        key="slice-by-ratio",
        alt=f"{_finding(tables['in'], outcome)}, against the others, by ratio",
        reading=f"The bars are 95 % intervals for {n:,} test examples in the slice. Where they hold the line of the "
        f"others, the two cannot be told apart.{means}",
    )


_SMALL = "<style>.st-key-slice-by-ratio { margin-top: -0.5rem; }</style>"


def right_by_ratio(test: ValidRuns, rows: np.ndarray, outcome: str, threshold: float) -> pd.DataFrame:
    """One row for each ratio: n, how many are right (mean over seeds), their share and Wilson's interval."""
    found = []
    for ratio in test.levels:
        called = test.at(ratio)[:, rows] >= threshold
        right = (called if outcome == "fn" else ~called).sum(axis=1).mean()
        found.append({"ratio": ratio, "n": int(rows.sum()), "right": right})
    table = pd.DataFrame(found)
    low, high = wilson(table["right"].to_numpy(), table["n"].to_numpy())
    return table.assign(share=table["right"] / table["n"].where(table["n"] > 0), low=low, high=high)


def _finding(table: pd.DataFrame, outcome: str) -> str:
    first, last = table.iloc[0], table.iloc[-1]
    start = f"{percent_text(first['share'])} {_RIGHT[outcome]} at {ratio_text(first['ratio'])}"
    return start if len(table) == 1 else f"{start}, {percent_text(last['share'])} at {ratio_text(last['ratio'])}"


def _add(figure: go.Figure, table: pd.DataFrame, name: str, colour: str, symbol: str) -> None:
    figure.add_scatter(
        x=[ratio_text(one) for one in table["ratio"]],
        y=100 * table["share"],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": 100 * (table["high"] - table["share"]),
            "arrayminus": 100 * (table["share"] - table["low"]),
            "thickness": 1.5,
            "width": 4,
        },
        mode="lines+markers",
        name=name,
        line={"color": colour, "width": 2.5},
        marker={"color": colour, "symbol": symbol, "size": 9},
        text=[f"{row['right']:,.0f} of {row['n']:,}" for _, row in table.iterrows()],
        hovertemplate="%{x}: %{y:.1f} %, %{text}<extra>" + name + "</extra>",
    )
