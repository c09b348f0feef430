"""Map charts on a page, and the points selected on them.

A chart loses its own selection whenever its figure changes, so the page keeps the selected ids itself, saved under a
key that the URL carries (`picked`). Every map highlights them, except the one they were drawn on: its figure stays the
same, and so do its outline and its zoom.
"""

import json
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from closecall.analysis.maps.point_in_polygon import points_in_polygon
from closecall.charts.colours import Theme
from closecall.charts.map import HOVER_LENGTH, MapFrame, map_figure, rows_to_draw
from closecall.charts.point_groups import PointGroup
from closecall.data.annotations.selections import load_selection, save_selection
from closecall.data.io.errors import UserError
from closecall.pages.shared.cached_io import Texts, places_of
from closecall.pages.shared.chart_view import current_theme, draw_lasso
from closecall.pages.shared.maps.views import MapView

PICKED = "picked"
"""The session and URL name of the selection's key."""
_DRAWN_ON, _REVISION = "map-drawn-on", "map-revision"
FigureKey = tuple[Hashable, ...]
"""All that a figure depends on besides the highlighted points."""


def draw_map(
    view: MapView, groups: list[PointGroup], frame: MapFrame, texts: Texts, *, title: str, controls: FigureKey
) -> int:
    """Draw a map with the selection highlighted. Returns how many points it has.

    `controls` has the values of the controls and whatever else `groups` depends on.
    """
    depends_on = (view.stamps, frame, current_theme(), title, controls)
    highlighted = highlighted_selection(view, depends_on)
    figure, drawn = _figure(
        view.points, groups, texts, frame, current_theme(), title, view.run.config.experiment, highlighted, depends_on
    )
    st.session_state[f"drawn-{view.key}"] = drawn
    alt = f"{title}. Colours and symbols: {', '.join(group.name for group in groups)}."
    draw_lasso(figure, key=view.key, alt=alt)
    return int(drawn.sum())


def update_selection(views: Sequence[MapView], groups: Mapping[str, list[PointGroup]], *, source: str = "map") -> None:
    """Save what was drawn around since the last run as the selection; removing the outline clears it.

    `groups` are those of each view by its key, `source` the kind of map that the selection is recorded under.
    """
    for view in views:
        event = _event(st.session_state.get(view.key))
        if event == st.session_state.get(_seen(view.key), ""):
            continue
        st.session_state[_seen(view.key)] = event
        if not event:
            st.session_state[PICKED] = ""
            continue
        rows = rows_inside(json.loads(event), view.points, _drawn_and_all(view, groups[view.key]))
        if not len(rows):
            clear_selection()
            continue
        ids = view.points["id"].to_numpy(dtype=object)[rows]
        picked = save_selection(view.run.config.experiment, ids, source=f"{source} of {view.name}")
        st.session_state[PICKED] = picked
        st.session_state[_DRAWN_ON] = (view.key, picked)


def selected_ids(experiment: str) -> tuple[np.ndarray, str]:
    """The selected ids, and an error message when the URL names a selection that does not exist."""
    try:
        return _ids(experiment, st.session_state[PICKED]), ""
    except UserError as error:
        st.session_state[PICKED] = ""
        return _ids(experiment, ""), str(error)


def highlighted_selection(view: MapView, depends_on: FigureKey) -> str:
    """The key of the selection that this map highlights: the current one, or the previous if it was drawn on this map.

    When the figure changes in another way (`depends_on`) the chart's own outline is lost, and the map highlights the
    current selection too.
    """
    picked, kept = st.session_state[PICKED], f"highlighted-{view.key}"
    last_depends_on, last = st.session_state.get(kept, ((), ""))
    drawn_here = st.session_state.get(_DRAWN_ON) == (view.key, picked) and bool(picked)
    highlighted = last if drawn_here and last_depends_on == depends_on else picked
    if (depends_on, highlighted) != (last_depends_on, last):
        st.session_state[_seen(view.key)] = ""
    st.session_state[kept] = (depends_on, highlighted)
    return highlighted


def clear_selection() -> None:
    """Select nothing and redraw the maps without outlines."""
    st.session_state[PICKED] = ""
    st.session_state[_REVISION] = revision() + 1


def revision() -> int:
    """How often the selection was cleared in this session: a new value resets the charts in the browser."""
    return int(st.session_state.get(_REVISION, 0))


def rows_of(points: pd.DataFrame, ids: np.ndarray) -> np.ndarray:
    """The rows of a map whose ids are among these, in the order of the map."""
    places = places_of(pd.Index(points["id"]), ids)
    return np.sort(places[places >= 0])


def rows_inside(
    event: dict[str, Any], points: pd.DataFrame, groups: Sequence[tuple[np.ndarray, np.ndarray]]
) -> np.ndarray:
    """The rows inside the outlines, drawn or not; without an outline, the rows that were clicked.

    `event` has the rows of the points that the browser reports, and outlines (x, y). `groups` has the drawn rows and
    all rows of each group. A group with drawn points inside of which none is reported is hidden in the legend: its
    rows are left out.
    """
    reported = np.array(event["rows"], dtype=np.int64)
    reported = np.unique(reported[(reported >= 0) & (reported < len(points))])
    if not event["outlines"]:
        return reported
    x, y = points["x"].to_numpy(), points["y"].to_numpy()
    inside = np.zeros(len(points), dtype=bool)
    for outline in event["outlines"]:
        inside |= points_in_polygon(x, y, *outline)
    for drawn, rows in groups:
        drawn_inside = drawn[inside[drawn]]
        if len(drawn_inside) and not np.isin(drawn_inside, reported).any():
            inside[rows] = False
    return np.flatnonzero(inside)


@st.cache_data(max_entries=8, show_spinner=False)
def _ids(experiment: str, key: str) -> np.ndarray:
    """The ids of a selection, none for the key "". A key belongs to one content, so the cache never goes stale."""
    return np.array(load_selection(experiment, key).ids if key else (), dtype=object)


@st.cache_resource(max_entries=8, show_spinner=False)
def _figure(
    _points: pd.DataFrame,
    _groups: list[PointGroup],
    _texts: Texts,
    _frame: MapFrame,
    _theme: Theme,
    _title: str,
    experiment: str,
    highlighted: str,
    depends_on: FigureKey,
) -> tuple[go.Figure, np.ndarray]:
    """The figure of a map and which of its rows (n booleans) have a point."""
    rows = rows_of(_points, _ids(experiment, highlighted))
    drawn = rows_to_draw(_points, rows, errors_only=_frame.densities)
    hover = np.full(len(_points), "", dtype=object)
    hover[drawn] = _texts.starts(_points["id"].to_numpy(dtype=object)[drawn], length=HOVER_LENGTH)
    figure = map_figure(_points, _groups, drawn, rows, hover=hover, frame=_frame, title=_title, theme=_theme)
    return figure, drawn


def _drawn_and_all(view: MapView, groups: list[PointGroup]) -> list[tuple[np.ndarray, np.ndarray]]:
    """The drawn rows and all rows of each group; none when the map has changed since it was drawn."""
    drawn = st.session_state.get(f"drawn-{view.key}", np.zeros(0, dtype=bool))
    if len(drawn) != len(view.points):
        return []
    return [(group.rows[drawn[group.rows]], group.rows) for group in groups]


def _event(value: Any) -> str:
    """A chart's selection as JSON with the reported rows and the outlines, "" for none."""
    selection = value["selection"] if value else {}
    numbers = [point.get("customdata") for point in selection.get("points", [])]
    rows = sorted(int(one[0] if isinstance(one, list) else one) for one in numbers if one is not None)
    outlines = [[one["x"], one["y"]] for one in selection.get("lasso", [])]
    outlines += [_corners(one["x"], one["y"]) for one in selection.get("box", [])]
    return json.dumps({"rows": rows, "outlines": outlines}) if rows or outlines else ""


def _corners(x: Sequence[float], y: Sequence[float]) -> list[list[float]]:
    return [[x[0], x[1], x[1], x[0]], [y[0], y[0], y[1], y[1]]]


def _seen(key: str) -> str:
    return f"event-{key}"
