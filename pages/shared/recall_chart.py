"""The main picture: how many of each class are classified right, ratio by ratio."""

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from closecall.analysis.formatting import percent_text, ratio_text
from closecall.analysis.intervals import smallest_detectable_drop
from closecall.charts.colours import NEGATIVE_COLOUR, POSITIVE_COLOUR
from closecall.charts.figure import Chart, finish
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.results.valid_runs import ValidRuns, ratio_rows
from closecall.pages.overview.verdict import verdict_of
from closecall.pages.shared.chart_view import current_theme
from closecall.pages.shared.prior_only import prior_only, prior_sentence

_CLASSES = (
    ("positives found (recall)", "tp", "found", "n_positives", "recall", "recall_low", "recall_high"),
    ("negatives left alone (true-negative rate)", "tn", "rejected", "n_negatives", "true_negative_rate", "tnr_low",
     "tnr_high"),
)  # fmt: skip
_LOOK = ((POSITIVE_COLOUR, "circle"), (NEGATIVE_COLOUR, "square"))


def recall_chart(
    runs: pd.DataFrame,
    means: pd.DataFrame,
    ratios: list[float],
    *,
    predicted: pd.DataFrame | None = None,
    previewed: pd.DataFrame | None = None,
    height: int = 400,
) -> go.Figure:
    """Both classes against ratio: means with Wilson intervals, single seeds as faint marks, a place for what comes.

    `runs` and `means` as in `pages.shared.runs`; `ratios` all that the experiment will have; `predicted` the
    prior-only curve (ratio, recall, true_negative_rate), drawn dotted under what was observed. `previewed`, of the form
    of `means` and with `kind`, are ratios whose runs are not trained yet: hollow and dashed. Either may be empty.
    """
    figure = go.Figure()
    if predicted is not None and len(predicted) > 1:
        _add_predicted(figure, predicted)
    drawn = [one for one in (means, previewed) if one is not None and len(one)]
    for columns, (colour, symbol) in zip(_CLASSES, _LOOK, strict=True):
        if len(means):
            _add_class(figure, runs, means, columns, colour, symbol)
        if previewed is not None and len(previewed):
            _add_preview(figure, previewed, columns, colour, symbol, named=not len(means))
    title = recall_title(means) if len(means) else f"Preview. {recall_title(drawn[0])}"
    finish(
        figure,
        theme=current_theme(),
        title=title,
        x="training negatives for each positive",
        y="right (%)",
        height=height,
    )
    labels = [ratio_text(one) for one in sorted(ratios)]
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=labels, range=[-0.4, len(labels) - 0.6])
    lows = [frame[name].min() for frame in drawn for name in ("recall_low", "tnr_low")]
    lowest = min(lows if predicted is None else [*lows, predicted["recall"].min()])
    figure.update_yaxes(range=[max(0, int(lowest * 10) * 10 - 2), 101.5], ticksuffix=" %")
    return figure


def recall_title(means: pd.DataFrame) -> str:
    """The finding in one line."""
    first, last = means.iloc[0], means.iloc[-1]
    if len(means) == 1:
        return f"At {ratio_text(first['ratio'])}: {percent_text(first['recall'])} of the positives found"
    start, end = percent_text(first["recall"]), percent_text(last["recall"])
    return f"Positives found: {start} at {ratio_text(first['ratio'])}, {end} at {ratio_text(last['ratio'])}"


def recall_reading(means: pd.DataFrame) -> str:
    """How to read the picture, with this experiment's numbers."""
    last = means.iloc[-1]
    low, high = 100 * last["recall_low"], 100 * last["recall_high"]
    seeds, n_positives = int(means["seeds"].max()), int(last["n_positives"])
    faint = f" Faint marks are the {seeds} seeds, the line is their mean." if seeds > 1 else ""
    smallest = smallest_detectable_drop(n_positives)
    few = f" With {n_positives:,} test positives a drop under about {100 * smallest:.0f} points cannot be told."
    return (
        "Accuracy on each class is the recall of that class. The bar through a point is its 95 % interval: at "
        f"{ratio_text(last['ratio'])} it finds between {low:.0f} and {high:.0f} % of such positives."
        f"{few if smallest > 0.05 else ''}{faint}"
    )


def recall_alt(means: pd.DataFrame) -> str:
    """The picture in words."""
    points = [
        f"{ratio_text(row['ratio'])}: {percent_text(row['recall'])} of positives, "
        f"{percent_text(row['true_negative_rate'])} of negatives"
        for row in ratio_rows(means)
    ]
    return "Share classified right by ratio. " + "; ".join(points)


def _add_class(
    figure: go.Figure, runs: pd.DataFrame, means: pd.DataFrame, columns: tuple[str, ...], colour: str, symbol: str
) -> None:
    name, count, _, _, share, _, _ = columns
    if means["seeds"].max() > 1:
        figure.add_trace(_seeds(runs, count, share, colour, symbol))
    line, marker = {"color": colour, "width": 2.5}, {"color": colour, "symbol": symbol, "size": 10}
    figure.add_trace(_points(means, columns, name, line, marker))


def _add_preview(
    figure: go.Figure, previewed: pd.DataFrame, columns: tuple[str, ...], colour: str, symbol: str, *, named: bool
) -> None:
    """One class of the previews: hollow marks and a dashed line for each kind, which do not compare.

    `named`: where no finished run names the classes, the previews do.
    """
    marker = {"color": colour, "symbol": f"{symbol}-open", "size": 11, "line": {"width": 2}}
    for kind, part in previewed.groupby("kind", sort=False):
        line = {"color": colour, "width": 1.5, "dash": "dashdot" if kind == "linear" else "dash"}
        name = "linear probe (preview)" if kind == "linear" else "preview"
        trace = _points(part, columns, f"{name}: {columns[0]}" if named else name, line, marker)
        figure.add_trace(trace.update(showlegend=named or colour == POSITIVE_COLOUR))


def _points(
    means: pd.DataFrame, columns: tuple[str, ...], name: str, line: dict[str, Any], marker: dict[str, Any]
) -> go.Scatter:
    """The shares of one class by ratio, with their intervals."""
    _, _, mean_count, total, share, low, high = columns
    hover = [
        f"{ratio_text(row['ratio'])}: {percent_text(row[share])}, {row[mean_count]:,.0f} of {int(row[total]):,}"
        for _, row in means.iterrows()
    ]
    return go.Scatter(
        x=[ratio_text(one) for one in means["ratio"]],
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
        line=line,
        marker=marker,
        text=hover,
        hovertemplate="%{text}<extra>" + name + "</extra>",
    )


def _add_predicted(figure: go.Figure, predicted: pd.DataFrame) -> None:
    x = [ratio_text(one) for one in predicted["ratio"]]
    for column, (colour, _), shown in zip(("recall", "true_negative_rate"), _LOOK, (True, False), strict=True):
        figure.add_scatter(
            x=x,
            y=100 * predicted[column],
            mode="lines",
            name="what the ratio alone would do",
            showlegend=shown,
            line={"color": colour, "width": 1.5, "dash": "dot"},
            hovertemplate="the ratio alone: %{y:.1f} %<extra></extra>",
        )


def _seeds(runs: pd.DataFrame, count: str, share: str, colour: str, symbol: str) -> go.Scatter:
    return go.Scatter(
        x=[ratio_text(one) for one in runs["ratio"]],
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


# The picture of an experiment: both classes against ratio, over what the ratio alone would do.


def main_chart(
    config: ExperimentConfig,
    runs: pd.DataFrame,
    means: pd.DataFrame,
    sound: tuple[ValidRuns, ValidRuns],
    *,
    previewed: pd.DataFrame | None = None,
) -> Chart:
    """`runs` and `means` as in `pages.shared.runs`; the predicted curve is there from the first finished run on.

    `previewed` as in `pages.shared.previews`: ratios that a preview stands in for.
    """
    found, verdict = prior_only(*sound, tuple(config.ratios)), verdict_of(config.id)
    pair = verdict.evidence.comparison if verdict else None
    curve = found.curve if found else None
    figure = recall_chart(runs, means, list(config.ratios), predicted=curve, previewed=previewed)
    reading = recall_reading(means) + (f" {prior_sentence(found, pair)}" if found else "")
    return Chart(figure, key="recall", alt=recall_alt(means) + _preview_alt(previewed), reading=reading)


def preview_chart(config: ExperimentConfig, previewed: pd.DataFrame) -> Chart:
    """The same picture before any run has finished: previews alone."""
    figure = recall_chart(pd.DataFrame(), pd.DataFrame(), list(config.ratios), previewed=previewed)
    reading = "Hollow marks and dashed lines are previews. The bar through a mark is its 95 % interval."
    return Chart(figure, key="recall-preview", alt=_preview_alt(previewed).strip(), reading=reading)


def _preview_alt(previewed: pd.DataFrame | None) -> str:
    return f" Previews: {recall_alt(previewed)}" if previewed is not None and len(previewed) else ""
