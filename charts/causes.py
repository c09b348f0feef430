"""The errors of one ratio by cause, as one bar."""

from collections.abc import Hashable
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from closecall.analysis.causes.misses import UNEXPLAINED
from closecall.analysis.formatting import percent_text
from closecall.charts.colours import CATEGORIES, UNSELECTED, Theme, text_on
from closecall.charts.figure import Chart, finish


def cause_colours(causes: list[str]) -> dict[str, str]:
    """A colour for each cause by its place in the list, grey for errors without a cause."""
    return {cause: UNSELECTED if cause == UNEXPLAINED else CATEGORIES[place] for place, cause in enumerate(causes)}


def causes_chart(summary: pd.DataFrame, noun: str, *, theme: Theme) -> Chart:
    """One bar of all errors, a segment for each cause.

    `summary` has cause, title, errors and share for each cause, in order. `noun` names the errors: "missed positives".
    """
    rows = [row for row in summary.to_dict("records") if row["errors"]]
    colours = cause_colours(summary["cause"].tolist())
    figure = go.Figure([_segment(row, noun, colours[row["cause"]], theme) for row in rows])
    title = f"{sum(row['errors'] for row in rows):,} {noun}"
    if rows:
        largest = max(rows, key=lambda row: row["errors"])
        title += f": most often {largest['title'].lower()}, {largest['errors']:,} ({percent_text(largest['share'])})"
    finish(figure, theme=theme, title=title, x=noun, y="", height=210)
    figure.update_layout(barmode="stack", bargap=0.25, legend_traceorder="normal")
    figure.update_yaxes(showticklabels=False)
    parts = ", ".join(f"{row['title']} {row['errors']:,}" for row in rows)
    reading = (
        "Each error counts once, for the first cause that holds. Errors lists every cause that holds for an example."
    )
    return Chart(figure, key="causes", alt=f"{title}. By cause: {parts}.", reading=reading)


def _segment(row: dict[Hashable, Any], noun: str, colour: str, theme: Theme) -> go.Bar:
    return go.Bar(
        x=[row["errors"]],
        y=[noun],
        orientation="h",
        name=row["title"],
        marker={"color": colour, "line": {"color": theme.ink, "width": 1}},
        text=f"{row['errors']:,}",
        textposition="inside",
        insidetextanchor="middle",
        textfont={"color": text_on(colour), "size": 14},
        hovertemplate=f"{row['title']}: {row['errors']:,} ({percent_text(row['share'])})<extra></extra>",
    )
