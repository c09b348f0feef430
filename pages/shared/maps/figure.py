"""The picture of a map: marks by kind, what is picked lit and the rest grey, or each class as a shaded density."""

import html
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from closecall.analysis.maps.density import held_share
from closecall.charts.colours import CLASS_COLOURS, UNSELECTED, tint
from closecall.charts.figure import finish
from closecall.pages.shared.cached_io import Texts
from closecall.pages.shared.chart_view import current_theme
from closecall.pages.shared.maps.points import Kind

CROWDED = 2_000
"""From so many marks on they are drawn smaller."""
LEVELS = (0.1, 0.5)
"""The lines of a density: the wide one holds nine tenths of the class, the narrow one half."""
Range = tuple[float, float]


@dataclass(frozen=True)
class Frame:
    """What all maps of the page have in common: the window, the height, and whether densities are shaded.

    A new `turn` makes the charts anew, without what was drawn around on them. `names` are those of the axes, whose
    numbers are shown when they mean something (`measured`).
    """

    across: Range
    down: Range
    height: int
    shaded: bool
    turn: int
    names: tuple[str, str] = ("UMAP 1 (no unit)", "UMAP 2 (no unit)")
    measured: bool = False


def figure(
    points: pd.DataFrame,
    shown: list[Kind],
    marks: np.ndarray,
    lit: np.ndarray,
    *,
    frame: Frame,
    title: str,
    texts: Texts,
) -> go.Figure:
    """Scattergl, a trace for each kind, the row number in each mark's customdata.

    `marks` (n) says which rows are drawn. `lit` (rows) keep their colours, all others turn grey; none lit: all do.
    The figure says nothing of what is being drawn around on itself, or the outline would be lost with every change.
    """
    chart = go.Figure()
    if frame.shaded:
        _shade(chart, points, frame)
    number = int(marks.sum())
    for kind in shown:
        rows = kind.rows[marks[kind.rows]]
        if len(rows) or not frame.shaded:
            chart.add_trace(_trace(points, kind, rows, lit, texts, small=number >= CROWDED))
    finish(chart, theme=current_theme(), title=title, x="", y="", height=frame.height)
    chart.update_layout(
        dragmode="lasso",
        uirevision=f"keep-{frame.turn}",
        modebar={"orientation": "v", "bgcolor": "rgba(0,0,0,0)"},
        margin={"b": 72 if len(shown) <= 4 and not frame.shaded else 104},
        legend={"itemsizing": "constant", "font": {"size": 12}},
    )
    for axis, name, window in zip(("xaxis", "yaxis"), frame.names, (frame.across, frame.down), strict=True):
        chart.layout[axis].update(
            showticklabels=frame.measured,
            ticks="",
            gridcolor=current_theme().faint,
            title_text=name,
            range=list(window),
        )
    return chart


def _trace(
    points: pd.DataFrame, kind: Kind, rows: np.ndarray, lit: np.ndarray, texts: Texts, *, small: bool
) -> go.Scattergl:
    size = 6 if small else 8
    total = f"{len(rows):,}" if len(rows) == len(kind.rows) else f"{len(rows):,} of {len(kind.rows):,}"
    named = html.escape(kind.name)
    trace = go.Scattergl(
        x=points["x"].to_numpy(dtype=np.float32)[rows],
        y=points["y"].to_numpy(dtype=np.float32)[rows],
        mode="markers",
        name=f"{named} {total}",
        customdata=rows.astype(np.int32),
        text=_hover(texts, points["id"].to_numpy(dtype=object)[rows]),
        hovertemplate="%{text}<extra></extra>",
        marker={
            "color": kind.colour,
            "symbol": kind.symbol,
            "size": size - 3 if kind.faded else size,
            "opacity": 0.3 if kind.faded else 0.85,
        },
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"color": UNSELECTED, "opacity": 0.25}},
    )
    if len(lit):
        trace.selectedpoints = np.flatnonzero(np.isin(rows, lit))
    return trace


def _shade(chart: go.Figure, points: pd.DataFrame, frame: Frame) -> None:
    """Each class as two shades of its colour: where half of it lies, and where nine tenths do."""
    labels = points["label"].to_numpy()
    for label, name in ((0, "Negatives"), (1, "Positives")):
        own = points[labels == label]
        if own.empty:
            continue
        grid = held_share(own["x"], own["y"], across=frame.across, down=frame.down).astype(np.float32)
        for level in LEVELS:  # a constraint shades what it leaves out: "<" shades the thick of it
            chart.add_contour(
                z=grid,
                x=_centres(frame.across, len(grid)),
                y=_centres(frame.down, len(grid)),
                contours={"type": "constraint", "operation": "<", "value": level},
                fillcolor=tint(CLASS_COLOURS[label], 0.22),
                line={"color": CLASS_COLOURS[label], "width": 1.5 if level == LEVELS[-1] else 1},
                name=f"{name} {len(own):,}: half, nine tenths",
                legendgroup=name,
                showlegend=level == LEVELS[0],
                hoverinfo="skip",
            )


def _centres(window: Range, cells: int) -> np.ndarray:
    low, high = window
    return (low + (np.arange(cells) + 0.5) * (high - low) / cells).astype(np.float32)


def _hover(texts: Texts, ids: np.ndarray) -> list[str]:
    """The first words, broken into lines; escaped, as Plotly reads markup in them."""
    starts = texts.starts(ids, length=100)
    return ["<br>".join(html.escape(start[i : i + 50]) for i in range(0, len(start), 50)) for start in starts]
