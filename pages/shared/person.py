"""Who is reading: a name given once, kept by the session and the browser, written beside what is said of examples."""

from urllib.parse import unquote

import streamlit as st

_COOKIE = "closecall-person"
_LONGEST = 60
# The browser keeps the name itself, as it is typed: no name is ever written into this script.
_REMEMBER = f"""<script>
if (!window.personKept) {{
  window.personKept = true;
  document.addEventListener("input", (event) => {{
    if (!event.target.closest(".st-key-person")) {{ return; }}
    const name = encodeURIComponent(event.target.value.trim());
    document.cookie = `{_COOKIE}=${{name}}; path=/; max-age=${{name ? 31536000 : 0}}; samesite=strict`;
  }}, true);
}}
</script>"""


def person() -> str:
    """The reader's name, "" when none is given: this session's, else the one that the browser kept."""
    if "kept-person" not in st.session_state:
        st.session_state["kept-person"] = _tidy(unquote(st.context.cookies.get(_COOKIE, "")))
    return str(st.session_state["kept-person"])


def choose_person() -> None:
    """The box for the name. Drawn in the side bar."""
    if "person" not in st.session_state:
        st.session_state["person"] = person()
    st.text_input(
        "Your name (optional)",
        key="person",
        max_chars=_LONGEST,
        on_change=_keep,
        help="Written beside what you add, note, tag and decide. This browser remembers it.",
    )
    st.html(_REMEMBER, unsafe_allow_javascript=True)


def _keep() -> None:
    st.session_state["kept-person"] = _tidy(st.session_state["person"])


def _tidy(name: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())[:_LONGEST]
