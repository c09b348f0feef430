"""What the map page says: its finding, how to read it, how far a text can be followed, what is missing."""

import math

import numpy as np
import streamlit as st

from closecall.analysis.formatting import count_text, percent_text
from closecall.data.experiments.runs import Run
from closecall.data.experiments.store import ExperimentConfig, ratio_label
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import headline
from closecall.pages.shared.maps.sides import FROZEN, NEIGHBOURS, Following, MapView


def missing(config: ExperimentConfig, run: Run, left: str) -> None:
    """Why there is no map, and what comes."""
    headline(f"Map of {escape_markdown(config.title)}", "There is no map to show yet.")
    if config.kind == "imported":
        st.info(
            "These predictions were imported: there are no embeddings to lay out. The other pages work without them.",
            icon=":material/info:",
        )
    elif run.status.state in ("queued", "running") or left == FROZEN:
        st.info(
            f"The projection of {ratio_label(run.config.ratio)}, {left.lower()} encoder, is still being computed. "
            "It appears here when it is done; other ratios may be ready.",
            icon=":material/hourglass_top:",
        )
    else:
        st.info("This run kept no projection. Resume the experiment to have it computed.", icon=":material/info:")
    st.page_link("pages/train/page.py", label="See the progress", icon=":material/arrow_forward:")


def finding(left: MapView, right: MapView | None) -> str:
    """How many misses there are to find, and of two ratios how many both have."""
    ratio, own = ratio_label(left.run.config.ratio), _misses(left)
    if right is None or right.run.name == left.run.name:
        if not len(own):
            return f"{ratio} misses no positive on this map."
        where = "" if right is None else ", before training and after"
        return f"Where the {count_text(len(own), 'missed positive')} of {ratio} lie{where}."
    other = _misses(right)
    both = len(np.intersect1d(own.astype(str), other.astype(str)))
    return (
        f"{ratio} misses {count_text(len(own), 'positive')}, {ratio_label(right.run.config.ratio)} {len(other):,}; "
        f"{both:,} {'is' if both == 1 else 'are'} missed by both."
    )


def reading(left: MapView, right: MapView | None, following: Following | None) -> str:
    """One sentence on how to read it, one on what can be done; of two maps also how far they agree."""
    if right is None or following is None:
        own = "the encoder before any training" if left.frozen else f"the encoder of {left.name} after its training"
        return (
            f"Each mark is a text, laid out by {own}: near marks are alike to it, distances across the map mean "
            "little. Draw around a crowd to read its texts."
        )
    if math.isnan(following.kept):
        return "The two maps share no texts that could be followed. What is drawn around on one is lit on both."
    return (
        f"The same texts on both maps; the right one is turned and scaled onto the left. Of the {NEIGHBOURS} nearest "
        f"neighbours of a text {percent_text(following.kept)} are the same on both (by chance "
        f"{percent_text(following.by_chance)}): {_advice(following.kept)} What is drawn around on one is lit on both."
    )


def title(side: MapView, *, named: bool) -> str:
    """How many positives are missed on this map, among how many negatives."""
    test = side.points[side.points["outcome"] != ""]
    misses, positives = int((test["outcome"] == "fn").sum()), int((test["label"] == 1).sum())
    if not named:
        return f"{misses:,} of {positives:,} positives missed, among {len(test) - positives:,} negatives"
    if side.frozen:
        return f"Before training, marked as {ratio_label(side.run.config.ratio)} calls them"
    return f"{side.name}: {misses:,} of {positives:,} positives missed"


def drawn_said(drawn: int, total: int, *, shaded: bool) -> str:
    """That not all texts have a mark, "" when they do."""
    if shaded:
        return (
            "Shades: the inner line holds half of a class, the outer one nine tenths. Marks: errors and what is "
            "selected. A lasso takes in every text, marked or not."
        )
    if drawn >= total:
        return ""
    return (
        f"Marks are drawn for {drawn:,} of {total:,} texts: every miss, what is selected, and a sample of the rest, "
        "the same on every map. A lasso takes in every text, marked or not."
    )


def _misses(side: MapView) -> np.ndarray:
    return side.points.loc[side.points["outcome"] == "fn", "id"].to_numpy(dtype=object)


def _advice(kept: float) -> str:
    if kept >= 0.5:
        return "most neighbourhoods stay, so a text can be followed by its place."
    return "most neighbourhoods change, so follow what is lit, not the place."
