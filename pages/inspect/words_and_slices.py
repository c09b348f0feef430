"""What do the misses share? Words, lengths, columns and clusters, found on validation and tested on test."""

from collections.abc import Callable, Mapping

import streamlit as st

from data.errors import UserError
from data.experiments import ExperimentConfig
from data.runs import Run
from models.slice_findings import SliceFindings
from models.slice_words import WHOSE, finding_said, what_was_tested
from pages.inspect._slice_card import slice_card
from pages.inspect._slice_desk import own_slices
from pages.inspect._slice_table import slice_table
from pages.inspect._word_pulls import word_pulls_part
from pages.shared.failures import tell
from pages.shared.headline import headline
from pages.shared.link import enter, settle
from pages.shared.slice_findings import findings
from pages.shared.state import choose_run, require_experiment
from pages.shared.threshold import choose_threshold
from pages.shared.wide import wide
from pages.shared.words import plain

PARTS = ("What stands out", "Own and saved slices", "Words that pull the score")
STARTS = {"among": "fn", "rule": ""}
READS: Mapping[str, Callable[[str], str]] = {"among": lambda text: text if text in WHOSE else "fn"}
CHOICES = {"fn": "Misses among positives", "fp": "False alarms among negatives"}


def show() -> None:
    wide()
    config = require_experiment()
    run = choose_run(config)
    with st.sidebar:
        threshold = choose_threshold()
    enter(STARTS, READS, canary="among")
    settle(STARTS)  # before anything is drawn: what is typed next must not come with the old URL
    top = st.container()
    st.segmented_control("Look at", list(CHOICES), key="among", format_func=CHOICES.__getitem__, required=True,
                         label_visibility="collapsed")  # fmt: skip
    outcome = str(st.session_state["among"])
    found = findings(config.id, run, outcome=outcome, threshold=threshold)
    with top:
        said = finding_said(found, run.config.ratio, outcome)
        headline(f"Words and slices of {plain(config.title)}", plain(said), plain(what_was_tested(found, outcome)))
    show_parts(config, run, found, outcome, threshold)
    settle(STARTS)


def show_parts(config: ExperimentConfig, run: Run, found: SliceFindings, outcome: str, threshold: float) -> None:
    """Only the open part is worked out."""
    for tab, name in zip(st.tabs(PARTS, key="look", bind="query-params"), PARTS, strict=True):
        if not tab.open:
            continue
        with tab:
            if name == PARTS[2]:
                word_pulls_part(config, run, outcome, threshold)
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
        tell(error)


def first_of(found: SliceFindings) -> str:
    """The rule of the first row of the table."""
    return "" if found.table.empty or found.too_few else str(found.table["written"].iloc[0])


show()
