"""What training found easy and what it never learned: confidence against variability, and the way of each positive."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from closecall.analysis.formatting import count_text, probability_text
from closecall.data.experiments.runs import Run
from closecall.data.experiments.store import ExperimentConfig, ratio_label
from closecall.models.results.data_map_table import why_no_data_map
from closecall.models.results.run_predictions import TRAIN
from closecall.pages.data_map.movement import movement_part
from closecall.pages.data_map.points import class_title, data_map_kinds, data_map_points
from closecall.pages.data_map.selection import training_selection
from closecall.pages.shared.cached_io import Texts, stamp, texts_of
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
from closecall.pages.shared.maps.points import Kind, drawn
from closecall.pages.shared.maps.selection import SelectionContext
from closecall.pages.shared.maps.sides import MapView
from closecall.pages.shared.runs import run_predictions
from closecall.pages.shared.state import DEFAULT_THRESHOLD, choose_run, require_experiment
from closecall.pages.shared.training_dynamics import Positives, data_map_of, positives_over_ratios
from closecall.pages.shared.url_filters import load_filters, save_filters

VIEWS = ("One ratio", "From ratio to ratio")
CLASSES = ("Both classes", "Positives", "Negatives")
STARTS = {"view": VIEWS[0], "class": CLASSES[0], PICKED: ""}
READS: Mapping[str, Callable[[str], Any]] = {}
FEW_EPOCHS = 5


def show() -> None:
    wide()
    config = require_experiment()
    run = choose_run(config)
    load_filters(STARTS, READS, canary="view")
    found, positives = data_map_of(run), positives_over_ratios(config.id)
    if found is None:
        headline(f"Data map of {escape_markdown(config.title)}", "There is no data map to show.")
        st.info(escape_markdown(why_no_data_map(config, run)), icon=":material/info:")
        st.page_link("pages/train/page.py", label="Train classifiers here", icon=":material/arrow_forward:")
        return
    headline(f"Data map of {escape_markdown(config.title)}", finding(found, positives, run), reading(found))
    choose()
    if st.session_state["view"] == VIEWS[1]:
        movement_part(config, run, positives)
    else:
        explore(config, run, found)
    save_filters(STARTS)


def choose() -> None:
    """The controls."""
    for name, options in (("view", VIEWS), ("class", CLASSES)):
        if st.session_state[name] not in options:
            st.session_state[name] = options[0]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        st.segmented_control("Show", VIEWS, key="view", required=True)
        if st.session_state["view"] == VIEWS[0]:
            st.segmented_control("Training texts of", CLASSES, key="class", required=True)


def finding(found: pd.DataFrame, positives: Positives | None, run: Run) -> str:
    """How the same positives fare from the smallest ratio to the largest; of one ratio how many were not learned."""
    if positives is None or len(positives.ratios) < 2 or not len(positives.ids):
        own = found[found["label"] == 1]
        never = int((own["correctness"] == 0).sum())
        return f"At {ratio_label(run.config.ratio)} training never got {never:,} of {len(own):,} positives right."
    first, last = (ratio_label(one) for one in (positives.ratios[0], positives.ratios[-1]))
    start, end = (escape_markdown(probability_text(float(np.median(positives.confidence[at])))) for at in (0, -1))
    few, many = (int((positives.correctness[at] == 0).sum()) for at in (0, -1))
    return (
        f"Of the same {len(positives.ids):,} positives {many:,} are never right in training with any seed at {last}, "
        f"{few:,} at {first}; the median confidence is {end} against {start}."
    )


def reading(found: pd.DataFrame) -> str:
    """How to read it, and how far the number of epochs carries."""
    epochs = int(found["epochs"].max())
    few = ""
    if epochs == 1:
        few = " One epoch tells no variability: only the height means something here."
    elif epochs < FEW_EPOCHS:
        few = f" {count_text(epochs, 'epoch')} are few: read crowds and ranks, not single digits."
    return (
        f"Confidence is the probability of a text's own class while training, the mean over "
        f"{count_text(epochs, 'epoch')}; variability is its standard deviation. Low and steady is "
        f"hard to learn: look at the label first.{few}"
    )


def explore(config: ExperimentConfig, run: Run, found: pd.DataFrame) -> None:
    """The data map of one ratio, and beside it what was drawn around."""
    points = data_map_points(found, st.session_state["class"])
    mark = (config.id, run.name, "data map", stamp(run.folder / "dynamics.npz"))
    side = MapView("data-map", run, False, points, mark)
    legend = data_map_kinds(points)
    take_in([side], {side.key: legend}, what="data map")
    ids, lost = picked_ids(config.id)
    desk = SelectionContext(config, run, run_predictions(config.id, TRAIN), texts_of(config.dataset), DEFAULT_THRESHOLD)
    place, below = st.columns([3, 2], gap="medium")
    with place:
        chart(side, legend, desk)
    with below:
        if lost:
            st.error(escape_markdown(lost), icon=":material/error:")
        training_selection(desk, found, ids)


def chart(side: MapView, legend: list[Kind], desk: SelectionContext) -> None:
    names = ("variability: standard deviation over epochs", "confidence: mean probability of its own class")
    frame = Frame((-0.02, 0.52), (-0.03, 1.03), 560, shaded=False, turn=turn(), names=names, measured=True)
    look = (side.mark, frame, current_theme().dark, st.session_state["class"])
    said = class_title(side.points, ratio_label(side.run.config.ratio))
    picture, marks = _picture(side.points, legend, frame, desk.texts, (said, look, lit_key(side, look)))
    remember_marks(side, marks)
    alt = f"{said}. Marks: {', '.join(kind.name for kind in legend)}."
    draw_lasso(picture, key=side.key, alt=alt)
    regions = (
        "By thirds of its own class: ambiguous is the third that varied most; of the rest, hard to learn lies in the "
        "third with the lowest confidence, easy in the third with the highest."
    )
    easy, hard = ((side.points["region"] == one).to_numpy() for one in ("easy", "hard to learn"))
    below = (side.points["y"] < 0.5).to_numpy()
    if (easy & below).any() or (hard & ~below).any():
        regions += (
            f" The names are ranks, no more: here {count_text(int((easy & below).sum()), 'easy text')} and "
            f"{int((hard & below).sum()):,} of {int(hard.sum()):,} hard ones have a confidence below .5."
        )
    sampled = (
        "" if marks.all() else f" Marks are drawn for {int(marks.sum()):,} of {len(marks):,} texts, a fair sample."
    )
    st.caption(regions + sampled)


@st.cache_resource(max_entries=8, show_spinner=False)
def _picture(
    _points: pd.DataFrame, _legend: list[Kind], _frame: Frame, _texts: Texts, key: tuple[str, tuple[Any, ...], str]
) -> tuple[go.Figure, np.ndarray]:
    """The figure and which rows (n) have a mark on it. `key` has all that they depend on."""
    title, look, lit = key
    rows = rows_of(_points, ids_of(look[0][0], lit))
    marks = drawn(_points, rows)
    return figure(_points, _legend, marks, rows, frame=_frame, title=title, texts=_texts), marks


show()
