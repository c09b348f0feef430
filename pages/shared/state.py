"""The selection that pages share through the URL: experiment, ratio, remedy, seed, threshold, prevalence.

Also opens other pages with a selection, and shows the empty state of a page.
"""

from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any, NoReturn

import streamlit as st
from streamlit.errors import StreamlitAPIException

from closecall.analysis.formatting import ratio_text
from closecall.analysis.metrics.prevalence import DEFAULT_PREVALENCE
from closecall.data.experiments.remedies import remedy_rank
from closecall.data.experiments.runs import Run
from closecall.data.experiments.store import ExperimentConfig, experiment_ids, load_experiment
from closecall.pages.shared.cached_io import finished_runs

DEFAULT_THRESHOLD = 0.5
THRESHOLD_STEP = 0.001
PREVALENCE_CHOICE = f"{100 * DEFAULT_PREVALENCE:.1f}"
PREVALENCES = ("0.1", "0.2", "0.3", "0.5", "0.7", "1", "1.5", "2", "3", "5", "7", "9.1", "10", "15", "20", "30", "40",
               "50")  # fmt: skip
"""Values of the prevalence slider in percent. 9.1 is one positive per ten negatives."""
SHARED = {"experiment", "ratio", "seed", "remedy", "threshold", "q", "dataset"}
"""The URL parameters that several pages bind to a widget."""


def choose_experiment() -> ExperimentConfig | None:
    """The experiment named in the URL, else the newest; None when there is none. Drawn in the sidebar."""
    known = experiment_ids()
    if not known:
        return None
    init_bound_value("experiment", known[0], known)
    with st.sidebar:
        # The options are ids rather than titles because the URL holds the option that the box shows.
        chosen = st.selectbox("Experiment", known, index=None, key="experiment", required=True, bind="query-params")
    return load_experiment(chosen) if chosen else None


def require_experiment() -> ExperimentConfig:
    """As `choose_experiment`. Without an experiment the page ends with an empty state."""
    config = choose_experiment()
    if config is None:
        show_empty_state(
            "There is no experiment yet.", "pages/train/page.py", "Train classifiers or import predictions"
        )
    return config


def choose_run(config: ExperimentConfig, *, largest: bool = True) -> Run:
    """The finished run of the chosen ratio, remedy and seed. Drawn in the sidebar.

    Default: the largest (or smallest) ratio and the baseline.
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
            help="Training negatives per training positive.",
        )
    at_ratio = [run for run in runs if ratio_text(run.config.ratio) == chosen] or runs
    return _choose_seed(_of_remedy(at_ratio))


def init_bound_value(
    key: str, value: Any, options: Collection[Any] | None = None, read: Callable[[str], Any] = str, former: str = ""
) -> None:
    """Set the value of a bound widget before it is drawn, and write it into the URL. Call it on every run.

    The first that is valid counts: a value newly given in the URL (`read` parses it), the widget's value, the value
    chosen on another page of this session, `value`. Streamlit drops bound values from the URL when the page changes,
    writes them only after the user changes them, and prefers the previous page's widget to a link. Copies in the
    session state and a parameter written here avoid that. `former`: the name of the parameter in older links.
    """
    if former in st.query_params:
        st.query_params.setdefault(key, st.query_params.pop(former))
    linked, held = _linked(key, read), st.session_state.get(key)
    seen, kept = f"seen-{key}", f"kept-{key}"
    by_link = linked is not None and linked != st.session_state.get(seen)
    candidates = (linked, held) if by_link else (held, linked)
    valid = (one for one in (*candidates, st.session_state.get(kept)) if _is_valid(one, options))
    current = next(valid, value)
    # Assigned on every run: after a change of page the session holds the value of the previous page's widget.
    st.session_state[key] = st.session_state[kept] = st.session_state[seen] = current
    if st.query_params.get(key) != str(current):
        with suppress(StreamlitAPIException):  # already bound: Streamlit writes it
            st.query_params[key] = str(current)


def _is_valid(value: Any, options: Collection[Any] | None) -> bool:
    return value is not None and (options is None or value in options)


def _linked(key: str, read: Callable[[str], Any]) -> Any:
    """The value that `go` or the URL names, else None."""
    passed = st.session_state.pop(f"passed-{key}", None)
    if passed is not None:
        st.session_state.pop(f"seen-{key}", None)
    try:
        return read(st.query_params[key] if passed is None else passed)
    except (KeyError, ValueError):
        return None


def show_empty_state(sentence: str, page: str, label: str) -> NoReturn:
    """Show a sentence and a link to the page that helps, and end this page."""
    st.info(sentence, icon=":material/info:")
    st.page_link(page, label=label, icon=":material/arrow_forward:")
    st.stop()


def show_examples(**filters: str) -> NoReturn:
    """Open the Errors page with filters such as experiment, ratio, seed, outcome and threshold."""
    go("pages/errors/page.py", **filters)


def go(page: str, **values: str) -> NoReturn:
    """Open a page with these URL parameters.

    Streamlit refuses to switch the page with parameters that are bound on this page. Those of SHARED are therefore
    passed through the session state to `init_bound_value`.
    """
    for key in SHARED & set(values):
        st.session_state[f"passed-{key}"] = values.pop(key)
    st.switch_page(page, query_params=values)


def _of_remedy(runs: list[Run]) -> list[Run]:
    """The runs of the chosen remedy. The box is drawn only when there are several."""
    names = sorted({run.config.remedy for run in runs}, key=remedy_rank)
    init_bound_value("remedy", names[0], names)
    chosen: str | None = names[0]
    if len(names) > 1:
        with st.sidebar:
            chosen = st.selectbox("Remedy", names, index=None, key="remedy", required=True, bind="query-params",
                                  help="The method against class imbalance; none is the baseline.")  # fmt: skip
    return [run for run in runs if run.config.remedy == chosen] or runs


def _choose_seed(runs: list[Run]) -> Run:
    seeds = [str(run.config.seed) for run in runs]
    init_bound_value("seed", seeds[0], seeds)
    if len(seeds) == 1:
        return runs[0]
    with st.sidebar:
        chosen = st.segmented_control("Seed", seeds, key="seed", required=True, bind="query-params")
    return next((run for run in runs if str(run.config.seed) == chosen), runs[0])


def choose_threshold() -> float:
    """The threshold slider; `threshold` in the URL."""
    init_bound_value("threshold", DEFAULT_THRESHOLD, read=_probability)
    return st.slider(
        "Threshold (predicted positive from this probability on)",
        0.0,
        1.0,
        step=THRESHOLD_STEP,
        format="%.3f",
        key="threshold",
        bind="query-params",
        help="A text is predicted positive when its probability is at or above the threshold. A lower threshold raises "
        "recall and adds false positives.",
    )


def _probability(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise ValueError(text)
    return value


def choose_prevalence(*, help: str = "") -> float:
    """The slider of the deployment prevalence q, as a share between 0 and 1; in the URL `q`, in percent."""
    init_bound_value("q", PREVALENCE_CHOICE, PREVALENCES)
    chosen = st.select_slider(
        "Deployment prevalence q (% positives)",
        PREVALENCES,
        key="q",
        bind="query-params",
        help=help
        or "Share of positives where the classifier is used. Precision, F1 and predicted positives are computed for it "
        "rather than for the test set.",
    )
    return float(chosen) / 100
