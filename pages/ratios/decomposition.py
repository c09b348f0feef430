"""The drop in recall between two ratios: how much is ranking, and how much another threshold recovers."""

import streamlit as st

from closecall.analysis.formatting import count_text, ratio_text
from closecall.analysis.ratio.decomposition import Decomposition
from closecall.analysis.ratio.ratio_vs_threshold import ratio_vs_threshold_table
from closecall.charts.ratio_pairs import waterfall_chart
from closecall.models.results import ratio_pairs
from closecall.models.results.ratio_pairs import MATCHED, drop_sentence, part_rows
from closecall.models.results.run_predictions import Key
from closecall.models.results.valid_runs import ValidRuns
from closecall.pages.shared.chart_view import current_theme, show_chart
from closecall.pages.shared.state import init_bound_value

OLD_LEVELS = {"false alarms": MATCHED[0], "alerts": MATCHED[1]}
"""What is matched, by the names that older links have."""


def decomposition_part(test: ValidRuns, validation: ValidRuns, q: float) -> None:
    """Two ratios to choose, the waterfall between them, and the parts of both orders in a table."""
    if not has_two_ratios(test):
        return
    a, b, matched = _choose(test)
    parts = decomposed(test, validation, a, b, match_prevalence=q if matched == MATCHED[1] else None)
    if parts is None:
        st.info(f"{ratio_text(a)} and {ratio_text(b)} have no seed in common.", icon=":material/info:")
        return
    left, right = st.columns(2, gap="large")
    with left:
        chart = waterfall_chart(parts, ratio_text(a), ratio_text(b), theme=current_theme(), matched=matched)
        show_chart(chart)
    with right:
        _show_parts(parts, a, b, matched)


def has_two_ratios(test: ValidRuns) -> bool:
    """Whether two ratios can be compared; says so where they cannot."""
    if len(test.levels) < 2:
        st.info("A comparison needs valid runs at two ratios.", icon=":material/info:")
    return len(test.levels) > 1


def decomposed(
    test: ValidRuns, validation: ValidRuns, a: float, b: float, *, match_prevalence: float | None = None
) -> Decomposition | None:
    """The parts of the drop from ratio a to ratio b, as `models.results.ratio_pairs.decomposed`."""
    return _decomposed(test, validation, test.key, validation.key, a, b, match_prevalence)


def _choose(test: ValidRuns) -> tuple[float, float, str]:
    names = {ratio_text(one): one for one in test.levels}
    labels = list(names)
    with st.container(horizontal=True, gap="large"):
        init_bound_value("a", labels[0], labels[:-1])
        first = st.segmented_control("From", labels[:-1], key="a", required=True, bind="query-params")
        later = labels[labels.index(first or labels[0]) + 1 :]
        init_bound_value("b", later[-1], later)
        second = st.segmented_control("To", later, key="b", required=True, bind="query-params")
        init_bound_value("level", MATCHED[0], MATCHED, read=lambda text: OLD_LEVELS.get(text, text))
        matched = st.segmented_control(
            "Ranking compared at equal",
            MATCHED,
            key="level",
            required=True,
            bind="query-params",
            help="The recall of both ratios is compared at the same false-positive rate, or at the same rate of "
            "predicted positives at the chosen prevalence (a fixed review budget).",
        )
    return names[first or labels[0]], names[second or later[-1]], matched or MATCHED[0]


def _show_parts(parts: Decomposition, a: float, b: float, matched: str) -> None:
    names = ratio_text(a), ratio_text(b)
    st.markdown(f"**{drop_sentence(parts, names)}**")
    alt = "The parts of the drop with their intervals"
    st.dataframe(part_rows(parts, names, matched=matched), hide_index=True, key="parts", alt=alt)
    if matched == MATCHED[0]:
        table = ratio_vs_threshold_table({b: parts}, reference_ratio=a)
        st.markdown(str(table["sentence"].iloc[0]))
    st.caption(
        f"{count_text(parts.n_positives, 'test positive')}, {count_text(parts.n_seeds, 'seed')}. Thresholds are chosen "
        f"on {parts.chosen_on}, results are on test."
    )


@st.cache_resource(max_entries=64, show_spinner="Resampling")
def _decomposed(
    _test: ValidRuns,
    _validation: ValidRuns,
    test_key: Key,
    validation_key: Key,
    a: float,
    b: float,
    match_prevalence: float | None,
) -> Decomposition | None:
    return ratio_pairs.decomposed(_test, _validation, a, b, match_prevalence=match_prevalence)
