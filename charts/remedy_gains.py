"""The gain of each method over the baseline, in AUC and in recall at the same false-positive rate."""

from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from closecall.analysis.formatting import score_text
from closecall.analysis.intervals import Estimate
from closecall.analysis.remedies.gains import NOISE_MULTIPLE, Gain
from closecall.charts.colours import Theme
from closecall.charts.figure import Chart, finish
from closecall.data.experiments.remedies import THRESHOLD, remedy_title

ROOM = 1.25
"""The axes extend beyond the widest interval of a method that fine-tunes by this factor."""
LEAST = (0.02, 5.0)
FAR = (0.06, 15.0)
"""A method without fine-tuning that is further from 0 than this does not extend the axis (AUC, points)."""
ROW, FRAME = 25, 135


class _Mark(NamedTuple):
    """A method in one panel: its gain, the lengths of its interval to both sides, symbol, text and hover text."""

    x: float
    up: float
    down: float
    symbol: str
    text: str
    hover: str


_MOVED_THRESHOLD = _Mark(0.0, 0.0, 0.0, "line-ns-open", "", "the baseline at another threshold: 0 by definition")


def gain_chart(gains: Sequence[Gain], *, ratio: str, coming: Sequence[str], theme: Theme) -> Chart:
    """One row for each method; 0 is the baseline. A gain outside the axis is a triangle at its edge with its value.

    `coming`: names of the methods whose runs have not finished.
    """
    ordered = sorted(gains, key=lambda gain: (gain.fine_tunes, gain.auc.value))
    names = [*(gain.title for gain in ordered), remedy_title(THRESHOLD)]
    figure = make_subplots(cols=2, rows=1, shared_yaxes=True, horizontal_spacing=0.05)
    _panel(figure, 1, names, [(one.auc, one.auc_moved) for one in ordered], ordered, theme)
    points = [(_points(one.recall), one.recall_moved) for one in ordered]
    _panel(figure, 2, names, points, ordered, theme)
    title = _title(gains, ratio)
    finish(figure, theme=theme, title=title, x="", y="", height=FRAME + ROW * len(names))
    figure.update_xaxes(title_text="AUC minus baseline", col=1)
    figure.update_xaxes(title_text="recall minus baseline at the same FPR (points)", col=2)
    figure.update_yaxes(showgrid=False, ticklabelstandoff=12, range=[-0.6, len(names) - 0.4])
    figure.update_layout(showlegend=False, margin={"b": 48, "t": 44})
    alt = f"{title}. One row for each method, with 95 % intervals."
    return Chart(figure, key="gains", alt=alt, reading=_reading(gains, coming))


def _panel(
    figure: go.Figure,
    column: int,
    names: list[str],
    values: list[tuple[Estimate, bool]],
    gains: Sequence[Gain],
    theme: Theme,
) -> None:
    """Panel 1 (AUC) or 2 (recall): the gains with their intervals, the line of the baseline, the band of seed noise."""
    near = [one for (one, _), gain in zip(values, gains, strict=True)
            if gain.fine_tunes or abs(one.value) < FAR[column - 1]]  # fmt: skip
    reach = ROOM * max([LEAST[column - 1], *(max(abs(one.low), abs(one.high)) for one in near)])
    marks = [*(_mark(one, moved, reach, column) for one, moved in values), _MOVED_THRESHOLD]
    figure.add_trace(
        go.Scatter(
            x=[mark.x for mark in marks],
            y=names,
            mode="markers+text",
            text=[mark.text for mark in marks],
            textposition=["middle right" if mark.x < 0 else "middle left" for mark in marks],
            textfont={"color": theme.ink},
            marker={"symbol": [mark.symbol for mark in marks], "size": 10, "color": theme.ink,
                    "line": {"width": 1.8, "color": theme.ink}},
            error_x={"symmetric": False, "array": [mark.up for mark in marks], "color": theme.ink, "thickness": 1.4,
                     "arrayminus": [mark.down for mark in marks], "width": 3},
            customdata=[mark.hover for mark in marks],
            hovertemplate="%{y}: %{customdata}<extra></extra>",
            cliponaxis=False,
        ),
        row=1,
        col=column,
    )  # fmt: skip
    first = _noise_reference(gains)
    noise = first.auc_noise if column == 1 else 100 * first.recall_noise
    if noise == noise:
        band = {"x0": max(-reach, -NOISE_MULTIPLE * noise), "x1": min(reach, NOISE_MULTIPLE * noise)}
        figure.add_vrect(**band, fillcolor=theme.faint, opacity=0.5, line_width=0, layer="below", row=1, col=column)
    figure.add_vline(x=0, line={"color": theme.ink, "width": 1.2}, row=1, col=column)
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


def _noise_reference(gains: Sequence[Gain]) -> Gain:
    """The method whose seed noise is drawn: the first that fine-tunes, else the first."""
    return next((one for one in gains if one.fine_tunes), gains[0])


def _title(gains: Sequence[Gain], ratio: str) -> str:
    helped = [gain.title for gain in gains if gain.helps]
    if helped:
        return f"{ratio}: {' and '.join(helped[:2])} gain{'s' if len(helped) == 1 else ''} more than seed noise"
    tried = sum(gain.fine_tunes for gain in gains)
    if not tried:
        return f"{ratio}: methods without fine-tuning against the baseline"
    if max(gain.n_seeds for gain in gains) < 2:
        return f"{ratio}: one seed, so a gain is not distinguishable from seed noise"
    if tried == 1:
        return f"{ratio}: the gain of the method is not distinguishable from 0"
    return f"{ratio}: no gain of {tried} fine-tuned methods is distinguishable from 0"


def _reading(gains: Sequence[Gain], coming: Sequence[str]) -> str:
    parts = [
        "Right of the line a method is better than the baseline; 95 % intervals over test examples and seeds. Filled "
        "marks are significant (p after Holm) and larger than seed noise."
    ]
    first = _noise_reference(gains)
    if first.auc_noise == first.auc_noise:
        parts.append(
            f"The grey band is the effect of other seeds: AUC ±{score_text(NOISE_MULTIPLE * first.auc_noise)}, recall "
            f"±{100 * NOISE_MULTIPLE * first.recall_noise:.1f} points."
        )
    if first.few_false_positives:
        parts.append(
            f"The right panel uses {first.false_positives:.0f} false positives per run on validation: few, so its "
            "thresholds are uncertain."
        )
    if coming:
        parts.append(f"Not finished yet: {', '.join(map(remedy_title, coming))}.")
    return " ".join(parts)
