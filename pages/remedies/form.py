"""The form that queues remedies: methods, ratios and seeds, with an estimate of the time."""

import streamlit as st

from closecall.analysis.formatting import count_text, duration_text, ratio_text
from closecall.data.experiments.remedies import REMEDIES, find_remedy, remedy_title
from closecall.data.experiments.runs import load_runs
from closecall.data.experiments.store import ExperimentConfig
from closecall.data.io.errors import UserError
from closecall.models.queue.estimate import estimate_remedies
from closecall.models.queue.jobs import queue_remedies
from closecall.pages.shared.layout import show_user_error

START = ("class-weights", "focal", "over-sampling", "tfidf-logistic", "frozen-logistic")
"""The default choice: frequently used methods, and two that train in seconds."""


def queue_form(config: ExperimentConfig) -> None:
    """The form; for imported predictions a sentence that says why there is none."""
    if config.kind != "trained":
        st.info("These predictions were imported, so no remedy can be trained on them.", icon=":material/info:")
        return
    names = [one.name for one in REMEDIES]
    ratios = {ratio_text(one): one for one in config.ratios}
    methods = st.multiselect("Remedies", names, START, format_func=remedy_title, key="remedy-methods",
                          help="The tab What each does describes each method.")  # fmt: skip
    with st.container(horizontal=True, gap="large"):
        at = st.segmented_control("At ratios", list(ratios), default=list(ratios)[-1:], selection_mode="multi",
                                  key="remedy-ratios", help="Each method is compared with the baseline at the same "
                                  "ratio.")  # fmt: skip
        seeds = st.segmented_control("Seeds", config.seeds, default=list(config.seeds), selection_mode="multi",
                                     key="remedy-seeds", help="Two or more seeds separate a gain from seed noise. "
                                     "Use three if possible.")  # fmt: skip
    if methods:
        last = find_remedy(methods[-1])
        st.caption(f"**{last.title}**: {last.help} {last.evidence}")
    ready = _estimate(config, methods, [ratios[one] for one in at], list(seeds)) > 0
    st.button("Queue these runs", key="remedy-go", type="primary", icon=":material/play_arrow:", disabled=not ready,
              on_click=_queue, args=(config.id, methods, [ratios[one] for one in at], list(seeds)))  # fmt: skip
    if problem := st.session_state.pop("remedy-problem", None):
        show_user_error(problem)


def _estimate(config: ExperimentConfig, methods: list[str], ratios: list[float], seeds: list[int]) -> int:
    """Show the number of new runs and their time on this machine; return the number."""
    existing = {(run.config.remedy, run.config.ratio, run.config.seed) for run in load_runs(config.id)}
    wanted = [(method, ratio, seed) for method in methods for ratio in ratios for seed in seeds]
    new = sum(one not in existing for one in wanted)
    if not wanted:
        st.caption("Choose at least one remedy, ratio and seed.")
        return 0
    if not new:
        st.caption("All of these runs exist already.")
        return 0
    try:
        seconds = estimate_remedies(config.id, methods, ratios=ratios, seeds=seeds)
    except UserError as error:
        show_user_error(error)
        return 0
    time = f", about {duration_text(seconds)}" if seconds else "; their time on this machine is not known yet"
    st.markdown(f"**{count_text(new, 'new run')}**{time}.")
    return new


def _queue(experiment: str, methods: list[str], ratios: list[float], seeds: list[int]) -> None:
    try:
        queue_remedies(experiment, methods, ratios=ratios, seeds=seeds)
    except UserError as error:
        st.session_state["remedy-problem"] = error
