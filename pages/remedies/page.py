"""Does a method against class imbalance help? Each method compared with the baseline at one ratio."""

from collections.abc import Sequence

import streamlit as st

from closecall.analysis.formatting import ratio_text
from closecall.analysis.remedies.gains import Gain
from closecall.analysis.remedies.methods import RULES, Measures, current_rule
from closecall.charts.remedy_gains import gain_chart
from closecall.data.experiments.runs import load_runs
from closecall.data.experiments.store import ExperimentConfig
from closecall.data.io.errors import UserError
from closecall.models.queue.jobs import experiment_progress
from closecall.models.results.remedy_comparison import (
    RemedyComparison,
    compared_ratios,
    remedy_answers,
    remedy_comparison,
    remedy_gains,
    remedy_measures,
)
from closecall.pages.remedies.examples import examples_part
from closecall.pages.remedies.form import queue_form
from closecall.pages.remedies.tables import HOW_COMPARED, notes, ranking_table, thresholds_table
from closecall.pages.shared.cached_io import stamp
from closecall.pages.shared.chart_view import current_theme, show_chart
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import headline, show_user_error, wide
from closecall.pages.shared.run_progress import progress_panel
from closecall.pages.shared.state import choose_prevalence, init_bound_value, require_experiment

PARTS = ("Three thresholds", "Ranking and calibration", "Fixed and broken", "Train more", "What each does")


def show() -> None:
    wide()
    config = require_experiment()
    ratios = compared_ratios(config.id)
    if not ratios:
        show_empty(config)
        return
    init_bound_value("ratio", ratio_text(ratios[-1]), [ratio_text(one) for one in ratios])
    top, middle = st.container(), st.container()
    with middle:
        left, right = st.columns([7, 3], gap="large")
    with right:
        comparison, q, rule = choose(config, ratios)
    if comparison is None:
        return
    if not comparison.methods:
        st.info("Every remedy run at this ratio collapsed or shares no seed with the baseline.")
        return
    gains, measures = compared(comparison, q, rule)
    answer, *details = remedy_answers(comparison, gains, measures[0])
    with top:
        headline(f"Remedies of {escape_markdown(config.title)}", answer, " ".join(details))
    with left:
        show_chart(
            gain_chart(gains, ratio=ratio_text(comparison.ratio), coming=comparison.unfinished, theme=current_theme())
        )
    with right:
        show_coming(config)
    show_parts(config, comparison, gains, measures, q=q, rule=rule)


def show_empty(config: ExperimentConfig) -> None:
    """No finished comparison: the progress of queued remedies, or the form that queues them."""
    queued = any(run.config.remedy != "none" for run in load_runs(config.id))
    sentence = (
        "The first remedies are being trained." if queued else "No remedy has been trained in this experiment yet."
    )
    headline(f"Remedies of {escape_markdown(config.title)}", sentence, HOW_COMPARED)
    if queued:
        progress_panel(config.id, table=True)
    with st.expander("Train remedies", expanded=not queued, icon=":material/model_training:"):
        queue_form(config)
    with st.expander("What each method does, and published evidence"):
        notes()


def choose(config: ExperimentConfig, ratios: list[float]) -> tuple[RemedyComparison | None, float, str]:
    """The ratio with its comparison, the prevalence, and the rule for a method's own threshold."""
    by_label = {ratio_text(one): one for one in ratios}
    chosen = st.segmented_control("Ratio", list(by_label), key="ratio", required=True, bind="query-params",
                                  help="Ratios with a finished baseline run and a finished remedy run.")  # fmt: skip
    q = choose_prevalence()
    init_bound_value("rule", RULES[0], RULES, current_rule)
    rule = st.selectbox("Own threshold of a method", RULES, index=None, key="rule", required=True, bind="query-params",
                        help="Chosen on validation, reported on test.") or RULES[0]  # fmt: skip
    try:
        return comparison_at(config.id, by_label[chosen or ratio_text(ratios[-1])]), q, rule
    except UserError as error:
        show_user_error(error)
        return None, q, rule


def show_coming(config: ExperimentConfig) -> None:
    progress = experiment_progress(config.id)
    if progress.active:
        st.markdown("**Not finished yet**")
        progress_panel(config.id, table=False)


def show_parts(
    config: ExperimentConfig,
    comparison: RemedyComparison,
    gains: Sequence[Gain],
    measures: Sequence[Measures],
    *,
    q: float,
    rule: str,
) -> None:
    """The details in tabs; only the open tab is computed."""
    by_name = {gain.name: gain for gain in gains}
    parts = (
        lambda: thresholds_table(comparison, measures, by_name, q=q, rule=rule),
        lambda: ranking_table(comparison, measures, by_name, q=q),
        lambda: examples_part(config, comparison, rule=rule, q=q),
        lambda: queue_form(config),
        notes,
    )
    for tab, part in zip(st.tabs(PARTS, key="part", bind="query-params"), parts, strict=True):
        if tab.open:
            with tab:
                part()


def comparison_at(experiment: str, ratio: float) -> RemedyComparison:
    """The comparison, read again only when a run at this ratio changed."""
    return _read_comparison(*_key(experiment, ratio))


def compared(comparison: RemedyComparison, q: float, rule: str) -> tuple[list[Gain], list[Measures]]:
    """The gains, which do not depend on q, and the measures at q, the baseline first."""
    key = _key(comparison.experiment, comparison.ratio)
    return _gains(comparison, key), _measures(comparison, key, q, rule)


def _key(experiment: str, ratio: float) -> tuple[str, float, tuple[tuple[str, int], ...]]:
    runs = [run for run in load_runs(experiment) if run.config.ratio == ratio]
    return experiment, ratio, tuple((run.name, stamp(run.folder / "predictions.parquet")) for run in runs)


@st.cache_resource(max_entries=8, show_spinner=False)
def _read_comparison(experiment: str, ratio: float, runs: tuple[tuple[str, int], ...]) -> RemedyComparison:
    return remedy_comparison(experiment, ratio)


@st.cache_resource(max_entries=8, show_spinner="Comparing the methods")
def _gains(_comparison: RemedyComparison, key: tuple) -> list[Gain]:
    return remedy_gains(_comparison)


@st.cache_resource(max_entries=32, show_spinner="Computing the metrics")
def _measures(_comparison: RemedyComparison, key: tuple, q: float, rule: str) -> list[Measures]:
    return remedy_measures(_comparison, q=q, rule=rule)


show()
