"""Leave with a list: why each case is on it, what to do with it, and the files to take away."""

import pandas as pd
import streamlit as st

from data.experiments import ExperimentConfig
from pages.curate._case_table import case_table, take_back
from pages.curate._downloads import downloads
from pages.curate._proposals import proposals
from pages.shared import case_list
from pages.shared.evidence import evidence_of
from pages.shared.headline import headline
from pages.shared.state import require_experiment
from pages.shared.texts import texts_of
from pages.shared.wide import wide
from pages.shared.words import counted, plain


def show() -> None:
    wide()
    config = require_experiment()
    annotations = case_list.annotations(config.id)
    cases = annotations[annotations["listed"]]
    headline(f"Hard cases of {plain(config.title)}", finding(cases))
    evidence = evidence_of(config.id)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if len(evidence.runs):
            proposals(config, evidence, set(cases.index))
        st.button(
            "Undo",
            key="undo",
            shortcut="Z",
            on_click=take_back,
            args=(config.id,),
            disabled=not case_list.can_undo(config.id),
            help="Takes back your last step on this list: an addition, a removal, a note or an action.",
        )
    if cases.empty:
        how_to_begin(config)
        return
    downloads(config, cases)
    case_table(config, cases, evidence, texts_of(config.dataset))


def finding(cases: pd.DataFrame) -> str:
    if cases.empty:
        return "There are no hard cases on the list yet."
    undecided = int((cases["action"] == "").sum())
    rest = "each has its action" if not undecided else f"{undecided:,} without an action yet"
    return f"{counted(len(cases), 'hard case')} on the list, {rest}."


def how_to_begin(config: ExperimentConfig) -> None:
    """Where cases come from."""
    st.info(
        "Read the errors and press A on those to act on, draw around them on the map, or let the rule above propose "
        "the positives that the runs keep missing.",
        icon=":material/bookmark_add:",
    )
    query = {"experiment": config.id}
    st.page_link("pages/inspect/errors.py", label="Read the errors", icon=":material/menu_book:", query_params=query)


show()
