"""How every page begins: its name, small, and one sentence with this experiment's numbers, large."""

import streamlit as st


def headline(page: str, sentence: str, detail: str = "") -> None:
    """The page's name, its answer in one sentence, and what must be said beside it. Texts of data come escaped."""
    st.caption(page)
    st.markdown(f"### {sentence}")
    if detail:
        st.markdown(detail)
