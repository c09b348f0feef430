"""How do recall and specificity change with the ratio, and what is each ratio worth at a prevalence?"""

import pandas as pd
import streamlit as st

from closecall.analysis.formatting import ratio_text
from closecall.charts.recall_by_ratio import preview_chart, recall_chart
from closecall.data.experiments.previews import Preview
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.results.findings import best_ratio, ranking_summary
from closecall.models.results.valid_runs import ValidRuns
from closecall.pages.ratios.decomposition import decomposition_part
from closecall.pages.ratios.flow import flow_part
from closecall.pages.ratios.paired_tests import tests_part
from closecall.pages.ratios.precision_recall import curves_part, ratio_vs_threshold_part
from closecall.pages.ratios.tables import all_runs, ratio_table
from closecall.pages.shared.chart_view import current_theme, show_chart
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import headline
from closecall.pages.shared.previews import preview_note, previewed_ratios, shown_previews
from closecall.pages.shared.runs import outcomes_by_run, prior_shift_of, ratio_table_of, valid_runs, verdict_of
from closecall.pages.shared.state import choose_prevalence, init_bound_value, require_experiment, show_empty_state

FLOW, OR_THRESHOLD = "Lost and gained positives", "Ratio or threshold"
PARTS = ("Why recall fell", FLOW, "Precision and recall", OR_THRESHOLD, "Paired tests", "All runs")
# Parts by the names that older links have.
OLD_PARTS = {"Who was lost": FLOW, "The ratio as a knob": OR_THRESHOLD, "All numbers": "All runs"}


def show() -> None:
    config = require_experiment()
    runs, previews = outcomes_by_run(config.id), shown_previews(config)
    if runs.empty and previews:
        show_previews(config, previews)
        return
    if runs.empty:
        show_empty_state("No run of this experiment has finished yet.", "pages/train/page.py", "See the progress")
    top, (test, validation) = st.container(), valid_runs(config.id)
    left, right = st.columns(2, gap="large")
    with right:
        q = choose_prevalence()
    table, previewed = ratio_table_of(config.id, q=q), previewed_ratios(config, previews, q)
    with top:
        headline(f"Ratios of {escape_markdown(config.title)}", best_ratio(table, q), ranking_summary(table, q))
    with left:
        verdict = verdict_of(config.id)
        show_chart(
            recall_chart(
                runs,
                table,
                config.ratios,
                theme=current_theme(),
                prior=prior_shift_of(config.id, tuple(config.ratios)),
                pair=verdict.evidence.comparison if verdict else None,
                previewed=previewed,
            )
        )
    with right:
        ratio_table(table, q, missing_ratios(config, table), previewed)
        preview_note(previews)
    show_parts(config, runs, test, validation, q)


def show_previews(config: ExperimentConfig, previews: list[Preview]) -> None:
    """Before any run has finished: the previews, without conclusions."""
    top = st.container()
    left, right = st.columns(2, gap="large")
    with right:
        q = choose_prevalence()
    previewed = previewed_ratios(config, previews, q)
    with top:
        headline(f"Ratios of {escape_markdown(config.title)}", "No run has finished yet. These are previews.")
    with left:
        show_chart(preview_chart(previewed, config.ratios, theme=current_theme()))
    with right:
        ratio_table(pd.DataFrame(), q, missing_ratios(config, pd.DataFrame({"ratio": []})), previewed)
        preview_note(previews)
        st.page_link("pages/train/page.py", label="See the progress", icon=":material/model_training:",
                     query_params={"experiment": config.id})  # fmt: skip


def show_parts(config: ExperimentConfig, runs: pd.DataFrame, test: ValidRuns, validation: ValidRuns, q: float) -> None:
    """The details below; only the open part is computed."""
    parts = (
        lambda: decomposition_part(test, validation, q),
        lambda: flow_part(config, test),
        lambda: curves_part(config, q),
        lambda: ratio_vs_threshold_part(config, test, validation, q),
        lambda: tests_part(test),
        lambda: all_runs(runs, config.id, q=q),
    )
    init_bound_value("part", PARTS[0], PARTS, read=lambda text: OLD_PARTS.get(text, text))
    for tab, part in zip(st.tabs(PARTS, key="part", bind="query-params"), parts, strict=True):
        if tab.open:
            with tab:
                part()


def missing_ratios(config: ExperimentConfig, table: pd.DataFrame) -> list[str]:
    """The ratios of the experiment that have no finished run yet."""
    return [ratio_text(ratio) for ratio in config.ratios if ratio not in set(table["ratio"])]


show()
