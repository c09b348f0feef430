"""Recall or specificity of a slice at every ratio, against the rest of the class."""

import pandas as pd
import plotly.graph_objects as go

from closecall.analysis.formatting import percent_text, ratio_text
from closecall.charts.colours import NEGATIVE_COLOUR, POSITIVE_COLOUR, UNSELECTED, Theme
from closecall.charts.figure import Chart, finish

_METRIC = {"fn": "recall", "fp": "specificity"}
_COLOUR = {"fn": POSITIVE_COLOUR, "fp": NEGATIVE_COLOUR}


def slice_by_ratio_chart(inside: pd.DataFrame, rest: pd.DataFrame, outcome: str, *, seeds: int, theme: Theme) -> Chart:
    """Recall (outcome fn) or specificity (fp) of the slice and of the rest, with 95 % intervals.

    Both frames have one row for each ratio, rising: `ratio, n, right, share, low, high`; `right` is a mean over seeds.
    """
    metric = _METRIC[outcome]
    figure = go.Figure()
    _add_line(figure, rest, "rest", UNSELECTED, "square")
    _add_line(figure, inside, "slice", _COLOUR[outcome], "circle")
    title = _title(inside, metric)
    finish(figure, theme=theme, title=title, x="training negatives per positive", y=f"{metric} (%)", height=300)
    figure.update_xaxes(type="category")
    figure.update_yaxes(ticksuffix=" %", rangemode="tozero", range=[0, 102])
    means = f" Means over {seeds} seeds." if seeds > 1 else ""
    reading = (
        f"Bars: 95 % confidence intervals (Wilson), {int(inside['n'].iloc[0]):,} test examples in the slice. Where "
        f"they cover the line of the rest, the two are not distinguishable with this test set.{means}"
    )
    return Chart(figure, "slice-by-ratio", f"{title}, against the rest of the class, by ratio", reading)


def _title(table: pd.DataFrame, metric: str) -> str:
    first, last = table.iloc[0], table.iloc[-1]
    start = f"Slice: {metric} {percent_text(first['share'])} at {ratio_text(first['ratio'])}"
    return start if len(table) == 1 else f"{start}, {percent_text(last['share'])} at {ratio_text(last['ratio'])}"


def _add_line(figure: go.Figure, table: pd.DataFrame, name: str, colour: str, symbol: str) -> None:
    figure.add_scatter(
        x=[ratio_text(ratio) for ratio in table["ratio"]],
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
        text=[f"{row['right']:,.0f}/{row['n']:,}" for _, row in table.iterrows()],
        hovertemplate="%{x}: %{y:.1f} %, %{text}<extra>" + name + "</extra>",
    )
