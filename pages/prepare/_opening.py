"""Open a dataset on this same page: from another tab, whose widgets hold their own choice."""

from typing import NoReturn

import streamlit as st

_ASKED = "dataset-to-open"


def open_dataset(name: str, part: str) -> NoReturn:
    """Run the page again with this tab and dataset chosen."""
    st.session_state[_ASKED] = (name, part)
    st.rerun()


def take_opening() -> None:
    """Choose what was asked for. Call before any widget is drawn: later its value can no longer be set."""
    name, part = st.session_state.pop(_ASKED, ("", ""))
    if name:
        st.session_state["dataset"], st.session_state["part"] = name, part
