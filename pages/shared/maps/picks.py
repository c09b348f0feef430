"""What was drawn around on the maps: from an event to ids, kept under a key that the URL carries and every map lights.

A chart's own selection is lost whenever its figure changes, so the page keeps the picks itself. Drawing on one map
changes the figure of the other only; the map that was drawn on keeps its outline and its zoom.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.maps.point_in_polygon import points_in_polygon
from closecall.data.annotations.selections import load_selection, save_selection
from closecall.data.io.errors import UserError
from closecall.pages.shared.cached_io import places_of
from closecall.pages.shared.maps.points import Kind
from closecall.pages.shared.maps.sides import MapView

PICKED = "picked"
_DRAWN_ON, _TURN = "map-drawn-on", "map-turn"


def take_in(sides: Sequence[MapView], legends: Mapping[str, list[Kind]], *, what: str = "map") -> None:
    """Keep what was drawn around since the last run as the picks; an outline taken away clears them."""
    for side in sides:
        event = _event(st.session_state.get(side.key))
        if event == st.session_state.get(_seen(side.key), ""):
            continue
        st.session_state[_seen(side.key)] = event
        if not event:
            st.session_state[PICKED] = ""
            continue
        rows = rows_inside(json.loads(event), side.points, _switchable(side, legends[side.key]))
        if not len(rows):
            clear()
            continue
        ids = side.points["id"].to_numpy(dtype=object)[rows]
        source = f"{what} {side.name}" if side.frozen else f"{what} of {side.name}"
        picked = save_selection(side.run.config.experiment, ids, source=source)
        st.session_state[PICKED] = picked
        st.session_state[_DRAWN_ON] = (side.key, picked)


def picked_ids(experiment: str) -> tuple[np.ndarray, str]:
    """The ids that are picked, and why there are none when the URL names a selection that is not there."""
    key = st.session_state[PICKED]
    try:
        return ids_of(experiment, key), ""
    except UserError as error:
        st.session_state[PICKED] = ""
        return ids_of(experiment, ""), str(error)


def lit_key(side: MapView, look: tuple[Any, ...]) -> str:
    """The selection that this map's figure lights: the picks, but for those drawn on itself the ones from before.

    `look` is all else that the figure depends on: when it changes the chart's own outline is lost, and so is lit anew.
    """
    picked, kept = st.session_state[PICKED], f"lit-{side.key}"
    last_look, last_lit = st.session_state.get(kept, ((), ""))
    own = st.session_state.get(_DRAWN_ON) == (side.key, picked) and bool(picked)
    lit = last_lit if own and last_look == look else picked
    if (look, lit) != (last_look, last_lit):
        st.session_state[_seen(side.key)] = ""
    st.session_state[kept] = (look, lit)
    return lit


def clear() -> None:
    """Nothing is picked, and the maps are drawn anew without outlines."""
    st.session_state[PICKED] = ""
    st.session_state[_TURN] = turn() + 1


def turn() -> int:
    """How often the maps were cleared in this session."""
    return int(st.session_state.get(_TURN, 0))


def rows_of(points: pd.DataFrame, ids: np.ndarray) -> np.ndarray:
    """The rows of a map that are among the ids, in the order of the map."""
    places = places_of(pd.Index(points["id"]), ids)
    return np.sort(places[places >= 0])


def remember_marks(side: MapView, marks: np.ndarray) -> None:
    """Which rows (n) this map now draws, to tell later what was switched off in its legend."""
    st.session_state[f"marks-{side.key}"] = marks


def rows_inside(
    event: dict[str, Any], points: pd.DataFrame, kinds: Sequence[tuple[np.ndarray, np.ndarray]]
) -> np.ndarray:
    """The rows inside what was drawn, whether they have a mark or not; what was clicked when nothing was drawn.

    `event` has rows (of the marks that were caught) and outlines (x, y). Each of `kinds` holds the drawn rows
    of a kind and all its rows: a kind none of whose marks inside was caught is switched off in the legend: left out.
    """
    caught = np.array(event["rows"], dtype=np.int64)
    caught = np.unique(caught[(caught >= 0) & (caught < len(points))])
    if not event["outlines"]:
        return caught
    x, y = points["x"].to_numpy(), points["y"].to_numpy()
    found = np.zeros(len(points), dtype=bool)
    for outline in event["outlines"]:
        found |= points_in_polygon(x, y, *outline)
    for drawn, rows in kinds:
        within = drawn[found[drawn]]
        if len(within) and not np.isin(within, caught).any():
            found[rows] = False
    return np.flatnonzero(found)


@st.cache_data(max_entries=8, show_spinner=False)
def ids_of(experiment: str, key: str) -> np.ndarray:
    """The ids of a selection, none for the key "". A key stands for its content, so this never grows old."""
    return np.array(load_selection(experiment, key).ids if key else (), dtype=object)


def _switchable(side: MapView, legend: list[Kind]) -> list[tuple[np.ndarray, np.ndarray]]:
    """The drawn rows and all rows of each kind."""
    marks = st.session_state.get(f"marks-{side.key}", np.zeros(0, dtype=bool))
    if len(marks) != len(side.points):
        return []
    return [(kind.rows[marks[kind.rows]], kind.rows) for kind in legend]


def _event(value: Any) -> str:
    """A chart's selection as JSON with the caught rows and the outlines, "" for none."""
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
