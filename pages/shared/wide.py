"""Pages that are desks: their work begins high and uses the width."""

import streamlit as st


def wide() -> None:
    """Less white around the page."""
    st.html("<style>.stMainBlockContainer { padding: 3.75rem 3rem 2rem; }</style>")
