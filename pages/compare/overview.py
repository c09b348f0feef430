"""What happened, and what to do next."""

from functools import partial

import pandas as pd
import streamlit as st

from data.experiments import ExperimentConfig, ratio_label
from models.jobs import experiment_progress
from pages.compare._findings import collapsed_runs, what_happened, which_is_better
from pages.compare._main_chart import main_chart, preview_chart
from pages.compare._next_steps import next_steps
from pages.compare._previews import preview_note, previewed_ratios, shown_previews
from pages.compare._report import report
from pages.compare._verdict import show_verdict, verdict_of
from pages.compare._welcome import welcome
from pages.shared.charts import show_chart
from pages.shared.headline import headline
from pages.shared.prevalence import START
from pages.shared.recalls import by_ratio, outcomes_by_run
from pages.shared.run_progress import progress_panel
from pages.shared.sound_runs import sound_runs
from pages.shared.state import choose_experiment
from pages.shared.words import duration, plain

Q = float(START) / 100


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
        soon = f" It ends in about {duration(first)}." if first is not None else ""
        sentence = f"The first run is being made.{soon}"
    else:
        sentence = "No run of this experiment has finished."
    ratios = ", ".join(ratio_label(one) for one in config.ratios)
    coming = f"The per-class accuracy at {ratios} will stand here, ratio by ratio, as the runs end."
    previews = shown_previews(config)
    headline(f"Overview of {plain(config.title)}", ("The preview is here. " if previews else "") + sentence, coming)
    if previews:
        preview_note(previews)
        left, right = st.columns([3, 2], gap="large")
        with left:
            show_chart(preview_chart(config, previewed_ratios(config, previews, Q)))
        with right:
            progress_panel(config.id, table=True)
    else:
        progress_panel(config.id, table=True)
    st.page_link("pages/prepare/train.py", label="Cancel, resume or queue more", icon=":material/model_training:",
                 query_params={"experiment": config.id})  # fmt: skip


def show_findings(config: ExperimentConfig, runs: pd.DataFrame) -> None:
    means = by_ratio(runs)
    progress = experiment_progress(config.id)
    headline(f"Overview of {plain(config.title)}", what_happened(means))
    verdict = verdict_of(config.id)
    if verdict is not None:
        show_verdict(config, verdict, partial=progress.active)
    previews = shown_previews(config)
    previewed = previewed_ratios(config, previews, Q)
    left, right = st.columns([3, 2], gap="large")
    with left:
        show_chart(main_chart(config, runs, means, sound_runs(config.id), previewed=previewed))
    with right:
        if progress.counts["done"] < len(progress.runs):
            st.markdown("**Still coming**" if progress.active else "**Not finished**")
            progress_panel(config.id, table=False)
            if not progress.active:
                st.page_link("pages/prepare/train.py", label="Go on with them", icon=":material/play_arrow:",
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
    return report(experiment, q=float(st.session_state.get("kept-q", START)) / 100).encode()


show()
