"""The main picture of the race: what each arm gains over plain, in AUC and in recall at the same false alarms."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from analysis.intervals import Estimate
from analysis.remedy_answer import area_text
from analysis.remedy_gains import NOISES, Gain
from data.remedies import THRESHOLD, remedy_title
from pages.shared.charts import draw, finish
from pages.shared.colours import faint, ink

ROOM = 1.25
"""The axes reach so much further than the furthest interval of an arm that fine-tunes."""
LEAST = (0.02, 5.0)
ROW, FRAME = 25, 135


def gain_chart(gains: Sequence[Gain], *, ratio: str, coming: Sequence[str]) -> None:
    """One row an arm, zero is plain; arms far away stand at the edge with their number."""
    ordered = sorted(gains, key=lambda gain: (gain.fine_tunes, gain.auc.value))
    names = [*(gain.title for gain in ordered), remedy_title(THRESHOLD)]
    sides = [
        ([_scaled(gain.auc, 1) for gain in ordered], [gain.auc_moved for gain in ordered], ordered[0].auc_noise),
        ([_scaled(one.recall, 100) for one in ordered], [one.recall_moved for one in ordered],
         100 * ordered[0].recall_noise),
    ]  # fmt: skip
    figure = make_subplots(cols=2, rows=1, shared_yaxes=True, horizontal_spacing=0.04)
    for column, (values, moved, noise) in enumerate(sides, start=1):
        tuned = [value for value, gain in zip(values, ordered, strict=True) if gain.fine_tunes] or values
        reach = ROOM * max(LEAST[column - 1], *(max(abs(one.low), abs(one.high)) for one in tuned))
        _side(figure, column, names, values, moved, noise, reach)
    title = _title(gains, ratio)
    finish(figure, title=title, x="", y="", height=FRAME + ROW * len(names))
    figure.update_xaxes(title_text="AUC less plain's", col=1)
    figure.update_xaxes(title_text="found at plain's false alarms, less plain's (points)", col=2)
    figure.update_yaxes(showgrid=False)
    figure.update_layout(showlegend=False, margin={"b": 48, "t": 44})
    draw(figure, key="gains", alt=f"{title}. One row an arm, with intervals.", reading=_reading(gains, coming))


def _side(
    figure: go.Figure,
    column: int,
    names: list[str],
    values: list[Estimate],
    moved: list[bool],
    noise: float,
    reach: float,
) -> None:
    inside = [abs(one.value) < reach for one in values]
    shown = np.array([one.value if near else np.copysign(0.97 * reach, one.value) for one, near in
                      zip(values, inside, strict=True)] + [0.0])  # fmt: skip
    marks = ["diamond" if one else "circle-open" for one in moved] + ["line-ns-open"]
    marks = [mark if near else ("triangle-left" if at < 0 else "triangle-right")
             for mark, near, at in zip(marks, [*inside, True], shown, strict=True)]  # fmt: skip
    up = [one.high - one.value if near else 0 for one, near in zip(values, inside, strict=True)] + [0]
    down = [one.value - one.low if near else 0 for one, near in zip(values, inside, strict=True)] + [0]
    if noise == noise:
        figure.add_vrect(
            x0=-NOISES * noise, x1=NOISES * noise, fillcolor=faint(), opacity=0.45, line_width=0, col=column
        )
    figure.add_vline(x=0, line={"color": ink(), "width": 1}, col=column)
    figure.add_trace(
        go.Scatter(
            x=shown,
            y=names,
            mode="markers+text",
            text=["" if near else f"{_number(one.value, column)}" for one, near in zip(values, inside, strict=True)],
            textposition=["middle right" if at < 0 else "middle left" for at in shown],
            marker={"symbol": marks, "size": 10, "color": ink(), "line": {"width": 1.8, "color": ink()}},
            error_x={"type": "data", "symmetric": False, "array": up, "arrayminus": down, "color": ink(),
                     "thickness": 1.4, "width": 3},
            customdata=[*(_told(one, column) for one in values), "the plain run, cut elsewhere: 0 by definition"],
            hovertemplate="%{y}: %{customdata}<extra></extra>",
        ),
        row=1,
        col=column,
    )  # fmt: skip
    figure.update_xaxes(range=[-reach, reach], col=column)


def _told(one: Estimate, column: int) -> str:
    return f"{_number(one.value, column)} ({_number(one.low, column)} to {_number(one.high, column)})"


def _number(value: float, column: int) -> str:
    sign = "+" if value > 0 else "−" if value < 0 else ""
    return f"{sign}{area_text(abs(value)) if column == 1 else f'{abs(value):.1f}'}"


def _scaled(one: Estimate, factor: float) -> Estimate:
    return Estimate(factor * one.value, factor * one.low, factor * one.high)


def _title(gains: Sequence[Gain], ratio: str) -> str:
    helped = [gain.title for gain in gains if gain.helps]
    if helped:
        return f"{ratio}: {' and '.join(helped[:2])} gain{'s' if len(helped) == 1 else ''} beyond seed noise"
    tried = sum(gain.fine_tunes for gain in gains)
    seeds = max(gain.n_seeds for gain in gains)
    if seeds < 2:
        return f"{ratio}: one seed, so no gain can be told from noise"
    return (
        f"{ratio}: none of {tried} ways to fine-tune gains beyond seed noise" if tried else f"{ratio}: simpler models"
    )


def _reading(gains: Sequence[Gain], coming: Sequence[str]) -> str:
    first = gains[0]
    noise = ""
    if first.auc_noise == first.auc_noise:
        noise = (
            f" The grey band is what other seeds alone would do: AUC ±{area_text(NOISES * first.auc_noise)}, recall "
            f"±{100 * NOISES * first.recall_noise:.1f} points."
        )
    few = ""
    if first.few_alarms:
        few = f" The right side rests on {first.alarms:.0f} validation false alarms a run: read it with care."
    later = f" Still to come: {', '.join(map(remedy_title, coming))}." if coming else ""
    return (
        "Right of the line an arm does better than plain; 95 % intervals over test examples and seeds. Filled marks "
        f"are beyond chance (p after Holm) and beyond seed noise.{noise}{few}{later}"
    )
