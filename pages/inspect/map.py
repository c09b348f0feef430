"""See the overlap: the texts laid out by the encoder, a lasso from a crowd to its texts."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from data.experiments import ExperimentConfig, ratio_label
from data.runs import Run
from pages.inspect._map_points import COLOURINGS, HOVER_LIMIT, figure, kinds
from pages.inspect._map_selection import add_button, rows_of, selection_table
from pages.shared import case_list
from pages.shared.evidence import Evidence, evidence_of, groups_of
from pages.shared.example_card import beside, facts, over_ratios, whole_text
from pages.shared.headline import headline
from pages.shared.link import enter, settle
from pages.shared.load import frozen_folder, projection
from pages.shared.lookup import places_of
from pages.shared.state import choose_run, require_experiment
from pages.shared.texts import Texts, texts_of
from pages.shared.threshold import choose_threshold
from pages.shared.wide import wide
from pages.shared.words import counted, plain, share

ENCODERS = ("Fine-tuned", "Frozen")
STARTS = {"by": COLOURINGS[0], "encoder": ENCODERS[0], "training": False}
READS: Mapping[str, Callable[[str], Any]] = {"by": str, "encoder": str, "training": lambda text: text == "True"}


def show() -> None:
    wide()
    config = require_experiment()
    run = choose_run(config)
    enter(STARTS, READS, canary="by")
    for name, options in (("by", COLOURINGS), ("encoder", ENCODERS)):
        if st.session_state[name] not in options:
            st.session_state[name] = STARTS[name]
    with st.sidebar:
        threshold = choose_threshold()
    top, controls = st.container(), st.container(horizontal=True, vertical_alignment="bottom", gap="large")
    with controls:
        encoder = st.segmented_control("Encoder", ENCODERS, key="encoder", required=True)
        colouring = st.segmented_control("Colour by", COLOURINGS, key="by", required=True)
        training = st.toggle("Show training texts", key="training")
    settle(STARTS)
    layout = projection(run.folder if encoder == ENCODERS[0] else frozen_folder(config.id))
    if layout is None:
        with top:
            missing(config, run, encoder or ENCODERS[0])
        return
    evidence = evidence_of(config.id)
    points = with_outcomes(layout, evidence, run, threshold)
    with top:
        headline(f"Map of {plain(config.title)}", finding(points, run), reading(run, encoder or ENCODERS[0]))
    shown = points if training else points[points["split"] != "train"].reset_index(drop=True)
    explore(config, run, evidence, shown, colouring or COLOURINGS[0], threshold)


def missing(config: ExperimentConfig, run: Run, encoder: str) -> None:
    """Why there is no map, and what comes."""
    headline(f"Map of {plain(config.title)}", "There is no map to show yet.")
    if config.kind == "imported":
        st.info(
            "These predictions were imported: there are no embeddings to lay out. The other pages work without them.",
            icon=":material/info:",
        )
    elif run.status.state in ("queued", "running") or encoder == ENCODERS[1]:
        st.info(
            f"The projection of {ratio_label(run.config.ratio)}, {encoder.lower()} encoder, is still being computed. "
            "It appears here when it is done; other ratios may be ready.",
            icon=":material/hourglass_top:",
        )
    else:
        st.info("This run kept no projection. Resume the experiment to have it computed.", icon=":material/info:")
    st.page_link("pages/prepare/train.py", label="See the progress", icon=":material/arrow_forward:")


def with_outcomes(layout: pd.DataFrame, evidence: Evidence, run: Run, threshold: float) -> pd.DataFrame:
    """The projection's rows that are shown, with prob (nan in training), outcome ("" in training) and group."""
    layout = layout[layout["split"].isin(["train", evidence.split])].reset_index(drop=True)
    places = places_of(evidence.places, layout["id"])
    known = (places >= 0) & (layout["split"] != "train").to_numpy()
    probs = np.full(len(layout), np.nan)
    probs[known] = evidence.of(run)[places[known]]
    told = ~np.isnan(probs)
    names = np.full(len(layout), "", dtype=object)
    code = 2 * (layout["label"].to_numpy() == 1) + (np.nan_to_num(probs) >= threshold)
    names[told] = np.array(["tn", "fp", "fn", "tp"], dtype=object)[code[told]]
    group = np.full(len(layout), "", dtype=object)
    groups = groups_of(evidence, threshold=threshold, remedy=run.config.remedy)
    if groups is not None:
        group[known] = groups["group"].to_numpy(dtype=object)[places[known]]
    return layout.assign(prob=probs, outcome=names, group=group)


def finding(points: pd.DataFrame, run: Run) -> str:
    """How many misses there are to find on the map."""
    misses = int((points["outcome"] == "fn").sum())
    if not misses:
        return f"{ratio_label(run.config.ratio)} misses no positive on this map."
    return f"Where the {counted(misses, 'missed positive')} of {ratio_label(run.config.ratio)} lie."


def reading(run: Run, encoder: str) -> str:
    own = (
        f"the encoder of {ratio_label(run.config.ratio)} after its training"
        if encoder == ENCODERS[0]
        else ("the encoder before any training")
    )
    return (
        f"Each mark is a text, laid out by {own}: near marks are alike to it, distances across the map mean little. "
        "Draw around a crowd to read its texts."
    )


def explore(
    config: ExperimentConfig, run: Run, evidence: Evidence, points: pd.DataFrame, colouring: str, threshold: float
) -> None:
    """The map, and beside it what was drawn around."""
    texts = texts_of(config.dataset)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        legend = kinds(points, colouring)
        chart = figure(points, legend, title=title(points), texts=texts)
        event = st.plotly_chart(
            chart,
            key="map",
            theme=None,
            on_select="rerun",
            selection_mode=("lasso", "box", "points"),
            config={"displaylogo": False, "scrollZoom": True},
            alt=f"{title(points)} Colours and marks: {', '.join(kind.name for kind in legend)}.",
        )
        if len(points) > HOVER_LIMIT:
            st.caption("Draw around marks to see their texts; with so many the hover shows the kind only.")
    with right:
        rows = rows_of(event)
        rows = rows[rows < len(points)]
        selected(config, run, evidence, points.iloc[rows], texts, threshold)


def title(points: pd.DataFrame) -> str:
    """The finding as far as a picture of nearness carries it: how many of the neighbours of misses are negatives."""
    test = points[points["outcome"] != ""]
    misses, positives = int((test["outcome"] == "fn").sum()), int((test["label"] == 1).sum())
    return f"{misses:,} of {positives:,} positives missed, among {len(test) - positives:,} negatives"


def selected(
    config: ExperimentConfig, run: Run, evidence: Evidence, points: pd.DataFrame, texts: Texts, threshold: float
) -> None:
    if points.empty:
        st.info("Nothing is selected. Draw a lasso on the map; its texts are listed here.", icon=":material/gesture:")
        return
    order = points["outcome"].map({"fn": 0, "fp": 1, "tp": 2, "tn": 3}).fillna(4)
    points = points.iloc[np.lexsort((points["prob"].to_numpy(), order.to_numpy()))]
    positives = points[(points["label"] == 1) & (points["outcome"] != "")]
    missed = int((positives["outcome"] == "fn").sum())
    said = f" Missed positives among them: {share(missed, len(positives))}." if len(positives) else ""
    st.markdown(f"**{counted(len(points), 'text')} selected.**" + plain(said))
    mark = hash((run.name, len(points), str(points["id"].iloc[0]), str(points["id"].iloc[-1])))
    with st.container(horizontal=True):
        add_button(points, config.id, run, threshold)
        if case_list.can_undo(config.id):
            st.button("Undo", key="undo", shortcut="Z", on_click=case_list.take_back, args=(config.id,))
    chosen = selection_table(points, texts, key=f"selected-{mark}")
    if said_once := st.session_state.pop("said", ""):
        st.toast(plain(said_once))
    if chosen:
        card(config, run, evidence, chosen, texts, threshold)
    else:
        st.caption("Click a row to read it here.")


def card(config: ExperimentConfig, run: Run, evidence: Evidence, one: str, texts: Texts, threshold: float) -> None:
    """The example that was clicked, and the way to the reading desk."""
    row = evidence.place(one)
    if row < 0:
        st.markdown(f"Training text {plain(one)}")
        whole_text(texts.text(one), [])
        return
    st.page_link(
        "pages/inspect/errors.py",
        label="Read it in Errors",
        icon=":material/menu_book:",
        query_params={
            "experiment": config.id,
            "ratio": ratio_label(run.config.ratio),
            "seed": str(run.config.seed),
            "threshold": f"{threshold:g}",
            "outcome": "all",
            "example": one,
        },
    )
    facts(evidence, run, row, texts, threshold=threshold)
    whole_text(texts.text(one), [])
    over_ratios(evidence, run, row, threshold=threshold)
    with st.expander("Nearest training texts"):
        beside(evidence, run, row, texts)


show()
