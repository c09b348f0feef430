"""The main picture: how many of each class are classified right, ratio by ratio."""

import pandas as pd
import plotly.graph_objects as go

from data.experiments import ratio_label
from pages.shared.charts import finish
from pages.shared.colours import NEGATIVE, POSITIVE
from pages.shared.recalls import ratio_rows
from pages.shared.words import percent

_CLASSES = (
    ("positives found (recall)", "tp", "found", "n_positives", "recall", "recall_low", "recall_high"),
    ("negatives left alone (true-negative rate)", "tn", "rejected", "n_negatives", "true_negative_rate", "tnr_low",
     "tnr_high"),
)  # fmt: skip
_LOOK = ((POSITIVE, "circle"), (NEGATIVE, "square"))


def recall_chart(runs: pd.DataFrame, means: pd.DataFrame, ratios: list[float], *, height: int = 400) -> go.Figure:
    """Both classes against ratio: means with Wilson intervals, single seeds as faint marks, a place for what comes.

    `runs` and `means` as in `pages.shared.recalls`; `ratios` all that the experiment will have.
    """
    figure = go.Figure()
    for columns, (colour, symbol) in zip(_CLASSES, _LOOK, strict=True):
        _add_class(figure, runs, means, columns, colour, symbol)
    finish(figure, title=recall_title(means), x="training negatives for each positive", y="right (%)", height=height)
    labels = [ratio_label(one) for one in sorted(ratios)]
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=labels, range=[-0.4, len(labels) - 0.6])
    lowest = min(means["recall_low"].min(), means["tnr_low"].min())
    figure.update_yaxes(range=[max(0, int(lowest * 10) * 10 - 2), 101.5], ticksuffix=" %")
    return figure


def recall_title(means: pd.DataFrame) -> str:
    """The finding in one line."""
    first, last = means.iloc[0], means.iloc[-1]
    if len(means) == 1:
        return f"At {ratio_label(first['ratio'])}: {percent(first['recall'])} of the positives found"
    start, end = percent(first["recall"]), percent(last["recall"])
    return f"Positives found: {start} at {ratio_label(first['ratio'])}, {end} at {ratio_label(last['ratio'])}"


def recall_reading(means: pd.DataFrame) -> str:
    """How to read the picture, with this experiment's numbers."""
    last = means.iloc[-1]
    low, high = 100 * last["recall_low"], 100 * last["recall_high"]
    seeds = int(means["seeds"].max())
    faint = f" Faint marks are the {seeds} seeds, the line is their mean." if seeds > 1 else ""
    wide = high - low > 15
    few = (
        f" With {int(last['n_positives']):,} test positives a smaller change than that cannot be told." if wide else ""
    )
    return (
        "Accuracy on each class is the recall of that class. The bar through a point is its 95 % interval: at "
        f"{ratio_label(last['ratio'])} it finds between {low:.0f} and {high:.0f} % of such positives.{few}{faint}"
    )


def recall_alt(means: pd.DataFrame) -> str:
    """The picture in words."""
    points = [
        f"{ratio_label(row['ratio'])}: {percent(row['recall'])} of positives, "
        f"{percent(row['true_negative_rate'])} of negatives"
        for row in ratio_rows(means)
    ]
    return "Share classified right by ratio. " + "; ".join(points)


def _add_class(
    figure: go.Figure, runs: pd.DataFrame, means: pd.DataFrame, columns: tuple[str, ...], colour: str, symbol: str
) -> None:
    name, count, mean_count, total, share, low, high = columns
    if means["seeds"].max() > 1:
        figure.add_trace(_seeds(runs, count, share, colour, symbol))
    hover = [
        f"{ratio_label(row['ratio'])}: {percent(row[share])}, {row[mean_count]:,.0f} of {int(row[total]):,}"
        for _, row in means.iterrows()
    ]
    figure.add_trace(
        go.Scatter(
            x=[ratio_label(one) for one in means["ratio"]],
            y=100 * means[share],
            error_y={
                "type": "data",
                "symmetric": False,
                "array": 100 * (means[high] - means[share]),
                "arrayminus": 100 * (means[share] - means[low]),
                "thickness": 1.5,
                "width": 5,
            },
            mode="lines+markers",
            name=name,
            line={"color": colour, "width": 2.5},
            marker={"color": colour, "symbol": symbol, "size": 10},
            text=hover,
            hovertemplate="%{text}<extra>" + name + "</extra>",
        )
    )


def _seeds(runs: pd.DataFrame, count: str, share: str, colour: str, symbol: str) -> go.Scatter:
    return go.Scatter(
        x=[ratio_label(one) for one in runs["ratio"]],
        y=100 * runs[share],
        mode="markers",
        showlegend=False,
        marker={"color": colour, "symbol": symbol + "-open", "size": 7, "opacity": 0.55},
        text=[
            f"seed {seed}: {number:,} right{' (collapsed)' if gone else ''}"
            for seed, number, gone in zip(runs["seed"], runs[count], runs["collapsed"], strict=True)
        ],
        hovertemplate="%{text}<extra></extra>",
    )
