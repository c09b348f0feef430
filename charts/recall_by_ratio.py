"""Recall and specificity at each ratio, with the prediction of the class prior alone and with previews."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from closecall.analysis.causes.comparison import Comparison
from closecall.analysis.formatting import detectable_drop_text, interval_text, percent_text, ratio_text
from closecall.charts.colours import NEGATIVE_COLOUR, POSITIVE_COLOUR, Theme
from closecall.charts.figure import Chart, finish
from closecall.models.results.ratio_pairs import PriorShift, prior_shift_sentence
from closecall.models.results.valid_runs import ratio_rows

X_TITLE = "training negatives per positive"


@dataclass(frozen=True)
class _Line:
    """One metric of the chart: its columns in the frames of `by_ratio`, the count behind it, and its marks."""

    metric: str
    count: str
    total: str
    colour: str
    symbol: str

    @property
    def low(self) -> str:
        return f"{self.metric}_low"

    @property
    def high(self) -> str:
        return f"{self.metric}_high"


_LINES = (
    _Line("recall", "tp", "n_positives", POSITIVE_COLOUR, "circle"),
    _Line("specificity", "tn", "n_negatives", NEGATIVE_COLOUR, "square"),
)


def recall_chart(
    runs: pd.DataFrame,
    means: pd.DataFrame,
    ratios: Sequence[float],
    *,
    theme: Theme,
    prior: PriorShift | None = None,
    pair: Comparison | None = None,
    previewed: pd.DataFrame | None = None,
    height: int = 400,
) -> Chart:
    """Recall and specificity by ratio: means with 95 % intervals, single seeds as faint marks.

    `runs` and `means` as from `outcomes_by_run` and `by_ratio`; `ratios` are all that the experiment will have. `prior`
    is drawn dotted; `pair` gives its difference from the observed recall. `previewed` has the columns of `means` and
    `kind`: ratios that are not trained yet, drawn hollow and dashed.
    """
    figure = go.Figure()
    if prior is not None and len(prior.curve) > 1:
        _add_prior(figure, prior.curve)
    for line in _LINES:
        if means["seeds"].max() > 1:
            figure.add_trace(_seed_marks(runs, line))
        figure.add_trace(_mean_line(means, line, line.metric, {"width": 2.5}, {"symbol": line.symbol, "size": 10}))
    _add_previews(figure, previewed, named=False)
    drawn = [means] if previewed is None or previewed.empty else [means, previewed]
    _finish(figure, drawn, ratios, theme=theme, title=_title(means), height=height)
    if prior is not None:
        low = figure.layout.yaxis.range[0]
        figure.update_yaxes(range=[min(low, _floor(prior.curve["recall"].min())), 101.5])
    reading = _reading(means) + (f" {prior_shift_sentence(prior, pair)}" if prior is not None else "")
    return Chart(figure, key="recall", alt=f"{_alt(means)}{_preview_alt(previewed)}", reading=reading)


def preview_chart(previewed: pd.DataFrame, ratios: Sequence[float], *, theme: Theme, height: int = 400) -> Chart:
    """The chart of `recall_chart` before any run has finished: previews only."""
    figure = go.Figure()
    _add_previews(figure, previewed, named=True)
    _finish(figure, [previewed], ratios, theme=theme, title=f"Preview. {_title(previewed)}", height=height)
    reading = "Hollow marks and dashed lines are previews. The bar through a mark is its 95 % interval."
    return Chart(figure, key="recall-preview", alt=_preview_alt(previewed).strip(), reading=reading)


def _finish(
    figure: go.Figure, drawn: list[pd.DataFrame], ratios: Sequence[float], *, theme: Theme, title: str, height: int
) -> None:
    finish(figure, theme=theme, title=title, x=X_TITLE, y="recall, specificity (%)", height=height)
    labels = [ratio_text(ratio) for ratio in sorted(ratios)]
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=labels, range=[-0.4, len(labels) - 0.6])
    lowest = min(frame[line.low].min() for frame in drawn for line in _LINES)
    figure.update_yaxes(range=[_floor(lowest), 101.5], ticksuffix=" %")


def _floor(share: float) -> int:
    """The lower end of the axis, in percent, for the lowest share on it."""
    return max(0, int(share * 10) * 10 - 2)


def _title(means: pd.DataFrame) -> str:
    """The finding in one line."""
    first, last = means.iloc[0], means.iloc[-1]
    start = f"Recall is {percent_text(first['recall'])} at {ratio_text(first['ratio'])}"
    return start if len(means) == 1 else f"{start}, {percent_text(last['recall'])} at {ratio_text(last['ratio'])}"


def _reading(means: pd.DataFrame) -> str:
    """How to read the chart, with the interval at the largest ratio."""
    last = means.iloc[-1]
    seeds = int(means["seeds"].max())
    marks = f" Faint marks are the {seeds} seeds, the line is their mean." if seeds > 1 else ""
    smallest = detectable_drop_text(int(last["n_positives"]))
    return (
        f"Bars are 95 % intervals: recall at {ratio_text(last['ratio'])} has "
        f"{interval_text(last['recall_low'], last['recall_high'])}. {smallest}".rstrip()
        + marks
    )


def _alt(means: pd.DataFrame) -> str:
    """The chart in words."""
    points = [
        f"{ratio_text(row['ratio'])}: recall {percent_text(row['recall'])}, "
        f"specificity {percent_text(row['specificity'])}"
        for row in ratio_rows(means)
    ]
    return f"Recall and specificity by ratio. {'; '.join(points)}"


def _preview_alt(previewed: pd.DataFrame | None) -> str:
    return f" Previews: {_alt(previewed)}" if previewed is not None and len(previewed) else ""


def _add_previews(figure: go.Figure, previewed: pd.DataFrame | None, *, named: bool) -> None:
    """Hollow marks and a dashed line for each kind of preview; kinds do not compare, so no line joins them.

    `named`: the legend names the metrics too, where no finished run does.
    """
    if previewed is None or previewed.empty:
        return
    for line in _LINES:
        marker = {"symbol": f"{line.symbol}-open", "size": 11, "line": {"width": 2}}
        for kind, part in previewed.groupby("kind", sort=False):
            dash = "dashdot" if kind == "linear" else "dash"
            name = "linear probe (preview)" if kind == "linear" else "preview"
            label = f"{name}: {line.metric}" if named else name
            trace = _mean_line(part, line, label, {"width": 1.5, "dash": dash}, marker)
            figure.add_trace(trace.update(showlegend=named or line.metric == "recall"))


def _mean_line(
    means: pd.DataFrame, line: _Line, name: str, stroke: dict[str, Any], marker: dict[str, Any]
) -> go.Scatter:
    """One metric by ratio, with its intervals."""
    hover = [
        f"{ratio_text(row['ratio'])}: {percent_text(row[line.metric])}, {row[line.count]:,.0f}/{int(row[line.total]):,}"
        for row in ratio_rows(means)
    ]
    return go.Scatter(
        x=[ratio_text(ratio) for ratio in means["ratio"]],
        y=100 * means[line.metric],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": 100 * (means[line.high] - means[line.metric]),
            "arrayminus": 100 * (means[line.metric] - means[line.low]),
            "thickness": 1.5,
            "width": 5,
        },
        mode="lines+markers",
        name=name,
        line={"color": line.colour, **stroke},
        marker={"color": line.colour, **marker},
        text=hover,
        hovertemplate="%{text}<extra>" + name + "</extra>",
    )


def _add_prior(figure: go.Figure, curve: pd.DataFrame) -> None:
    for line in _LINES:
        figure.add_scatter(
            x=[ratio_text(ratio) for ratio in curve["ratio"]],
            y=100 * curve[line.metric],
            mode="lines",
            name="what the class prior alone predicts",
            showlegend=line.metric == "recall",
            line={"color": line.colour, "width": 1.5, "dash": "dot"},
            hovertemplate=f"class prior alone, {line.metric}: %{{y:.1f}} %<extra></extra>",
        )


def _seed_marks(runs: pd.DataFrame, line: _Line) -> go.Scatter:
    return go.Scatter(
        x=[ratio_text(ratio) for ratio in runs["ratio"]],
        y=100 * runs[line.metric],
        mode="markers",
        showlegend=False,
        marker={"color": line.colour, "symbol": f"{line.symbol}-open", "size": 7, "opacity": 0.55},
        text=[
            f"seed {seed}: {count:,} {line.count.upper()}{' (collapsed)' if collapsed else ''}"
            for seed, count, collapsed in zip(runs["seed"], runs[line.count], runs["collapsed"], strict=True)
        ],
        hovertemplate="%{text}<extra></extra>",
    )
