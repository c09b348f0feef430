"""The sentences of the Map page: its finding, how to read it, chart titles, and what is missing."""

import math

import numpy as np
import streamlit as st

from closecall.analysis.formatting import count_text, percent_text, ratio_text, sentence_text
from closecall.data.experiments.runs import Run
from closecall.data.experiments.store import ExperimentConfig
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import headline
from closecall.pages.shared.maps.views import FROZEN, NEIGHBOURS, MapView, NeighbourAgreement


def show_missing_map(config: ExperimentConfig, run: Run, encoder: str) -> None:
    """Why there is no map, and when there will be one."""
    headline(f"Map of {escape_markdown(config.title)}", "There is no map to show yet.")
    if config.kind == "imported":
        st.info(
            "These predictions were imported, so there are no embeddings to project. The other pages work without "
            "them.",
            icon=":material/info:",
        )
    elif run.status.state in ("queued", "running") or encoder == FROZEN:
        st.info(
            f"The projection of {ratio_text(run.config.ratio)}, {encoder.lower()} encoder, is being computed. It "
            "appears here when it is done. Other ratios may be ready.",
            icon=":material/hourglass_top:",
        )
    else:
        st.info("This run has no projection. Resume the experiment to compute it.", icon=":material/info:")
    st.page_link("pages/train/page.py", label="See the progress", icon=":material/arrow_forward:")


def finding(first: MapView, second: MapView | None) -> str:
    """How many positives are missed, and by two ratios how many both miss."""
    ratio, missed = ratio_text(first.run.config.ratio), _missed(first)
    if second is None or second.run.name == first.run.name:
        maps = "" if second is None else ", before and after fine-tuning"
        if not len(missed):
            return f"{ratio} misses none of the {count_text(_positives(first), 'positive')} on this map{maps}."
        return f"{ratio} misses {len(missed):,} of {count_text(_positives(first), 'positive')} on this map{maps}."
    other = _missed(second)
    other_ratio = ratio_text(second.run.config.ratio)
    both = len(np.intersect1d(missed.astype(str), other.astype(str)))
    return (
        f"{ratio} misses {len(missed):,} of {count_text(_positives(first), 'positive')} and "
        f"{other_ratio} misses {len(other):,}, of which both miss {both:,}."
    )


def how_to_read(first: MapView, agreement: NeighbourAgreement | None) -> str:
    """How to read one map; of two also how far their neighbourhoods agree."""
    if agreement is None:
        encoder = "the frozen encoder" if first.frozen else f"the encoder fine-tuned at {first.name}"
        return (
            f"Each point is a text, placed by a UMAP projection of its embedding by {encoder}. The encoder "
            "represents close points similarly; long distances mean little. Draw a lasso around points to read their "
            "texts."
        )
    if math.isnan(agreement.observed):
        return "The two maps have no test texts in common. A selection on one map is highlighted on both."
    return (
        "The second map is rotated and scaled to match the first. Of the "
        f"{NEIGHBOURS} nearest neighbours of a text, {percent_text(agreement.observed)} are the same on both maps "
        f"(by chance {percent_text(agreement.by_chance)}): {_advice(agreement.observed)} A selection on one map is "
        "highlighted on both."
    )


def chart_title(view: MapView, *, named: bool) -> str:
    """How many positives are missed on this map; with the number of negatives, or named when there are two maps."""
    missed, positives = len(_missed(view)), _positives(view)
    if not named:
        negatives = int((view.points["outcome"] != "").sum()) - positives
        return f"{missed:,} of {positives:,} positives missed, among {negatives:,} negatives"
    outcomes = f" at {ratio_text(view.run.config.ratio)}" if view.frozen else ""
    return f"{sentence_text(view.name.removeprefix('the '))}: {missed:,} of {positives:,} positives missed{outcomes}"


def points_caption(drawn: int, total: int, *, densities: bool) -> str:
    """Which texts have a point, "" when all do."""
    if densities:
        return (
            "Shaded: the densest regions with 50 % (inner line) and 90 % (outer line) of a class. Points: errors and "
            "selected texts. A lasso selects all texts inside, also those without a point."
        )
    if drawn >= total:
        return ""
    return (
        f"{drawn:,} of {total:,} texts have a point: every false negative, the selected texts, and a random sample of "
        "the rest, the same on every map. A lasso selects all texts inside, also those without a point."
    )


def _missed(view: MapView) -> np.ndarray:
    """The ids of the false negatives."""
    return view.points.loc[view.points["outcome"] == "fn", "id"].to_numpy(dtype=object)


def _positives(view: MapView) -> int:
    """How many test positives with a prediction are on the map."""
    return int(((view.points["label"] == 1) & (view.points["outcome"] != "")).sum())


def _advice(observed: float) -> str:
    if observed >= 0.5:
        return "most neighbourhoods agree, so positions can be compared."
    return "most neighbourhoods differ, so compare highlighted texts rather than positions."
