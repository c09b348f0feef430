"""One selection for every page, kept in the URL: experiment, ratio, seed, threshold."""

from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any, NoReturn

import streamlit as st
from streamlit.errors import StreamlitAPIException

from closecall.analysis.formatting import ratio_text
from closecall.data.experiments.remedies import remedy_rank
from closecall.data.experiments.runs import Run
from closecall.data.experiments.store import ExperimentConfig, experiment_ids, load_experiment
from closecall.pages.shared.cached_io import finished_runs

SHARED = {"experiment", "ratio", "seed", "remedy", "threshold", "q", "dataset"}
"""The values that several pages bind."""


def choose_experiment() -> ExperimentConfig | None:
    """The experiment named in the URL, else the newest; None when there is none. Drawn in the side bar."""
    known = experiment_ids()
    if not known:
        return None
    init_bound_value("experiment", known[0], known)
    with st.sidebar:
        # The options are ids, not titles: what the box shows is what the URL says.
        chosen = st.selectbox("Experiment", known, index=None, key="experiment", required=True, bind="query-params")
    return load_experiment(chosen) if chosen else None


def require_experiment() -> ExperimentConfig:
    """As `choose_experiment`; without any the page ends here with one sentence and the way on."""
    config = choose_experiment()
    if config is None:
        show_empty_state("There is no experiment yet.", "pages/train/page.py", "Train classifiers or load predictions")
    return config


def choose_run(config: ExperimentConfig, *, largest: bool = True) -> Run:
    """The finished run of the chosen ratio, remedy and seed; the largest (or smallest) ratio first, without a remedy.

    Drawn in the side bar.
    """
    runs = finished_runs(config.id)
    if not runs:
        show_empty_state("No run of this experiment has finished yet.", "pages/train/page.py", "See the progress")
    ratios = sorted({run.config.ratio for run in runs})
    init_bound_value("ratio", ratio_text(ratios[-1] if largest else ratios[0]), [ratio_text(one) for one in ratios])
    with st.sidebar:
        chosen = st.segmented_control(
            "Ratio",
            [ratio_text(one) for one in ratios],
            key="ratio",
            required=True,
            bind="query-params",
            help="Training negatives for each training positive.",
        )
    at_ratio = [run for run in runs if ratio_text(run.config.ratio) == chosen] or runs
    return _choose_seed(_of_remedy(at_ratio))


def init_bound_value(
    key: str, value: Any, options: Collection[Any] | None = None, read: Callable[[str], Any] = str
) -> None:
    """Give a bound widget its value before it is drawn, and write it into the URL. Call it on every run.

    A URL that has changed comes first (`read` makes it a value), then what the widget holds, then what was chosen on
    another page of this session, then `value`. Streamlit drops bound values from the URL when the page changes, names
    a value there only once a person has changed it, and lets the old page's widget win over a link: hence the copies
    in the session and the hand-written parameter.
    """
    asked, held = _asked(key, read), st.session_state.get(key)
    seen, kept = f"seen-{key}", f"kept-{key}"
    by_link = asked is not None and asked != st.session_state.get(seen)
    candidates = (asked, held) if by_link else (held, asked)
    fitting = (one for one in (*candidates, st.session_state.get(kept)) if _fits(one, options))
    current = next(fitting, value)
    # Assigned every time: after a change of page the session still holds the old page's widget, not the new one's.
    st.session_state[key] = st.session_state[kept] = st.session_state[seen] = current
    if st.query_params.get(key) != str(current):
        with suppress(StreamlitAPIException):  # bound already: Streamlit writes it
            st.query_params[key] = str(current)


def _fits(value: Any, options: Collection[Any] | None) -> bool:
    return value is not None and (options is None or value in options)


def _asked(key: str, read: Callable[[str], Any]) -> Any:
    """What `go` or the URL asks for, None when neither does."""
    wanted = st.session_state.pop(f"wanted-{key}", None)
    if wanted is not None:
        st.session_state.pop(f"seen-{key}", None)
    try:
        return read(st.query_params[key] if wanted is None else wanted)
    except (KeyError, ValueError):
        return None


def show_empty_state(sentence: str, page: str, label: str) -> NoReturn:
    """An empty state: one sentence and one way on. Ends the page."""
    st.info(sentence, icon=":material/info:")
    st.page_link(page, label=label, icon=":material/arrow_forward:")
    st.stop()


def show_examples(**filters: str) -> NoReturn:
    """Go to the Errors page with filters (experiment, ratio, seed, outcome, threshold ...)."""
    go("pages/errors/page.py", **filters)


def go(page: str, **wanted: str) -> NoReturn:
    """Open a page with these values, as a link to it would. Streamlit refuses to switch the page with values that
    are bound on this one, so those that pages share wait in the session for `begin` to take them."""
    for key in SHARED & set(wanted):
        st.session_state[f"wanted-{key}"] = wanted.pop(key)
    st.switch_page(page, query_params=wanted)


def _of_remedy(runs: list[Run]) -> list[Run]:
    """The runs of the chosen remedy. The box is drawn only where there is one to choose."""
    names = sorted({run.config.remedy for run in runs}, key=remedy_rank)
    init_bound_value("remedy", names[0], names)
    chosen: str | None = names[0]
    if len(names) > 1:
        with st.sidebar:
            chosen = st.selectbox("Remedy", names, index=None, key="remedy", required=True, bind="query-params",
                                  help="What was done about imbalance in training; none is plain "
                                  "cross-entropy.")  # fmt: skip
    return [run for run in runs if run.config.remedy == chosen] or runs


def _choose_seed(runs: list[Run]) -> Run:
    seeds = [str(run.config.seed) for run in runs]
    init_bound_value("seed", seeds[0], seeds)
    if len(seeds) == 1:
        return runs[0]
    with st.sidebar:
        chosen = st.segmented_control("Seed", seeds, key="seed", required=True, bind="query-params")
    return next((run for run in runs if str(run.config.seed) == chosen), runs[0])


# The threshold from which a text is called positive: one slider for every page, in the URL.

DEFAULT_THRESHOLD = 0.5
STEP = 0.001


def choose_threshold() -> float:
    """The slider; `threshold` in the URL."""
    init_bound_value("threshold", DEFAULT_THRESHOLD, read=_read)
    return st.slider(
        "Called positive from this probability on (threshold)",
        0.0,
        1.0,
        step=STEP,
        format="%.3f",
        key="threshold",
        bind="query-params",
        help="The classifier gives each text a probability of being positive; at or above the threshold it is called "
        "positive. Lower finds more positives and raises more false alarms.",
    )


def _read(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise ValueError(text)
    return value


# The deployment prevalence q: the reader's own share of positives, one slider for every page, in the URL.

STEPS = ("0.1", "0.2", "0.3", "0.5", "0.7", "1", "1.5", "2", "3", "5", "7", "9.1", "10", "15", "20", "30", "40", "50")
"""Percent. 9.1 is one positive for ten negatives."""
DEFAULT_PREVALENCE = "9.1"


def choose_prevalence(*, help: str = "") -> float:
    """The slider; the answer is a share between 0 and 1. In the URL it is `q`, in percent."""
    init_bound_value("q", DEFAULT_PREVALENCE, STEPS)
    chosen = st.select_slider(
        "Positives where it will be used (deployment prevalence q, %)",
        STEPS,
        key="q",
        bind="query-params",
        help=help
        or "The test set has its own mix of classes. Precision, F1 and alerts are worked out for this mix instead.",
    )
    return float(chosen) / 100
