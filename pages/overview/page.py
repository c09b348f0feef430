"""What happened, why, and where to look next."""

import pandas as pd
import streamlit as st

from closecall.analysis.formatting import duration_text, listed_text, ratio_text
from closecall.analysis.metrics.prevalence import DEFAULT_PREVALENCE
from closecall.charts.recall_by_ratio import preview_chart, recall_chart
from closecall.charts.report import report_html
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.queue.jobs import experiment_progress
from closecall.models.queue.progress import ExperimentProgress
from closecall.models.results.actions import next_actions
from closecall.models.results.findings import better_ratio, collapsed_runs, ratio_summary
from closecall.models.results.report_content import report_content
from closecall.models.results.valid_runs import by_ratio
from closecall.pages.overview.actions import show_actions
from closecall.pages.overview.by_column import show_by_column
from closecall.pages.overview.causes import show_causes, show_measures
from closecall.pages.overview.next_steps import next_steps
from closecall.pages.overview.verdict import show_verdict
from closecall.pages.shared.causes import experiment_measures
from closecall.pages.shared.chart_view import current_theme, show_chart
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import headline, wrap_links
from closecall.pages.shared.previews import preview_note, previewed_ratios, shown_previews
from closecall.pages.shared.run_progress import demo_button, import_notes, progress_panel
from closecall.pages.shared.runs import outcomes_by_run, prior_shift_of, verdict_of
from closecall.pages.shared.state import PREVALENCE_CHOICE, choose_experiment


def show() -> None:
    config = choose_experiment()
    if config is None:
        welcome()
        return
    runs = outcomes_by_run(config.id)
    if runs.empty:
        show_waiting(config)
    else:
        show_findings(config, runs)


def show_waiting(config: ExperimentConfig) -> None:
    """Before the first results: what is coming, and when."""
    progress = experiment_progress(config.id)
    first = next((run.status.eta_seconds for run in progress.runs if run.status.eta_seconds is not None), None)
    if progress.active:
        soon = f" It ends in about {duration_text(first)}." if first is not None else ""
        sentence = f"The first run is being trained.{soon}"
    else:
        sentence = "No run of this experiment has finished."
    previews = shown_previews(config)
    headline(
        f"Overview of {escape_markdown(config.title)}",
        ("The preview is ready. " if previews else "") + sentence,
        f"Recall and specificity at {listed_text([ratio_text(one) for one in config.ratios])} appear here as runs end.",
    )
    if previews:
        preview_note(previews)
        left, right = st.columns([3, 2], gap="large")
        with left:
            previewed = previewed_ratios(config, previews, DEFAULT_PREVALENCE)
            show_chart(preview_chart(previewed, config.ratios, theme=current_theme()))
        with right:
            progress_panel(config.id, table=True)
    else:
        progress_panel(config.id, table=True)
    st.page_link("pages/train/page.py", label="Cancel, resume or queue more", icon=":material/model_training:",
                 query_params={"experiment": config.id})  # fmt: skip


def show_findings(config: ExperimentConfig, runs: pd.DataFrame) -> None:
    """The headline, the verdict, recall by ratio, and what to do next."""
    means, progress, verdict = by_ratio(runs), experiment_progress(config.id), verdict_of(config.id)
    found = ratio_summary(means) if verdict is None else verdict.headline
    headline(f"Overview of {escape_markdown(config.title)}", found, "" if verdict is None else ratio_summary(means))
    wrap_links()
    measures = experiment_measures(config.id, ratio=float(means["ratio"].max()))
    import_notes(config)
    left, right = st.columns([3, 2], gap="large")
    with left:
        causes = show_causes(config, float(means["ratio"].max()))
    with right:
        show_actions(config, next_actions(verdict, causes, measures))
    show_measures(measures)
    if causes is not None and len(causes.examples):
        show_by_column(config, causes)
    if verdict is not None:
        show_verdict(config, verdict, partial=progress.active)
    previews = shown_previews(config)
    left, right = st.columns([3, 2], gap="large")
    with left:
        show_chart(
            recall_chart(
                runs,
                means,
                config.ratios,
                theme=current_theme(),
                prior=prior_shift_of(config.id, tuple(config.ratios)),
                pair=verdict.evidence.comparison if verdict else None,
                previewed=previewed_ratios(config, previews, DEFAULT_PREVALENCE),
            )
        )
    with right:
        _show_unfinished(config, progress)
        preview_note(previews)
        if better := better_ratio(means):
            st.markdown(better)
        next_steps(config)
        st.download_button("Export as one page", lambda: _report(config.id), f"{config.id}-report.html",
                           "text/html", icon=":material/download:", on_click="ignore", key="report",
                           help="The figures and findings of Overview and Ratios in one HTML file, for readers without "
                           "the app, at the prevalence chosen on Ratios.")  # fmt: skip
    if verdict is None and (warning := collapsed_runs(means)):
        st.warning(warning, icon=":material/warning:")


def welcome() -> None:
    """An empty workspace: the demo, and how to start with own data."""
    headline(
        "Close Call",
        "Train one classifier at several ratios of negatives to positives, and read the positives it misses.",
        "The demo fine-tunes the built-in MiniLM on real newsgroup posts with 1, 2, 3, 5 and 10 negatives per "
        "positive. It takes minutes on two cores. First results appear while the rest still trains. Closing the "
        "browser does not stop it.",
    )
    demo_button(0, "Run the demo", primary=True)
    st.space("small")
    left, right = st.columns(2, gap="large")
    with left, st.container(border=True):
        st.markdown("**With your own texts**")
        st.write("Import a table of texts and labels, choose the positive classes, and train on it.")
        st.page_link("pages/data/page.py", label="Import texts", icon=":material/upload_file:",
                     query_params={"part": "Import your own"})  # fmt: skip
        st.page_link("pages/train/page.py", label="Load a classifier or predictions", icon=":material/input:",
                     query_params={"make": "Load predictions"})  # fmt: skip
    with right, st.container(border=True):
        st.markdown("**The control**")
        st.write("The same positives with distant subjects as negatives: recall hardly falls at 1:10.")
        demo_button(1, "Run the distant pair")


def _show_unfinished(config: ExperimentConfig, progress: ExperimentProgress) -> None:
    if progress.counts["done"] == len(progress.runs):
        return
    st.markdown("**Still running**" if progress.active else "**Not finished**")
    progress_panel(config.id, table=False)
    if not progress.active:
        st.page_link("pages/train/page.py", label="Resume them", icon=":material/play_arrow:",
                     query_params={"experiment": config.id})  # fmt: skip


def _report(experiment: str) -> bytes:
    q = float(st.session_state.get("kept-q", PREVALENCE_CHOICE)) / 100
    return report_html(report_content(experiment, q=q)).encode()


show()
