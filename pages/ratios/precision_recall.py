"""Precision and recall of all ratios at one prevalence, and each ratio compared with a threshold of another."""

import streamlit as st

from closecall.analysis.formatting import ratio_text
from closecall.analysis.ratio.ratio_vs_threshold import ratio_vs_threshold_sentence
from closecall.charts.precision_recall import precision_recall_chart, ratio_vs_threshold_chart
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.results.ratio_pairs import ratio_vs_threshold_rows, ratio_vs_threshold_title
from closecall.models.results.ratio_table import first_seed_curves
from closecall.models.results.valid_runs import ValidRuns
from closecall.pages.ratios.decomposition import decomposed, has_two_ratios
from closecall.pages.shared.chart_view import current_theme, show_chart
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.runs import outcomes_by_run, scores_of
from closecall.pages.shared.state import init_bound_value


def curves_part(config: ExperimentConfig, q: float) -> None:
    """The precision-recall curve of every ratio."""
    runs = outcomes_by_run(config.id)
    n_positives = int(runs[["tp", "fn"]].iloc[0].sum())
    curves = first_seed_curves(runs, scores_of(config.id), q=q)
    show_chart(precision_recall_chart(curves, q=q, n_positives=n_positives, theme=current_theme()))


def ratio_vs_threshold_part(config: ExperimentConfig, test: ValidRuns, validation: ValidRuns, q: float) -> None:
    """Choose the ratio whose curve is drawn; compare the other ratios with thresholds on it."""
    if not has_two_ratios(test):
        return
    names = {ratio_text(one): one for one in test.levels}
    init_bound_value("base", next(iter(names)), list(names))
    chosen = st.segmented_control("Curve of", list(names), key="base", required=True, bind="query-params")
    base = names[chosen or next(iter(names))]
    parts = {ratio: decomposed(test, validation, base, ratio) for ratio in test.levels if ratio != base}
    table = ratio_vs_threshold_rows(parts, base)
    left, right = st.columns(2, gap="large")
    with left:
        curves = first_seed_curves(outcomes_by_run(config.id), scores_of(config.id), q=q)
        finding = ratio_vs_threshold_title(table, base) if len(table) else f"Every ratio over the curve of {chosen}"
        n_positives = int((test.labels == 1).sum())
        show_chart(
            ratio_vs_threshold_chart(curves, base, finding=finding, q=q, n_positives=n_positives, theme=current_theme())
        )
    with right:
        if table.empty:
            st.info(f"No other ratio has a seed in common with {ratio_text(base)}.", icon=":material/info:")
            return
        st.markdown(f"**{escape_markdown(ratio_vs_threshold_sentence(table, reference_ratio=base))}**")
        for sentence in table["sentence"]:
            st.markdown(f"- {escape_markdown(str(sentence))}")
