"""What do the misses share? Words, lengths, columns and clusters, found on validation and tested on test."""

from collections.abc import Callable, Mapping

import streamlit as st

from closecall.data.experiments.runs import Run
from closecall.data.experiments.store import ExperimentConfig
from closecall.data.io.errors import UserError
from closecall.models.explain.slices import SliceFindings
from closecall.models.results.slice_wording import CLASS_NAMES, finding_text, slice_tests_text
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import headline, show_user_error, wide
from closecall.pages.shared.slices import findings
from closecall.pages.shared.state import choose_run, choose_threshold, require_experiment
from closecall.pages.shared.url_filters import load_filters, save_filters
from closecall.pages.words_and_slices.contributions import contributions_part
from closecall.pages.words_and_slices.saved_slices import own_slices
from closecall.pages.words_and_slices.slice_card import slice_card
from closecall.pages.words_and_slices.slice_table import slice_table

PARTS = ("What stands out", "Own and saved slices", "Words that pull the score")
STARTS = {"among": "fn", "rule": ""}
READS: Mapping[str, Callable[[str], str]] = {"among": lambda text: text if text in CLASS_NAMES else "fn"}
CHOICES = {"fn": "Misses among positives", "fp": "False alarms among negatives"}


def show() -> None:
    wide()
    config = require_experiment()
    run = choose_run(config)
    with st.sidebar:
        threshold = choose_threshold()
    load_filters(STARTS, READS, canary="among")
    save_filters(STARTS)  # before anything is drawn: what is typed next must not come with the old URL
    top = st.container()
    st.segmented_control("Look at", list(CHOICES), key="among", format_func=CHOICES.__getitem__, required=True,
                         label_visibility="collapsed")  # fmt: skip
    outcome = str(st.session_state["among"])
    found = findings(config.id, run, outcome=outcome, threshold=threshold)
    with top:
        said = finding_text(found, run.config.ratio, outcome)
        headline(
            f"Words and slices of {escape_markdown(config.title)}",
            escape_markdown(said),
            escape_markdown(slice_tests_text(found, outcome)),
        )
    show_parts(config, run, found, outcome, threshold)
    save_filters(STARTS)


def show_parts(config: ExperimentConfig, run: Run, found: SliceFindings, outcome: str, threshold: float) -> None:
    """Only the open part is worked out."""
    for tab, name in zip(st.tabs(PARTS, key="look", bind="query-params"), PARTS, strict=True):
        if not tab.open:
            continue
        with tab:
            if name == PARTS[2]:
                contributions_part(config, run, outcome, threshold)
                continue
            left, right = st.columns([5, 3], gap="medium")
            with left:
                if name == PARTS[0]:
                    slice_table(found, outcome)
                    start = first_of(found)
                else:
                    start = own_slices(config, run, outcome, threshold)
            with right:
                chosen(config, run, found, outcome, threshold, start)


def chosen(
    config: ExperimentConfig, run: Run, found: SliceFindings, outcome: str, threshold: float, start: str
) -> None:
    """The slice that was ticked, typed or linked to, else `start`."""
    try:
        slice_card(config, run, found.table, outcome, threshold, start=start)
    except UserError as error:
        show_user_error(error)


def first_of(found: SliceFindings) -> str:
    """The rule of the first row of the table."""
    return "" if found.table.empty or found.too_few else str(found.table["rule"].iloc[0])


show()
