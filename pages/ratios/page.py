"""Compare ratios: what each finds, and what that is worth where it will be used."""

import pandas as pd
import streamlit as st

from closecall.analysis.formatting import ratio_text
from closecall.data.experiments.previews import Preview
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.results.valid_runs import ValidRuns
from closecall.pages.ratios.curves import curves_part
from closecall.pages.ratios.decomposition import decomposition_part
from closecall.pages.ratios.flow import flow_part
from closecall.pages.ratios.paired_tests import tests_part
from closecall.pages.ratios.ratio_vs_threshold import ratio_vs_threshold_part
from closecall.pages.ratios.tables import all_numbers, main_table
from closecall.pages.shared.chart_view import show_chart
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import headline
from closecall.pages.shared.previews import preview_note, previewed_ratios, shown_previews
from closecall.pages.shared.ranking_table import best_at, best_ranked, ratio_table
from closecall.pages.shared.recall_chart import main_chart, preview_chart
from closecall.pages.shared.runs import outcomes_by_run, valid_runs
from closecall.pages.shared.state import choose_prevalence, require_experiment, show_empty_state

PARTS = (
    "Why recall fell", "Who was lost", "Precision and recall", "The ratio as a knob", "Paired tests", "All numbers",
)  # fmt: skip


def show() -> None:
    config = require_experiment()
    runs, previews = outcomes_by_run(config.id), shown_previews(config)
    if runs.empty and previews:
        show_previews(config, previews)
        return
    if runs.empty:
        show_empty_state("No run of this experiment has finished yet.", "pages/train/page.py", "See the progress")
    top, sound = st.container(), valid_runs(config.id)
    left, right = st.columns(2, gap="large")
    with right:
        q = choose_prevalence()
    table, previewed = ratio_table(config.id, runs, q), previewed_ratios(config, previews, q)
    with top:
        headline(f"Ratios of {escape_markdown(config.title)}", best_at(table, q), best_ranked(table, q))
    with left:
        show_chart(main_chart(config, runs, table, sound, previewed=previewed))
    with right:
        main_table(table, q, missing_ratios(config, table), previewed)
        preview_note(previews)
    show_parts(config, runs, table, sound, q)


def show_previews(config: ExperimentConfig, previews: list[Preview]) -> None:
    """Before any run has finished: the previews, and nothing that is concluded from them."""
    top = st.container()
    left, right = st.columns(2, gap="large")
    with right:
        q = choose_prevalence()
    previewed = previewed_ratios(config, previews, q)
    with top:
        headline(f"Ratios of {escape_markdown(config.title)}", "No run has finished yet; these are previews.")
    with left:
        show_chart(preview_chart(config, previewed))
    with right:
        main_table(pd.DataFrame(), q, missing_ratios(config, pd.DataFrame({"ratio": []})), previewed)
        preview_note(previews)
        st.page_link("pages/train/page.py", label="See the progress", icon=":material/model_training:",
                     query_params={"experiment": config.id})  # fmt: skip


def show_parts(
    config: ExperimentConfig, runs: pd.DataFrame, table: pd.DataFrame, sound: tuple[ValidRuns, ValidRuns], q: float
) -> None:
    """The detail below; only the open part is worked out."""
    parts = (
        lambda: decomposition_part(*sound, q),
        lambda: flow_part(config, sound[0]),
        lambda: curves_part(config, q),
        lambda: ratio_vs_threshold_part(config, *sound, q),
        lambda: tests_part(sound[0]),
        lambda: all_numbers(runs, table, config.id),
    )
    for tab, part in zip(st.tabs(PARTS, key="part", bind="query-params"), parts, strict=True):
        if tab.open:
            with tab:
                part()


def missing_ratios(config: ExperimentConfig, table: pd.DataFrame) -> list[str]:
    return [ratio_text(one) for one in config.ratios if one not in set(table["ratio"])]


show()
