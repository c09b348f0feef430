"""What happened, and what to do next."""

import streamlit as st

from data.experiments import ExperimentConfig
from pages.compare._findings import collapsed_runs, what_happened, which_is_better
from pages.compare._next_steps import next_steps
from pages.compare._welcome import welcome
from pages.shared.charts import draw
from pages.shared.headline import headline
from pages.shared.recall_chart import recall_alt, recall_chart, recall_reading
from pages.shared.recalls import by_ratio, outcomes_by_run
from pages.shared.state import choose_experiment
from pages.shared.words import plain


def show() -> None:
    config = choose_experiment()
    if config is None:
        welcome()
        return
    runs = outcomes_by_run(config.id)
    if runs.empty:
        headline("Overview", "No run has finished yet.")
        return
    show_findings(config)


def show_findings(config: ExperimentConfig) -> None:
    runs = outcomes_by_run(config.id)
    means = by_ratio(runs)
    headline(f"Overview of {plain(config.title)}", what_happened(means), which_is_better(means))
    left, right = st.columns([3, 2], gap="large")
    with left:
        figure = recall_chart(runs, means, list(config.ratios))
        draw(figure, key="recall", alt=recall_alt(means), reading=recall_reading(means))
    with right:
        next_steps(config)
    if warning := collapsed_runs(means):
        st.warning(warning, icon=":material/warning:")


show()
