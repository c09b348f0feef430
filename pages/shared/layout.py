"""The icon of the browser's tab, from a file of ours: Streamlit fetches its own icons for it from another host."""

from pathlib import Path

import streamlit as st

ICON = str(Path(__file__).with_name("icon.svg"))


# How every page begins: its name, small, and one sentence with this experiment's numbers, large.


def headline(page: str, sentence: str, detail: str = "") -> None:
    """The page's name, its answer in one sentence, and what must be said beside it. Texts of data come escaped."""
    st.caption(page)
    st.markdown(f"### {sentence}")
    if detail:
        st.markdown(detail)


# Pages that are desks: their work begins high and uses the width.


def wide() -> None:
    """Less white around the page."""
    st.html("<style>.stMainBlockContainer { padding: 3.75rem 3rem 2rem; }</style>")
