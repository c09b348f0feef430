"""An empty workspace: what this is, and the one button that starts it."""

import streamlit as st


def welcome() -> None:
    st.markdown("### Nothing here yet.")
