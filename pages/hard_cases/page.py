"""Which examples need a decision? The hard-case list with its evidence and actions, its export and its import."""

import pandas as pd
import streamlit as st

from closecall.analysis.formatting import count_text
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.queue.relabelling import relabelled_experiments
from closecall.models.results.hard_cases import classes_of
from closecall.pages.hard_cases.evidence import evidence_for, facts_around, facts_of
from closecall.pages.hard_cases.files import downloads, import_panel
from closecall.pages.hard_cases.proposals import proposals
from closecall.pages.hard_cases.relabelling import before_after_panel, relabel_panel
from closecall.pages.hard_cases.table import case_table, filtered, undo_step
from closecall.pages.shared import case_list
from closecall.pages.shared.cached_io import texts_of
from closecall.pages.shared.case_list import choose_person
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import headline, wide
from closecall.pages.shared.runs import run_predictions
from closecall.pages.shared.state import require_experiment

# Earlier names of tools in links, with the current one.
FORMER_NAMES = {"Take home": "Export"}


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
    elif tool == "Export":
        downloads(config, len(cases), classes)
    elif tool == "Import":
        import_panel(config, texts)
    elif tool == "Apply decisions":
        relabel_panel(config)
    elif tool == "Before and after":
        before_after_panel(relabelled_experiments(config.id))
    if cases.empty:
        show_first_steps(config)
        return
    shown = filtered(cases)
    if shown.empty:
        st.info("No case on the list matches these filters.", icon=":material/filter_alt_off:")
        return
    around = evidence_for(config.id, facts, list(shown.index))
    case_table(config, shown, run_predictions(config.id), around, texts, classes)


def choose_tool(config: ExperimentConfig, cases: pd.DataFrame) -> str | None:
    """Draw the undo button and the tools for the whole list; the chosen tool, or None."""
    tools = ["Propose", "Import"]
    tools[1:1] = ["Export"] if len(cases) else []
    tools += ["Apply decisions"] if len(cases) else []
    tools += ["Before and after"] if relabelled_experiments(config.id) else []
    if "case-tool" not in st.session_state:
        linked = st.query_params.get("tool", "")
        linked = FORMER_NAMES.get(linked, linked)
        st.session_state["case-tool"] = linked if linked in tools else "Propose" if cases.empty else None
    elif st.session_state["case-tool"] not in tools:
        st.session_state["case-tool"] = None
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Undo",
            key="undo",
            shortcut="Z",
            on_click=undo_step,
            args=(config.id,),
            disabled=not case_list.can_undo(config.id),
            help="Undoes your last step on this list: an addition, a removal, a note, a tag, an action or an import.",
        )
        return st.pills("Tools", tools, key="case-tool", label_visibility="collapsed")


def finding(cases: pd.DataFrame) -> str:
    if cases.empty:
        return "There are no hard cases on the list yet."
    undecided = int((cases["action"] == "").sum())
    rest = "all with an action" if not undecided else f"{undecided:,} without an action"
    return f"{count_text(len(cases), 'hard case')} on the list, {rest}."


def show_first_steps(config: ExperimentConfig) -> None:
    """The ways to add the first cases."""
    st.info(
        "Add examples on the Errors page (key A) or on the Map, accept what a rule above proposes, or import a list.",
        icon=":material/bookmark_add:",
    )
    st.page_link("pages/errors/page.py", label="Read the errors", icon=":material/menu_book:",
                 query_params={"experiment": config.id})  # fmt: skip


show()
