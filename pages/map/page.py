"""The Map page: a projection of the texts, one map or two side by side, with a lasso to select and read texts."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from closecall.charts.map import MapFrame
from closecall.charts.point_groups import COLOURINGS, CONFIDENCE, point_groups
from closecall.data.experiments.runs import Run
from closecall.pages.map.colourings import tags_stamp, with_colouring
from closecall.pages.map.selection import example_panel, selection_panel
from closecall.pages.map.wording import chart_title, finding, how_to_read, points_caption, show_missing_map
from closecall.pages.shared.cached_io import texts_of
from closecall.pages.shared.chart_view import current_theme
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import headline, wide
from closecall.pages.shared.maps.map_chart import (
    PICKED,
    draw_map,
    revision,
    rows_of,
    selected_ids,
    update_selection,
)
from closecall.pages.shared.maps.selection import SelectionContext
from closecall.pages.shared.maps.views import (
    FINE_TUNED,
    FROZEN,
    FROZEN_MAP,
    NO_SECOND_MAP,
    MapView,
    NeighbourAgreement,
    aligned,
    common_ranges,
    map_view,
    second_map_choices,
)
from closecall.pages.shared.runs import run_predictions
from closecall.pages.shared.state import choose_run, choose_threshold, require_experiment
from closecall.pages.shared.url_filters import load_filters, save_filters

SHOW = ("Points", "Density")
DEFAULTS = {
    "by": COLOURINGS[0],
    "left": FINE_TUNED,
    "right": NO_SECOND_MAP,
    "show": SHOW[0],
    "training": False,
    PICKED: "",
}
# Values in URLs of earlier versions.
_RENAMED = {"One map alone": NO_SECOND_MAP, "Before training (frozen)": FROZEN_MAP, "Marks": SHOW[0]}
PARSERS: Mapping[str, Callable[[str], Any]] = {
    "training": lambda text: text == "True",
    "right": lambda text: _RENAMED.get(text, text),
    "show": lambda text: _RENAMED.get(text, text),
}


def show() -> None:
    wide()
    config = require_experiment()
    run = choose_run(config)
    with st.sidebar:
        threshold = choose_threshold()
    load_filters(DEFAULTS, PARSERS, canary="by")
    top, controls = st.container(), st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    with controls:
        second_run = show_controls(run)
    first = map_view("map-left", run, frozen=st.session_state["left"] == FROZEN, threshold=threshold)
    if first is None:
        save_filters(DEFAULTS)
        with top:
            show_missing_map(config, run, st.session_state["left"])
        return
    second, agreement = second_view(first, second_run, threshold)
    views = [with_colours(view) for view in (first, second) if view is not None]
    with top:
        headline(f"Map of {escape_markdown(config.title)}", finding(first, second), how_to_read(first, agreement))
    context = SelectionContext(config, run, run_predictions(config.id), texts_of(config.dataset), threshold)
    show_maps(context, views)
    save_filters(DEFAULTS)


def show_controls(run: Run) -> Run | None:
    """The controls. Returns the run whose outcomes the second map shows, None for one map."""
    for name, options in (("by", COLOURINGS), ("left", (FINE_TUNED, FROZEN)), ("show", SHOW)):
        _reset_unknown(name, options)
    st.segmented_control(
        "Encoder",
        (FINE_TUNED, FROZEN),
        key="left",
        required=True,
        help="Whose embeddings are projected (UMAP). Fine-tuned: the encoder of this run, after training. Frozen: the "
        "pretrained encoder, before any fine-tuning.",
    )
    others = second_map_choices(run, st.session_state["left"])
    _reset_unknown("right", (NO_SECOND_MAP, *others))
    st.selectbox("Second map", (NO_SECOND_MAP, *others), key="right", width=180)
    st.selectbox(
        "Colour by",
        COLOURINGS,
        key="by",
        width=200,
        help="Outcome group: how the outcome of a positive changes across ratios. Confidence in training: the mean "
        "probability of the labelled class over the epochs. Cluster: k-means clusters of the frozen embeddings.",
    )
    st.segmented_control("Show", SHOW, key="show", required=True)
    st.toggle("Training texts", key="training")
    return others.get(st.session_state["right"])


def second_view(
    first: MapView, second_run: Run | None, threshold: float
) -> tuple[MapView | None, NeighbourAgreement | None]:
    """The second map, aligned with the first, and how far their neighbourhoods agree."""
    if second_run is None:
        return None, None
    frozen = st.session_state["right"] == FROZEN_MAP
    second = map_view("map-right", second_run, frozen=frozen, threshold=threshold)
    return (None, None) if second is None else aligned(first, second)


def with_colours(view: MapView) -> MapView:
    """The view with or without training texts, and with the columns that its colours need."""
    points = view.points
    if not st.session_state["training"] and st.session_state["by"] != CONFIDENCE:
        points = points[points["split"] != "train"].reset_index(drop=True)
    return replace(view, points=with_colouring(points, view, st.session_state["by"]))


def show_maps(context: SelectionContext, views: list[MapView]) -> None:
    """The maps, and the selected texts beside a single map or below two."""
    colouring, theme = st.session_state["by"], current_theme()
    groups = {view.key: point_groups(view.points, colouring, theme=theme) for view in views}
    update_selection(views, groups)
    ids, error = selected_ids(context.config.id)
    single = len(views) == 1
    columns = st.columns([3, 2] if single else 2, gap="medium" if single else "small")
    panel = columns[1] if single else st.container()
    densities = st.session_state["show"] != SHOW[0]
    frame = MapFrame(*common_ranges(views), 560 if single else 450, densities=densities, revision=revision())
    controls = (*(st.session_state[name] for name in ("by", "left", "right", "training")), context.threshold)
    controls = (*controls, tags_stamp(context.config.id, colouring))
    for column, view in zip(columns, views, strict=False):
        with column:
            title = chart_title(view, named=not single)
            drawn = draw_map(view, groups[view.key], frame, context.texts, title=title, controls=controls)
            if view is views[0] and (caption := points_caption(drawn, len(view.points), densities=densities)):
                st.caption(caption)
    with panel:
        if error:
            st.error(escape_markdown(error), icon=":material/error:")
        show_selection(context, views, ids)


def show_selection(context: SelectionContext, views: list[MapView], ids: np.ndarray) -> None:
    """The table of the selected texts and the text that was clicked."""
    if not len(ids):
        st.info("No texts are selected. Draw a lasso on a map to list its texts here.", icon=":material/gesture:")
        return
    points = pd.concat([view.points.iloc[rows_of(view.points, ids)] for view in views]).drop_duplicates("id")
    if points.empty:
        st.info(
            "None of the selected texts is on this map. They may be training texts: switch on “Training texts”.",
            icon=":material/info:",
        )
        return
    if len(views) == 1:
        example_panel(context, selection_panel(context, points))
        return
    table, text = st.columns(2, gap="medium")
    with table:
        clicked = selection_panel(context, points)
    with text:
        example_panel(context, clicked)


def _reset_unknown(name: str, options: tuple[str, ...]) -> None:
    """Set a choice that is not available to the first option."""
    if st.session_state[name] not in options:
        st.session_state[name] = options[0]


show()
