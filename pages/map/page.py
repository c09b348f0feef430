"""See the overlap: texts laid out by the encoder, one map or two side by side, a lasso from a crowd to its texts."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from closecall.data.experiments.runs import Run
from closecall.data.experiments.store import ExperimentConfig
from closecall.pages.map.colourings import coloured, tags_mark
from closecall.pages.map.wording import drawn_said, finding, missing, reading, title
from closecall.pages.shared.cached_io import Texts, texts_of
from closecall.pages.shared.chart_view import current_theme, draw_lasso
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import headline, wide
from closecall.pages.shared.maps.figure import Frame, figure
from closecall.pages.shared.maps.picks import (
    PICKED,
    ids_of,
    lit_key,
    picked_ids,
    remember_marks,
    rows_of,
    take_in,
    turn,
)
from closecall.pages.shared.maps.points import COLOURINGS, CONFIDENCE, Kind, drawn, kinds
from closecall.pages.shared.maps.selection import SelectionContext, card, selection_part
from closecall.pages.shared.maps.sides import (
    ALONE,
    BEFORE,
    FINE_TUNED,
    FROZEN,
    Following,
    MapView,
    common_ranges,
    laid_over,
    right_choices,
    side,
)
from closecall.pages.shared.runs import run_predictions
from closecall.pages.shared.state import choose_run, choose_threshold, require_experiment
from closecall.pages.shared.url_filters import load_filters, save_filters

SHOW = ("Marks", "Density")
STARTS = {"by": COLOURINGS[0], "left": FINE_TUNED, "right": ALONE, "show": SHOW[0], "training": False, PICKED: ""}
READS: Mapping[str, Callable[[str], Any]] = {"training": lambda text: text == "True"}


def show() -> None:
    wide()
    config = require_experiment()
    run = choose_run(config)
    with st.sidebar:
        threshold = choose_threshold()
    load_filters(STARTS, READS, canary="by")
    top, controls = st.container(), st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    with controls:
        partner = choose(run)
    left = side("map-left", run, frozen=st.session_state["left"] == FROZEN, threshold=threshold)
    if left is None:
        save_filters(STARTS)
        with top:
            missing(config, run, st.session_state["left"])
        return
    right, following = other_side(left, partner, threshold)
    sides = [prepared(one) for one in (left, right) if one is not None]
    with top:
        headline(f"Map of {escape_markdown(config.title)}", finding(left, right), reading(left, right, following))
    explore(config, run, sides, threshold)
    save_filters(STARTS)


def choose(run: Run) -> Run | None:
    """The controls. The run whose outcomes the right map has, None when one map stands alone."""
    for name, options in (("by", COLOURINGS), ("left", (FINE_TUNED, FROZEN)), ("show", SHOW)):
        _within(name, options)
    st.segmented_control("Encoder", (FINE_TUNED, FROZEN), key="left", required=True)
    others = right_choices(run, st.session_state["left"])
    _within("right", (ALONE, *others))
    st.selectbox("Beside it", (ALONE, *others), key="right", width=220)
    st.selectbox("Colour by", COLOURINGS, key="by", width=200)
    st.segmented_control("Show", SHOW, key="show", required=True)
    st.toggle("Training texts", key="training")
    return others.get(st.session_state["right"])


def other_side(left: MapView, partner: Run | None, threshold: float) -> tuple[MapView | None, Following | None]:
    """The right map laid over the left one."""
    if partner is None:
        return None, None
    other = side("map-right", partner, frozen=st.session_state["right"] == BEFORE, threshold=threshold)
    return (None, None) if other is None else laid_over(left, other)


def prepared(one: MapView) -> MapView:
    """With or without training texts, and with what the colours need."""
    points = one.points
    if not st.session_state["training"] and st.session_state["by"] != CONFIDENCE:
        points = points[points["split"] != "train"].reset_index(drop=True)
    return replace(one, points=coloured(points, one, st.session_state["by"]))


def explore(config: ExperimentConfig, run: Run, sides: list[MapView], threshold: float) -> None:
    """The maps, and beside or below them what was drawn around."""
    legends = {one.key: kinds(one.points, st.session_state["by"]) for one in sides}
    take_in(sides, legends)
    ids, lost = picked_ids(config.id)
    texts = texts_of(config.dataset)
    desk = SelectionContext(config, run, run_predictions(config.id), texts, threshold)
    alone = len(sides) == 1
    columns = st.columns([3, 2] if alone else 2, gap="medium" if alone else "small")
    below = columns[1] if alone else st.container()
    shaded = st.session_state["show"] != SHOW[0]
    frame = Frame(*common_ranges(sides), height=560 if alone else 450, shaded=shaded, turn=turn())
    for column, one in zip(columns, sides, strict=False):
        with column:
            number = chart(one, legends[one.key], frame, desk, named=not alone)
            if one is sides[0] and (caption := drawn_said(number, len(one.points), shaded=shaded)):
                st.caption(caption)
    with below:
        if lost:
            st.error(escape_markdown(lost), icon=":material/error:")
        read(desk, sides, ids)


def chart(one: MapView, legend: list[Kind], frame: Frame, desk: SelectionContext, *, named: bool) -> int:
    """One map. How many marks it draws."""
    controls = tuple(st.session_state[name] for name in ("by", "left", "right", "training"))
    look = (
        one.mark,
        frame,
        named,
        current_theme().dark,
        desk.threshold,
        controls,
        tags_mark(desk.config.id, controls[0]),
    )
    lit = lit_key(one, look)
    said = title(one, named=named)
    picture, marks = _picture(one.points, legend, frame, desk.texts, (said, look, lit))
    remember_marks(one, marks)
    alt = f"{said}. Colours and marks: {', '.join(kind.name for kind in legend)}."
    draw_lasso(picture, key=one.key, alt=alt)
    return int(marks.sum())


def read(desk: SelectionContext, sides: list[MapView], ids: np.ndarray) -> None:
    """What is picked: the table, and the text that was clicked."""
    if not len(ids):
        st.info("Nothing is selected. Draw a lasso on a map; its texts are listed here.", icon=":material/gesture:")
        return
    points = pd.concat([one.points.iloc[rows_of(one.points, ids)] for one in sides]).drop_duplicates("id")
    if points.empty:
        st.info("None of the selected texts is on these maps. Show training texts, perhaps.", icon=":material/info:")
        return
    if len(sides) == 1:
        card(desk, selection_part(desk, points))
        return
    table, text = st.columns(2, gap="medium")
    with table:
        chosen = selection_part(desk, points)
    with text:
        card(desk, chosen)


@st.cache_resource(max_entries=8, show_spinner=False)
def _picture(
    _points: pd.DataFrame, _legend: list[Kind], _frame: Frame, _texts: Texts, key: tuple[str, tuple[Any, ...], str]
) -> tuple[go.Figure, np.ndarray]:
    """The figure of a map and which rows (n) have a mark on it. `key` has all that they depend on."""
    title, look, lit_key = key
    lit = rows_of(_points, ids_of(look[0][0], lit_key))
    marks = drawn(_points, lit, errors_only=_frame.shaded)
    return figure(_points, _legend, marks, lit, frame=_frame, title=title, texts=_texts), marks


def _within(name: str, options: tuple[str, ...]) -> None:
    """A choice that is not on offer falls back to the first."""
    if st.session_state[name] not in options:
        st.session_state[name] = options[0]


show()
