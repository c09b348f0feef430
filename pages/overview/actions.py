"""What to do first: a ranked list, each item with its expected effect."""

import streamlit as st

from closecall.data.experiments.store import ExperimentConfig
from closecall.models.results.actions import Action
from closecall.pages.shared.escaping import escape_markdown

SHOWN = 5


def show_actions(config: ExperimentConfig, actions: list[Action]) -> None:
    """Nothing without actions."""
    if not actions:
        return
    st.markdown("**What to do first**")
    for number, action in enumerate(actions[:SHOWN], start=1):
        with st.container(gap=None, key=f"action-{number}"):
            st.page_link(
                f"pages/{action.page}/page.py",
                label=f"{number}. {action.title}",
                icon=":material/arrow_forward:",
                query_params={"experiment": config.id, **action.query},
            )
            st.caption(escape_markdown(action.effect))
