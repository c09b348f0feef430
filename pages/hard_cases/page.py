"""Leave with a list: why each case is on it, what to do with it, and the files to take away."""

import pandas as pd
import streamlit as st

from closecall.analysis.formatting import count_text
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.queue.relabelling import relabelled_experiments
from closecall.models.results.hard_case_files import classes_of
from closecall.pages.hard_cases.evidence import evidence_for, facts_around, facts_of
from closecall.pages.hard_cases.files import downloads, import_panel
from closecall.pages.hard_cases.proposals import proposals
from closecall.pages.hard_cases.relabelling import before_after_panel, relabel_panel
from closecall.pages.hard_cases.table import case_table, filtered, take_back
from closecall.pages.shared import case_list
from closecall.pages.shared.cached_io import texts_of
from closecall.pages.shared.case_list import choose_person
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import headline, wide
from closecall.pages.shared.runs import run_predictions
from closecall.pages.shared.state import require_experiment


def show() -> None:
    wide()
    config = require_experiment()
    with st.sidebar:
        choose_person()
    annotations = case_list.annotations(config.id)
    cases = annotations[annotations["listed"]]
    headline(f"Hard cases of {escape_markdown(config.title)}", finding(cases))
    facts = facts_of(config.id)
    texts, classes = texts_of(config.dataset), classes_of(config.id)
    tool = choose_tool(config, cases)
    if tool == "Propose":
        proposals(config, facts_around(config.id), set(cases.index))
    elif tool == "Take home":
        downloads(config, len(cases), classes)
    elif tool == "Import":
        import_panel(config, texts)
    elif tool == "Apply decisions":
        relabel_panel(config)
    elif tool == "Before and after":
        before_after_panel(relabelled_experiments(config.id))
    if cases.empty:
        how_to_begin(config)
        return
    shown = filtered(cases)
    if shown.empty:
        st.info("No case on the list fits these filters.", icon=":material/filter_alt_off:")
        return
    around = evidence_for(config.id, facts, list(shown.index))
    case_table(config, shown, run_predictions(config.id), around, texts, classes)


def choose_tool(config: ExperimentConfig, cases: pd.DataFrame) -> str | None:
    """Undo, and what is done with the list as a whole: one tool at a time, or none."""
    tools = ["Propose", "Import"]
    tools[1:1] = ["Take home"] if len(cases) else []
    tools += ["Apply decisions"] if len(cases) else []
    tools += ["Before and after"] if relabelled_experiments(config.id) else []
    if "case-tool" not in st.session_state:
        asked = st.query_params.get("tool")
        st.session_state["case-tool"] = asked if asked in tools else "Propose" if cases.empty else None
    elif st.session_state["case-tool"] not in tools:
        st.session_state["case-tool"] = None
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Undo",
            key="undo",
            shortcut="Z",
            on_click=take_back,
            args=(config.id,),
            disabled=not case_list.can_undo(config.id),
            help="Takes back your last step on this list: an addition, a removal, a note, a tag, an action, an import.",
        )
        return st.pills("Tools", tools, key="case-tool", label_visibility="collapsed")


def finding(cases: pd.DataFrame) -> str:
    if cases.empty:
        return "There are no hard cases on the list yet."
    undecided = int((cases["action"] == "").sum())
    rest = "each has its action" if not undecided else f"{undecided:,} without an action yet"
    return f"{count_text(len(cases), 'hard case')} on the list, {rest}."


def how_to_begin(config: ExperimentConfig) -> None:
    """Where cases come from."""
    st.info(
        "Read the errors and press A on those to act on, draw around them on the map, let a rule above propose what "
        "the runs keep getting wrong, or import a list.",
        icon=":material/bookmark_add:",
    )
    query = {"experiment": config.id}
    st.page_link("pages/errors/page.py", label="Read the errors", icon=":material/menu_book:", query_params=query)


show()
