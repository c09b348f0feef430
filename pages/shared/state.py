"""One selection for every page, kept in the URL: experiment, ratio, seed, threshold."""

import streamlit as st

from data.experiments import ExperimentConfig, experiment_ids, load_experiment, ratio_label
from data.runs import Run
from pages.shared.load import finished_runs


def choose_experiment() -> ExperimentConfig | None:
    """The experiment named in the URL, else the newest; None when there is none. Drawn in the side bar."""
    known = experiment_ids()
    if not known:
        return None
    _start("experiment", known[0], known)
    titles = {one: load_experiment(one).title for one in known}
    with st.sidebar:
        chosen = st.selectbox(
            "Experiment",
            known,
            index=None,
            key="experiment",
            required=True,
            format_func=lambda one: titles.get(one, one),
            bind="query-params",
        )
    return load_experiment(chosen) if chosen else None


def require_experiment() -> ExperimentConfig:
    """As `choose_experiment`; without any the page ends here with one sentence and the way on."""
    config = choose_experiment()
    if config is None:
        empty("There is no experiment yet.", "pages/prepare/train.py", "Train classifiers or load predictions")
    return config


def choose_run(config: ExperimentConfig, *, largest: bool = True) -> Run:
    """The finished run of the chosen ratio and seed; the largest (or smallest) ratio first. Drawn in the side bar."""
    runs = finished_runs(config.id)
    if not runs:
        empty("No run of this experiment has finished yet.", "pages/prepare/train.py", "See the progress")
    ratios = sorted({run.config.ratio for run in runs})
    _start("ratio", ratio_label(ratios[-1] if largest else ratios[0]), [ratio_label(one) for one in ratios])
    with st.sidebar:
        chosen = st.segmented_control(
            "Ratio",
            [ratio_label(one) for one in ratios],
            key="ratio",
            required=True,
            bind="query-params",
            help="Training negatives for each training positive.",
        )
    at_ratio = [run for run in runs if ratio_label(run.config.ratio) == chosen] or runs
    return _choose_seed(at_ratio)


def empty(sentence: str, page: str, label: str) -> None:
    """An empty state: one sentence and one way on. Ends the page."""
    st.info(sentence, icon=":material/info:")
    st.page_link(page, label=label, icon=":material/arrow_forward:")
    st.stop()


def show_examples(**filters: str) -> None:
    """Go to the Errors page with filters (experiment, ratio, seed, outcome, threshold ...) set in its URL."""
    st.switch_page("pages/inspect/errors.py", query_params=filters)


def _choose_seed(runs: list[Run]) -> Run:
    seeds = [str(run.config.seed) for run in runs]
    _start("seed", seeds[0], seeds)
    if len(seeds) == 1:
        return runs[0]
    with st.sidebar:
        chosen = st.segmented_control("Seed", seeds, key="seed", required=True, bind="query-params")
    return next((run for run in runs if str(run.config.seed) == chosen), runs[0])


def _start(key: str, value: str, options: list[str]) -> None:
    """Set a bound widget's first value in the session, so that the URL always names it; a link's value wins."""
    current = st.session_state.get(key, st.query_params.get(key))
    if current not in options:
        st.session_state[key] = value
