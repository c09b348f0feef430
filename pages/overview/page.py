"""What happened, and what to do next."""

from functools import partial

import pandas as pd
import streamlit as st

from closecall.analysis.formatting import duration_text, ratio_text
from closecall.charts.report import report
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.queue.jobs import experiment_progress
from closecall.models.results.valid_runs import by_ratio
from closecall.pages.overview.findings import collapsed_runs, what_happened, which_is_better
from closecall.pages.overview.next_steps import next_steps
from closecall.pages.overview.verdict import show_verdict, verdict_of
from closecall.pages.shared.chart_view import show_chart
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import headline
from closecall.pages.shared.previews import preview_note, previewed_ratios, shown_previews
from closecall.pages.shared.recall_chart import main_chart, preview_chart
from closecall.pages.shared.run_progress import demo_button, progress_panel
from closecall.pages.shared.runs import outcomes_by_run, valid_runs
from closecall.pages.shared.state import DEFAULT_PREVALENCE, choose_experiment

Q = float(DEFAULT_PREVALENCE) / 100


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
    """Nothing to show yet: what is coming, and when."""
    progress = experiment_progress(config.id)
    first = next((run.status.eta_seconds for run in progress.runs if run.status.eta_seconds is not None), None)
    if progress.active:
        soon = f" It ends in about {duration_text(first)}." if first is not None else ""
        sentence = f"The first run is being made.{soon}"
    else:
        sentence = "No run of this experiment has finished."
    ratios = ", ".join(ratio_text(one) for one in config.ratios)
    coming = f"The per-class accuracy at {ratios} will stand here, ratio by ratio, as the runs end."
    previews = shown_previews(config)
    headline(
        f"Overview of {escape_markdown(config.title)}", ("The preview is here. " if previews else "") + sentence, coming
    )
    if previews:
        preview_note(previews)
        left, right = st.columns([3, 2], gap="large")
        with left:
            show_chart(preview_chart(config, previewed_ratios(config, previews, Q)))
        with right:
            progress_panel(config.id, table=True)
    else:
        progress_panel(config.id, table=True)
    st.page_link("pages/train/page.py", label="Cancel, resume or queue more", icon=":material/model_training:",
                 query_params={"experiment": config.id})  # fmt: skip


def show_findings(config: ExperimentConfig, runs: pd.DataFrame) -> None:
    means = by_ratio(runs)
    progress = experiment_progress(config.id)
    headline(f"Overview of {escape_markdown(config.title)}", what_happened(means))
    verdict = verdict_of(config.id)
    if verdict is not None:
        show_verdict(config, verdict, partial=progress.active)
    previews = shown_previews(config)
    previewed = previewed_ratios(config, previews, Q)
    left, right = st.columns([3, 2], gap="large")
    with left:
        show_chart(main_chart(config, runs, means, valid_runs(config.id), previewed=previewed))
    with right:
        if progress.counts["done"] < len(progress.runs):
            st.markdown("**Still coming**" if progress.active else "**Not finished**")
            progress_panel(config.id, table=False)
            if not progress.active:
                st.page_link("pages/train/page.py", label="Go on with them", icon=":material/play_arrow:",
                             query_params={"experiment": config.id})  # fmt: skip
        preview_note(previews)
        if better := which_is_better(means):
            st.markdown(better)
        next_steps(config)
        st.download_button("Take this away as one page", partial(_report, config.id), f"{config.id}-report.html",
                           "text/html", icon=":material/download:", on_click="ignore", key="report",
                           help="The figures and words of Overview and Ratios in one file, for people without the "
                           "app; at the share of positives chosen on Ratios.")  # fmt: skip
    if verdict is None and (warning := collapsed_runs(means)):
        st.warning(warning, icon=":material/warning:")


def _report(experiment: str) -> bytes:
    return report(experiment, q=float(st.session_state.get("kept-q", DEFAULT_PREVALENCE)) / 100).encode()


def welcome() -> None:
    """What can be seen here in minutes, and the ways to begin."""
    headline(
        "Close Call",
        "Train one classifier with few negatives and with many, and read the positives it loses.",
        "The demo trains the built-in MiniLM on real newsgroup posts, with 1, 2, 3, 5 and 10 negatives for each "
        "positive. It takes minutes on two cores; the first results are there while the rest still trains, and closing "
        "the browser does not stop it.",
    )
    demo_button(0, "Run the demo", primary=True)
    st.space("small")
    left, right = st.columns(2, gap="large")
    with left, st.container(border=True):
        st.markdown("**With your own texts**")
        st.write("Import a table of texts and labels, say which classes are positive, and train on it.")
        st.page_link("pages/data/page.py", label="Import texts", icon=":material/upload_file:",
                     query_params={"part": "Import your own"})  # fmt: skip
        st.page_link("pages/train/page.py", label="Load a classifier or predictions", icon=":material/input:",
                     query_params={"make": "Load predictions"})  # fmt: skip
    with right, st.container(border=True):
        st.markdown("**The control**")
        st.write("The same posts against far-apart subjects: there the rare class is hardly harmed at 1:10.")
        demo_button(1, "Run the distant pair")


show()
