"""The main picture of the race: what each arm gains over plain, in AUC and in recall at the same false alarms."""

from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from closecall.analysis.formatting import score_text
from closecall.analysis.intervals import Estimate
from closecall.analysis.remedies.gains import NOISE_MULTIPLE, Gain
from closecall.charts.figure import finish
from closecall.data.experiments.remedies import THRESHOLD, remedy_title
from closecall.pages.shared.chart_view import current_theme, draw

ROOM = 1.25
"""The axes reach so much further than the furthest interval of an arm that fine-tunes."""
LEAST = (0.02, 5.0)
FAR = (0.06, 15.0)
"""An arm without fine-tuning that is further away than this does not stretch the axis."""
ROW, FRAME = 25, 135


class _Mark(NamedTuple):
    """Where an arm stands on one side: its place, how far its interval reaches, its symbol, its text and its hover."""

    x: float
    up: float
    down: float
    symbol: str
    text: str
    hover: str


_MOVED_CUT = _Mark(0.0, 0.0, 0.0, "line-ns-open", "", "the plain run, cut elsewhere: 0 by definition")


def gain_chart(gains: Sequence[Gain], *, ratio: str, coming: Sequence[str]) -> None:
    """One row an arm, zero is plain; arms far away stand at the edge with their number."""
    ordered = sorted(gains, key=lambda gain: (gain.fine_tunes, gain.auc.value))
    names = [*(gain.title for gain in ordered), remedy_title(THRESHOLD)]
    figure = make_subplots(cols=2, rows=1, shared_yaxes=True, horizontal_spacing=0.05)
    _side(figure, 1, names, [(one.auc, one.auc_moved) for one in ordered], ordered)
    points = [(_points(one.recall), one.recall_moved) for one in ordered]
    _side(figure, 2, names, points, ordered)
    title = _title(gains, ratio)
    finish(figure, theme=current_theme(), title=title, x="", y="", height=FRAME + ROW * len(names))
    figure.update_xaxes(title_text="AUC less plain's", col=1)
    figure.update_xaxes(title_text="recall at plain's alarms, points", col=2)
    figure.update_yaxes(showgrid=False, ticklabelstandoff=12, range=[-0.6, len(names) - 0.4])
    figure.update_layout(showlegend=False, margin={"b": 48, "t": 44})
    draw(figure, key="gains", alt=f"{title}. One row an arm, with intervals.", reading=_reading(gains, coming))


def _side(
    figure: go.Figure, column: int, names: list[str], values: list[tuple[Estimate, bool]], gains: Sequence[Gain]
) -> None:
    """One of the two measures: the marks with their intervals, the line of plain and the band of seed noise."""
    near = [one for (one, _), gain in zip(values, gains, strict=True)
            if gain.fine_tunes or abs(one.value) < FAR[column - 1]]  # fmt: skip
    reach = ROOM * max([LEAST[column - 1], *(max(abs(one.low), abs(one.high)) for one in near)])
    marks = [*(_mark(one, moved, reach, column) for one, moved in values), _MOVED_CUT]
    figure.add_trace(
        go.Scatter(
            x=[mark.x for mark in marks],
            y=names,
            mode="markers+text",
            text=[mark.text for mark in marks],
            textposition=["middle right" if mark.x < 0 else "middle left" for mark in marks],
            textfont={"color": current_theme().ink},
            marker={"symbol": [mark.symbol for mark in marks], "size": 10, "color": current_theme().ink,
                    "line": {"width": 1.8, "color": current_theme().ink}},
            error_x={"symmetric": False, "array": [mark.up for mark in marks], "color": current_theme().ink, "thickness": 1.4,
                     "arrayminus": [mark.down for mark in marks], "width": 3},
            customdata=[mark.hover for mark in marks],
            hovertemplate="%{y}: %{customdata}<extra></extra>",
            cliponaxis=False,
        ),
        row=1,
        col=column,
    )  # fmt: skip
    first = _noise_told(gains)
    noise = first.auc_noise if column == 1 else 100 * first.recall_noise
    if noise == noise:
        band = {"x0": max(-reach, -NOISES * noise), "x1": min(reach, NOISE_MULTIPLE * noise)}
        figure.add_vrect(
            **band, fillcolor=current_theme().faint, opacity=0.5, line_width=0, layer="below", row=1, col=column
        )
    figure.add_vline(x=0, line={"color": current_theme().ink, "width": 1.2}, row=1, col=column)
    figure.update_xaxes(range=[-reach, reach], col=column)


def _mark(one: Estimate, moved: bool, reach: float, column: int) -> _Mark:
    hover = f"{_number(one.value, column)} ({_number(one.low, column)} to {_number(one.high, column)})"
    if abs(one.value) >= reach:
        edge, symbol = (-0.98 * reach, "triangle-left") if one.value < 0 else (0.98 * reach, "triangle-right")
        return _Mark(edge, 0.0, 0.0, symbol, _number(one.value, column), hover)
    up, down = min(one.high, reach) - one.value, one.value - max(one.low, -reach)
    return _Mark(one.value, up, down, "diamond" if moved else "circle-open", "", hover)


def _number(value: float, column: int) -> str:
    sign = "+" if value > 0 else "−" if value < 0 else ""
    return f"{sign}{score_text(abs(value)) if column == 1 else f'{abs(value):.1f}'}"


def _points(one: Estimate) -> Estimate:
    return Estimate(100 * one.value, 100 * one.low, 100 * one.high)


def _noise_told(gains: Sequence[Gain]) -> Gain:
    """An arm whose seed noise is drawn: one that fine-tunes, where there is any."""
    return next((one for one in gains if one.fine_tunes), gains[0])


def _title(gains: Sequence[Gain], ratio: str) -> str:
    helped = [gain.title for gain in gains if gain.helps]
    if helped:
        return f"{ratio}: {' and '.join(helped[:2])} gain{'s' if len(helped) == 1 else ''} beyond seed noise"
    tried = sum(gain.fine_tunes for gain in gains)
    if not tried:
        return f"{ratio}: models without fine-tuning against plain"
    if max(gain.n_seeds for gain in gains) < 2:
        return f"{ratio}: one seed, so no gain can be told from noise"
    if tried == 1:
        return f"{ratio}: one way to fine-tune, no certain gain"
    return f"{ratio}: none of {tried} ways to fine-tune gains for certain"


def _reading(gains: Sequence[Gain], coming: Sequence[str]) -> str:
    first = _noise_told(gains)
    noise = ""
    if first.auc_noise == first.auc_noise:
        noise = (
            f" The grey band is what other seeds alone would do: AUC ±{score_text(NOISE_MULTIPLE * first.auc_noise)}, recall "
            f"±{100 * NOISE_MULTIPLE * first.recall_noise:.1f} points."
        )
    few = ""
    if first.few_false_positives:
        few = f" The right side rests on {first.false_positives:.0f} validation false alarms a run: read it with care."
    later = f" Still to come: {', '.join(map(remedy_title, coming))}." if coming else ""
    return (
        "Right of the line an arm does better than plain; 95 % intervals over test examples and seeds. Filled marks "
        f"are beyond chance (p after Holm) and beyond seed noise.{noise}{few}{later}"
    )
