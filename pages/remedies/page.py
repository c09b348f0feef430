"""Would another loss help me? Every arm beside plain cross-entropy, raced fairly."""

from collections.abc import Sequence

import streamlit as st

from closecall.analysis.formatting import ratio_text
from closecall.analysis.remedies.gains import Gain
from closecall.analysis.remedies.methods import RULES, Measures, current_rule, current_rule, current_rule
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
from closecall.pages.remedies.chart import gain_chart
from closecall.pages.remedies.examples import examples_part
from closecall.pages.remedies.form import queue_form
from closecall.pages.remedies.tables import FAIR, cuts_table, notes, ranking_table
from closecall.pages.shared.cached_io import stamp
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
        race, q, rule = choose(config, ratios)
    if race is None:
        return
    if not race.arms:
        st.info("Every run of the remedies at this ratio collapsed, or shares no seed with plain.")
        return
    gains, measures = compared(race, q, rule)
    answer, *details = remedy_answers(race, gains, measures[0])
    with top:
        headline(f"Remedies of {escape_markdown(config.title)}", answer, " ".join(details))
    with left:
        gain_chart(gains, ratio=ratio_text(race.ratio), coming=race.coming)
    with right:
        show_coming(config)
    show_parts(config, race, gains, measures, q=q, rule=rule)


def show_empty(config: ExperimentConfig) -> None:
    """Nothing to compare yet: what is coming, or the form that queues it."""
    queued = any(run.config.remedy != "none" for run in load_runs(config.id))
    sentence = "The first remedies are being made." if queued else "No remedy was trained in this experiment yet."
    headline(f"Remedies of {escape_markdown(config.title)}", sentence, FAIR)
    if queued:
        progress_panel(config.id, table=True)
    with st.expander("Train remedies", expanded=not queued, icon=":material/model_training:"):
        queue_form(config)
    with st.expander("What each does, and what others measured"):
        notes()


def choose(config: ExperimentConfig, ratios: list[float]) -> tuple[RemedyComparison | None, float, str]:
    """The ratio, the prevalence and the rule for an arm's own threshold."""
    by_label = {ratio_text(one): one for one in ratios}
    chosen = st.segmented_control("Ratio", list(by_label), key="ratio", required=True, bind="query-params",
                                  help="Ratios at which the plain run and a remedy have finished.")  # fmt: skip
    q = choose_prevalence()
    init_bound_value("rule", RULES[0], RULES, current_rule)
    rule = st.selectbox("An arm's own threshold", RULES, index=None, key="rule", required=True, bind="query-params",
                        help="Chosen on validation, told on test.") or RULES[0]  # fmt: skip
    try:
        return the_race(config.id, by_label[chosen or ratio_text(ratios[-1])]), q, rule
    except UserError as error:
        show_user_error(error)
        return None, q, rule


def show_coming(config: ExperimentConfig) -> None:
    progress = experiment_progress(config.id)
    if progress.active:
        st.markdown("**Still coming**")
        progress_panel(config.id, table=False)


def show_parts(
    config: ExperimentConfig,
    race: RemedyComparison,
    gains: Sequence[Gain],
    measures: Sequence[Measures],
    *,
    q: float,
    rule: str,
) -> None:
    """The detail below; only the open part is worked out."""
    by_name = {gain.name: gain for gain in gains}
    parts = (
        lambda: cuts_table(race, measures, by_name, q=q, rule=rule),
        lambda: ranking_table(race, measures, by_name, q=q),
        lambda: examples_part(config, race, rule=rule, q=q),
        lambda: queue_form(config),
        notes,
    )
    for tab, part in zip(st.tabs(PARTS, key="part", bind="query-params"), parts, strict=True):
        if tab.open:
            with tab:
                part()


def the_race(experiment: str, ratio: float) -> RemedyComparison:
    """The race, read again only when a run at this ratio changed."""
    return _race(*_key(experiment, ratio))


def compared(race: RemedyComparison, q: float, rule: str) -> tuple[list[Gain], list[Measures]]:
    """The gains, which no prevalence changes, and the measures at q; plain comes first among these."""
    key = _key(race.experiment, race.ratio)
    return _gains(race, key), _measures(race, key, q, rule)


def _key(experiment: str, ratio: float) -> tuple[str, float, tuple[tuple[str, int], ...]]:
    runs = [run for run in load_runs(experiment) if run.config.ratio == ratio]
    return experiment, ratio, tuple((run.name, stamp(run.folder / "predictions.parquet")) for run in runs)


@st.cache_resource(max_entries=8, show_spinner=False)
def _race(experiment: str, ratio: float, runs: tuple[tuple[str, int], ...]) -> RemedyComparison:
    return remedy_comparison(experiment, ratio)


@st.cache_resource(max_entries=8, show_spinner="Comparing the arms")
def _gains(_race: RemedyComparison, key: tuple) -> list[Gain]:
    return remedy_gains(_race)


@st.cache_resource(max_entries=32, show_spinner="Measuring the arms")
def _measures(_race: RemedyComparison, key: tuple, q: float, rule: str) -> list[Measures]:
    return remedy_measures(_race, q=q, rule=rule)


show()
