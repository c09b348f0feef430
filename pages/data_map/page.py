"""The Data map page: training dynamics of one run, and how the same positives change across ratios."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.formatting import count_text, probability_text, ratio_text
from closecall.charts.data_map import (
    data_map_frame,
    data_map_groups,
    data_map_points,
    data_map_title,
)
from closecall.data.experiments.runs import Run
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.results.example_tables import why_no_data_map
from closecall.models.results.run_predictions import TRAIN
from closecall.pages.data_map.movement import movement_part
from closecall.pages.data_map.selection import training_panel
from closecall.pages.shared.cached_io import stamp, texts_of
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import headline, wide
from closecall.pages.shared.maps.map_chart import PICKED, draw_map, revision, selected_ids, update_selection
from closecall.pages.shared.maps.selection import SelectionContext
from closecall.pages.shared.maps.training_dynamics import PositivesByRatio, data_map_of, positives_by_ratio
from closecall.pages.shared.maps.views import MapView
from closecall.pages.shared.runs import run_predictions
from closecall.pages.shared.state import DEFAULT_THRESHOLD, choose_run, require_experiment
from closecall.pages.shared.url_filters import load_filters, save_filters

VIEWS = ("One ratio", "Across ratios")
CLASSES = ("Both classes", "Positives", "Negatives")
DEFAULTS = {"view": VIEWS[0], "class": CLASSES[0], PICKED: ""}
PARSERS: Mapping[str, Callable[[str], str]] = {
    "view": lambda text: VIEWS[1] if text == "From ratio to ratio" else text  # its name in earlier versions
}
FEW_EPOCHS = 5


def show() -> None:
    wide()
    config = require_experiment()
    run = choose_run(config)
    load_filters(DEFAULTS, PARSERS, canary="view")
    dynamics, positives = data_map_of(run), positives_by_ratio(config.id)
    page = f"Data map of {escape_markdown(config.title)}"
    if dynamics is None:
        headline(page, "There is no data map to show.")
        st.info(escape_markdown(why_no_data_map(config, run)), icon=":material/info:")
        st.page_link("pages/train/page.py", label="Train classifiers", icon=":material/arrow_forward:")
        return
    headline(page, finding(dynamics, positives, run), how_to_read(dynamics))
    show_controls()
    if st.session_state["view"] == VIEWS[1]:
        movement_part(config, run, positives)
    else:
        show_data_map(config, run, dynamics)
    save_filters(DEFAULTS)


def show_controls() -> None:
    """The choice of the view, and of the classes shown in a data map."""
    for name, options in (("view", VIEWS), ("class", CLASSES)):
        if st.session_state[name] not in options:
            st.session_state[name] = options[0]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        st.segmented_control("Show", VIEWS, key="view", required=True)
        if st.session_state["view"] == VIEWS[0]:
            st.segmented_control("Training texts of", CLASSES, key="class", required=True)


def finding(dynamics: pd.DataFrame, positives: PositivesByRatio | None, run: Run) -> str:
    """How many positives are never right in training: at the smallest and largest ratio, or at the only one."""
    if positives is None or len(positives.ratios) < 2 or not len(positives.ids):
        own = dynamics[dynamics["label"] == 1]
        never = int((own["correctness"] == 0).sum())
        ratio = ratio_text(run.config.ratio)
        return f"{never:,} of {count_text(len(own), 'positive')} are never classified correctly in training at {ratio}."
    first, last = (ratio_text(ratio) for ratio in (positives.ratios[0], positives.ratios[-1]))
    start, end = (escape_markdown(probability_text(float(np.median(positives.confidence[at])))) for at in (0, -1))
    few, many = (int((positives.correctness[at] == 0).sum()) for at in (0, -1))
    total = count_text(len(positives.ids), "positive")
    return (
        f"{many:,} of {total} are never classified correctly in training at {last}, {few:,} at {first}. Their median "
        f"confidence is {end} at {last} and {start} at {first}."
    )


def how_to_read(dynamics: pd.DataFrame) -> str:
    """What the axes mean, and what few epochs allow to conclude."""
    epochs = int(dynamics["epochs"].max())
    few = ""
    if epochs == 1:
        few = " With one epoch there is no variability: read the confidence only."
    elif epochs < FEW_EPOCHS:
        few = f" {count_text(epochs, 'epoch')} are few: compare groups and ranks rather than single values."
    return (
        "Confidence is the mean probability of a text's labelled class during training, over "
        f"{count_text(epochs, 'epoch')}; variability is its standard deviation. Texts with low confidence and low "
        f"variability are hard to learn: check their labels first.{few}"
    )


def show_data_map(config: ExperimentConfig, run: Run, dynamics: pd.DataFrame) -> None:
    """The data map of one run, and the selected texts beside it."""
    points = data_map_points(dynamics, st.session_state["class"])
    stamps = (config.id, run.name, "data map", stamp(run.folder / "dynamics.npz"))
    view = MapView("data-map", run, False, points, stamps)
    groups = data_map_groups(points)
    update_selection([view], {view.key: groups}, source="data map")
    ids, error = selected_ids(config.id)
    predictions, texts = run_predictions(config.id, TRAIN), texts_of(config.dataset)
    context = SelectionContext(config, run, predictions, texts, DEFAULT_THRESHOLD)
    chart, panel = st.columns([3, 2], gap="medium")
    with chart:
        title = data_map_title(points, ratio_text(run.config.ratio))
        controls = (st.session_state["class"],)
        drawn = draw_map(view, groups, data_map_frame(revision()), texts, title=title, controls=controls)
        st.caption(regions_caption(points, drawn))
    with panel:
        if error:
            st.error(escape_markdown(error), icon=":material/error:")
        training_panel(context, dynamics, ids)


def regions_caption(points: pd.DataFrame, drawn: int) -> str:
    """How the regions are defined, and how many texts they place on the other side of 0.50."""
    text = (
        "Regions are thirds within each class. Ambiguous: the third with the highest variability. Of the rest, hard to "
        "learn: in the third with the lowest confidence; easy: in the third with the highest."
    )
    easy, hard = ((points["region"] == region).to_numpy() for region in ("easy", "hard to learn"))
    below = (points["y"] < 0.5).to_numpy()
    if (easy & below).any() or (hard & ~below).any():
        text += (
            f" These are ranks: here {count_text(int((easy & below).sum()), 'easy text')} and "
            f"{int((hard & below).sum()):,} of {int(hard.sum()):,} hard-to-learn texts have a confidence below 0.50."
        )
    if drawn < len(points):
        text += f" {drawn:,} of {len(points):,} texts have a point, a random sample."
    return text


show()
