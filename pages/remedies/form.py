"""Queue more arms: which, at which ratios, with which seeds, and how long that takes."""

import streamlit as st

from closecall.analysis.formatting import count_text, duration_text, ratio_text
from closecall.data.experiments.remedies import REMEDIES, remedy_title
from closecall.data.experiments.runs import load_runs
from closecall.data.experiments.store import ExperimentConfig
from closecall.data.io.errors import UserError
from closecall.models.queue.estimate import estimate_remedies
from closecall.models.queue.jobs import queue_remedies
from closecall.pages.remedies.tables import EVIDENCE, WHAT
from closecall.pages.shared.layout import show_user_error

START = ("class-weights", "focal", "over-sampling", "tfidf-logistic", "frozen-logistic")
"""A first race: what people ask for most, and two that take seconds."""


def queue_form(config: ExperimentConfig) -> None:
    """The form; an experiment whose runs were made elsewhere says why there is none."""
    if config.kind != "trained":
        st.info("These predictions were made elsewhere: no remedy can be trained on them here.", icon=":material/info:")
        return
    names = [one.name for one in REMEDIES]
    ratios = {ratio_text(one): one for one in config.ratios}
    arms = st.multiselect("Remedies", names, START, format_func=remedy_title, key="remedy-arms",
                          help=" ".join(EVIDENCE))  # fmt: skip
    with st.container(horizontal=True, gap="large"):
        at = st.segmented_control("At ratios", list(ratios), default=list(ratios)[-1:], selection_mode="multi",
                                  key="remedy-ratios", help="The plain runs of the same ratios are what they are "
                                  "compared with.")  # fmt: skip
        seeds = st.segmented_control("Seeds", config.seeds, default=list(config.seeds), selection_mode="multi",
                                     key="remedy-seeds", help="A gain can be told from seed noise with two or more; "
                                     "three are better.")  # fmt: skip
    if arms:
        st.caption(" ".join(f"**{remedy_title(one)}**: {WHAT[one]}" for one in arms[-1:]))
    ready = _estimate(config, arms, [ratios[one] for one in at], list(seeds)) > 0
    st.button("Queue these runs", key="remedy-go", type="primary", icon=":material/play_arrow:", disabled=not ready,
              on_click=_queue, args=(config.id, arms, [ratios[one] for one in at], list(seeds)))  # fmt: skip
    if problem := st.session_state.pop("remedy-problem", None):
        show_user_error(problem)


def _estimate(config: ExperimentConfig, arms: list[str], ratios: list[float], seeds: list[int]) -> int:
    """Say how many runs are new and how long they take here; the number of new ones."""
    there = {(run.config.remedy, run.config.ratio, run.config.seed) for run in load_runs(config.id)}
    wished = [(arm, ratio, seed) for arm in arms for ratio in ratios for seed in seeds]
    fresh = sum(one not in there for one in wished)
    if not wished:
        st.caption("Choose at least one remedy, ratio and seed.")
        return 0
    if not fresh:
        st.caption("All of these runs are there already.")
        return 0
    try:
        seconds = estimate_remedies(config.id, arms, ratios=ratios, seeds=seeds)
    except UserError as error:
        show_user_error(error)
        return 0
    time = f", about {duration_text(seconds)} here" if seconds else "; how long they take here is not known yet"
    st.markdown(f"**{count_text(fresh, 'new run')}**{time}.")
    return fresh


def _queue(experiment: str, arms: list[str], ratios: list[float], seeds: list[int]) -> None:
    try:
        queue_remedies(experiment, arms, ratios=ratios, seeds=seeds)
    except UserError as error:
        st.session_state["remedy-problem"] = error
