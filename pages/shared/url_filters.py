"""The filters of one page in its URL. They survive a refresh, a link, and a visit to another page.

Streamlit's bound widgets lose their value when the page changes, and a link from a page that binds the same name cannot
set them. So filters of one page are written into the URL here. The key of each widget is its name in the URL; a
default value is left out of the URL.
"""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st


def load_filters(starts: Mapping[str, Any], reads: Mapping[str, Callable[[str], Any]], *, canary: str) -> bool:
    """Set every filter in the session state before any widget is drawn. Returns True on the first run of a visit.

    First run: the values in the URL, and the defaults in `starts` for the rest. If the URL names no filter, the values
    of the last visit. Later runs: the URL if it was changed from outside (a link, the back button), else the widgets'
    values. `reads` parses values from the URL; an invalid value (ValueError) becomes the default. `canary` is the key
    of a widget that is always drawn: Streamlit drops its value when the page changes.
    """
    entering = canary not in st.session_state
    named = any(name in st.query_params for name in starts)
    for name, start in starts.items():
        url = st.query_params.get(name)
        if entering:
            kept = start if named else st.session_state.get(_kept(name), start)
            _set(name, kept if url is None else _value(url, reads.get(name, str), start))
        elif url != st.session_state.get(_written(name)):
            _set(name, start if url is None else _value(url, reads.get(name, str), start))
    return entering


def save_filters(starts: Mapping[str, Any]) -> None:
    """Write every filter into the URL and keep it for the next visit. Call after a change and when the page ends."""
    for name, start in starts.items():
        value = st.session_state.get(name, start)
        st.session_state[_kept(name)] = value
        text = None if value == start else _text(value)
        st.session_state[_written(name)] = text
        if text is None:
            if name in st.query_params:
                del st.query_params[name]
        elif st.query_params.get(name) != text:
            st.query_params[name] = text


def _set(name: str, value: Any) -> None:
    if name not in st.session_state or st.session_state[name] != value:
        st.session_state[name] = value


def _value(url: str, read: Callable[[str], Any], start: Any) -> Any:
    try:
        return read(url)
    except ValueError:
        return start


def _text(value: Any) -> str:
    return "-".join(f"{part:g}" for part in value) if isinstance(value, tuple) else str(value)


def _kept(name: str) -> str:
    return f"kept-{name}"


def _written(name: str) -> str:
    return f"written-{name}"
