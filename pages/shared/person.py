"""Who is working here: a name that a person may give, kept for the session and written beside what they do."""

import streamlit as st


def person() -> str:
    """The name given in this session, "" for none."""
    return " ".join(str(st.session_state.get("who") or "").split())


def ask_name() -> None:
    """A box for the name, in the side bar."""
    with st.sidebar:
        st.text_input(
            "Your name",
            key="who",
            max_chars=60,
            placeholder="optional",
            persist_state="session",
            help="Written beside what you add and decide, so that several people can share a list.",
        )
