"""The figure of a map: points by group, the selection highlighted, or each class as a shaded density.

Two choices keep large maps fast. Arrays stay numpy arrays, which Plotly sends packed. And a point carries its row
number only, as customdata; the page looks the text up by it.
"""

import html
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from closecall.analysis.maps.density import mass_at_lower_density
from closecall.charts.colours import CLASS_COLOURS, UNSELECTED, Theme, tint
from closecall.charts.figure import finish
from closecall.charts.point_groups import PointGroup

MOST_POINTS = 8_000
"""More points than these overlap to a blot, and each costs time in a browser without a GPU."""
CROWDED = 2_000
"""From this number of points on, they are drawn smaller."""
DENSITY_LEVELS = (0.1, 0.5)
"""The outer contour contains 90 % of the class, the inner one 50 %."""
HOVER_LENGTH = 100
"""Characters of a text in the hover label."""
Range = tuple[float, float]


@dataclass(frozen=True)
class MapFrame:
    """What all maps of a page share: the ranges of both axes, the height (px), and whether densities are drawn.

    A new `revision` resets the charts in the browser: zoom and outlines are lost. `ticks`: whether the numbers on the
    axes are shown; those of a projection have no meaning.
    """

    x_range: Range
    y_range: Range
    height: int
    densities: bool
    revision: int
    axis_names: tuple[str, str] = ("UMAP 1 (no unit)", "UMAP 2 (no unit)")
    ticks: bool = False


def map_figure(
    points: pd.DataFrame,
    groups: list[PointGroup],
    drawn: np.ndarray,
    highlighted: np.ndarray,
    *,
    hover: np.ndarray,
    frame: MapFrame,
    title: str,
    theme: Theme,
) -> go.Figure:
    """A scatter plot (WebGL) with one trace for each group and the row number as each point's customdata.

    `points` (n rows) has x, y and label; `drawn` (n booleans) marks the rows with a point (see `rows_to_draw`);
    `hover` (n) has the first words of the drawn ones. The `highlighted` rows keep their colours and all others turn
    grey; without any, all keep them.
    """
    figure = go.Figure()
    if frame.densities:
        _add_densities(figure, points, frame)
    small = int(drawn.sum()) >= CROWDED
    for group in groups:
        rows = group.rows[drawn[group.rows]]
        if len(rows) or not frame.densities:
            figure.add_trace(_trace(points, group, rows, highlighted, hover, small=small))
    finish(figure, theme=theme, title=title, x="", y="", height=frame.height)
    figure.update_layout(
        dragmode="lasso",
        uirevision=f"keep-{frame.revision}",
        modebar={"orientation": "v", "bgcolor": "rgba(0,0,0,0)"},
        margin={"b": 72 if len(groups) <= 4 and not frame.densities else 104},
        legend={"itemsizing": "constant", "font": {"size": 12}},
    )
    for axis, name, limits in zip(("xaxis", "yaxis"), frame.axis_names, (frame.x_range, frame.y_range), strict=True):
        figure.layout[axis].update(
            showticklabels=frame.ticks, ticks="", gridcolor=theme.faint, title_text=name, range=list(limits)
        )
    return figure


def rows_to_draw(
    points: pd.DataFrame, always: np.ndarray, *, errors_only: bool = False, limit: int = MOST_POINTS
) -> np.ndarray:
    """Which rows get a point (n booleans): all up to `limit`, else false negatives, `always` (rows) and a sample.

    False positives get at most half of the room that is left, the others the rest. The sample depends on the ids only,
    so every map draws the same texts. `errors_only`: false negatives, false positives and `always`, nothing else.
    """
    if len(points) <= limit and not errors_only:
        return np.ones(len(points), dtype=bool)
    outcome = points["outcome"].to_numpy(dtype=object)
    kept = outcome == "fn"
    kept[always[:limit]] = True
    false_positives = (outcome == "fp") & ~kept
    parts = [(false_positives, 1)] if errors_only else [(false_positives, 2), (~kept & ~false_positives, 1)]
    order = pd.util.hash_array(points["id"].to_numpy(dtype=object))
    for part, share in parts:
        room = max(0, limit - int(kept.sum())) // share
        rows = np.flatnonzero(part)
        kept[rows[np.argsort(order[rows], kind="stable")[:room]]] = True
    return kept


def _trace(
    points: pd.DataFrame,
    group: PointGroup,
    rows: np.ndarray,
    highlighted: np.ndarray,
    hover: np.ndarray,
    *,
    small: bool,
) -> go.Scattergl:
    size = 6 if small else 8
    total = f"{len(rows):,}" if len(rows) == len(group.rows) else f"{len(rows):,} of {len(group.rows):,}"
    trace = go.Scattergl(
        x=points["x"].to_numpy(dtype=np.float32)[rows],
        y=points["y"].to_numpy(dtype=np.float32)[rows],
        mode="markers",
        name=f"{html.escape(group.name)} {total}",
        customdata=rows.astype(np.int32),
        text=[_hover_label(text) for text in hover[rows]],
        hovertemplate="%{text}<extra></extra>",
        marker={
            "color": group.colour,
            "symbol": group.symbol,
            "size": size - 3 if group.faded else size,
            "opacity": 0.3 if group.faded else 0.85,
        },
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"color": UNSELECTED, "opacity": 0.25}},
    )
    if len(highlighted):
        trace.selectedpoints = np.flatnonzero(np.isin(rows, highlighted))
    return trace


def _add_densities(figure: go.Figure, points: pd.DataFrame, frame: MapFrame) -> None:
    """Each class as two shaded regions: the densest that contain 50 % and 90 % of it."""
    labels = points["label"].to_numpy()
    for label, name in ((0, "Negatives"), (1, "Positives")):
        own = points[labels == label]
        if own.empty:
            continue
        grid = mass_at_lower_density(own["x"], own["y"], across=frame.x_range, down=frame.y_range).astype(np.float32)
        for level in DENSITY_LEVELS:  # a constraint shades what does not meet it: "<" shades the dense cells
            figure.add_contour(
                z=grid,
                x=_cell_centres(frame.x_range, len(grid)),
                y=_cell_centres(frame.y_range, len(grid)),
                contours={"type": "constraint", "operation": "<", "value": level},
                fillcolor=tint(CLASS_COLOURS[label], 0.22),
                line={"color": CLASS_COLOURS[label], "width": 1.5 if level == DENSITY_LEVELS[-1] else 1},
                name=f"{name} {len(own):,}: 50 % and 90 %",
                legendgroup=name,
                showlegend=level == DENSITY_LEVELS[0],
                hoverinfo="skip",
            )


def _cell_centres(limits: Range, cells: int) -> np.ndarray:
    low, high = limits
    return (low + (np.arange(cells) + 0.5) * (high - low) / cells).astype(np.float32)


def _hover_label(text: str) -> str:
    """The first words, broken into lines and escaped, because Plotly reads markup in hover labels."""
    return "<br>".join(html.escape(text[i : i + 50]) for i in range(0, len(text), 50))
