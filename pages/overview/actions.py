"""What to do first: a ranked list, each item with its expected effect."""

import streamlit as st

from closecall.data.experiments.store import ExperimentConfig
from closecall.models.results.measures.actions import Action
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import unbroken

SHOWN = 5


def show_actions(config: ExperimentConfig, actions: list[Action]) -> None:
    """The first SHOWN, and the others in an expander. Nothing without actions."""
    if not actions:
        return
    st.markdown("**What to do first**")
    _numbered(config, actions[:SHOWN], first=1)
    if len(actions) > SHOWN:
        with st.expander(f"{len(actions) - SHOWN} more"):
            _numbered(config, actions[SHOWN:], first=SHOWN + 1)


def _numbered(config: ExperimentConfig, actions: list[Action], *, first: int) -> None:
    for number, action in enumerate(actions, start=first):
        with st.container(gap=None, key=f"action-{number}"):
            st.page_link(
                f"pages/{action.page}/page.py",
                label=f"{number}. {action.title}",
                icon=":material/arrow_forward:",
                query_params={"experiment": config.id, **action.query},
            )
            st.caption(unbroken(escape_markdown(action.effect)))
