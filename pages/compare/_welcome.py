"""An empty workspace: what this is, and the one button that starts it."""

import streamlit as st

from pages.shared.demos import demo_button
from pages.shared.headline import headline


def welcome() -> None:
    """What can be seen here in minutes, and the ways to begin."""
    headline(
        "Close Call",
        "Train one classifier with few negatives and with many, and read the positives it loses.",
        "The demo trains the built-in MiniLM on real newsgroup posts, with 1, 2, 3, 5 and 10 negatives for each "
        "positive. It takes minutes on two cores; the first results are there while the rest still trains, and closing "
        "the browser does not stop it.",
    )
    demo_button(0, "Run the demo", primary=True)
    st.space("small")
    left, right = st.columns(2, gap="large")
    with left, st.container(border=True):
        st.markdown("**With your own texts**")
        st.write("Import a table of texts and labels, say which classes are positive, and train on it.")
        st.page_link("pages/prepare/data.py", label="Import texts", icon=":material/upload_file:",
                     query_params={"part": "Import your own"})  # fmt: skip
        st.page_link("pages/prepare/train.py", label="Load a classifier or predictions", icon=":material/input:",
                     query_params={"make": "Load predictions"})  # fmt: skip
    with right, st.container(border=True):
        st.markdown("**The control**")
        st.write("The same posts against far-apart subjects: there the rare class is hardly harmed at 1:10.")
        demo_button(1, "Run the distant pair")
