"""The Words and slices page: which words, lengths, columns and clusters the errors have in common."""

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
from closecall.pages.shared.state import choose_run, choose_threshold, init_bound_value, require_experiment
from closecall.pages.shared.url_filters import load_filters, save_filters
from closecall.pages.words_and_slices.contributions import contributions_part
from closecall.pages.words_and_slices.saved_slices import saved_slices_part
from closecall.pages.words_and_slices.slice_card import slice_card
from closecall.pages.words_and_slices.slice_table import slice_table

TESTED, SAVED, CONTRIBUTIONS = PARTS = ("Tested slices", "Own and saved slices", "Word contributions")
OLD_PARTS = {"What stands out": TESTED, "Words that pull the score": CONTRIBUTIONS}
"""Names of the parts in links of earlier versions."""
DEFAULTS = {"among": "fn", "rule": ""}
PARSERS: Mapping[str, Callable[[str], str]] = {"among": lambda text: text if text in CLASS_NAMES else "fn"}
CHOICES = {"fn": "False negatives among positives", "fp": "False positives among negatives"}


def show() -> None:
    wide()
    config = require_experiment()
    run = choose_run(config)
    with st.sidebar:
        threshold = choose_threshold()
    load_filters(DEFAULTS, PARSERS, canary="among")
    save_filters(DEFAULTS)  # before any widget: an old value in the URL would replace what is entered next
    top = st.container()
    st.segmented_control("Errors", list(CHOICES), key="among", format_func=CHOICES.__getitem__, required=True,
                         label_visibility="collapsed")  # fmt: skip
    outcome = str(st.session_state["among"])
    found = findings(config.id, run, outcome=outcome, threshold=threshold)
    with top:
        headline(
            f"Words and slices of {escape_markdown(config.title)}",
            escape_markdown(finding_text(found, run.config.ratio, outcome)),
            escape_markdown(slice_tests_text(found, outcome)),
        )
    show_parts(config, run, found, outcome, threshold)
    save_filters(DEFAULTS)


def show_parts(config: ExperimentConfig, run: Run, found: SliceFindings, outcome: str, threshold: float) -> None:
    """The parts of the page as tabs; only the open one is computed."""
    init_bound_value("look", TESTED, PARTS, read=lambda text: OLD_PARTS.get(text, text))
    for tab, name in zip(st.tabs(PARTS, key="look", bind="query-params"), PARTS, strict=True):
        if not tab.open:
            continue
        with tab:
            if name == CONTRIBUTIONS:
                contributions_part(config, run, outcome, threshold)
                continue
            left, right = st.columns([5, 3], gap="medium")
            with left:
                if name == TESTED:
                    slice_table(found, outcome)
                    default = first_rule(found)
                else:
                    default = saved_slices_part(config, run, outcome, threshold)
            with right:
                show_slice(config, run, found, outcome, threshold, default)


def show_slice(
    config: ExperimentConfig, run: Run, found: SliceFindings, outcome: str, threshold: float, default: str
) -> None:
    """The slice that was ticked, typed or linked to, else `default`."""
    try:
        slice_card(config, run, found.table, outcome, threshold, default=default)
    except UserError as error:
        show_user_error(error)


def first_rule(found: SliceFindings) -> str:
    """The rule of the first row of the table, "" without a table."""
    return "" if found.table.empty or found.too_few else str(found.table["rule"].iloc[0])


show()
