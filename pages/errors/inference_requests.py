"""Requests of this session to the inference process: send one, follow its progress, read its reply, cancel it."""

from collections.abc import Callable, Hashable

import streamlit as st

from closecall.models.explain.inference_client import InferenceClient, Reply
from closecall.pages.shared.escaping import escape_markdown

MAX_REPLIES = 30
"""Replies that a session keeps."""
WAIT_SECONDS = 0.8
"""How long a page waits for a quick reply before it shows progress, so that the page does not flicker."""
POLL_SECONDS = 0.4


def send_request(slot: str, request: Hashable, send: Callable[[InferenceClient], int]) -> None:
    """Send a request, as the callback of a button. A pending request of the same slot is cancelled."""
    _cancel_others(slot, request)
    entries = _entries()
    entries.pop((slot, request), None)
    entries[slot, request] = send(_client())
    while len(entries) > MAX_REPLIES:
        entries.pop(next(iter(entries)))


def finished_reply(slot: str, request: Hashable, *, doing: str) -> Reply | None:
    """The reply, or None when the request was not sent or is pending. For a pending request, draw its progress."""
    _cancel_others(slot, request)
    reply = _reply(slot, request, wait=WAIT_SECONDS)
    if reply is None or reply.finished:
        return reply
    _show_progress(slot, request, doing)
    return None


def is_sent(slot: str, request: Hashable) -> bool:
    """Whether the request was sent and not cancelled."""
    return (slot, request) in _entries()


def cancel(slot: str, request: Hashable) -> None:
    """Cancel a pending request, or forget its reply."""
    entry = _entries().pop((slot, request), None)
    if isinstance(entry, int):
        _client().cancel(entry)


def _reply(slot: str, request: Hashable, *, wait: float = 0.0) -> Reply | None:
    entry = _entries().get((slot, request))
    if isinstance(entry, int):
        reply = _client().reply(entry, wait=wait)
        if reply.finished:
            _entries()[slot, request] = reply
        return reply
    return entry


def _show_progress(slot: str, request: Hashable, doing: str) -> None:
    """A progress bar that polls, and runs the page again when the reply has arrived."""

    @st.fragment(run_every=POLL_SECONDS)
    def panel() -> None:
        reply = _reply(slot, request)
        if reply is None or reply.finished:
            st.rerun()
        share = reply.done / reply.total if reply.total else 0.0
        text = f"{doing}: {reply.done:,} of {reply.total:,} texts" if reply.total else "Loading the classifier"
        bar, stop = st.columns([5, 1], vertical_alignment="center")
        bar.progress(min(1.0, share), text=escape_markdown(text))
        stop.button("Stop", key=f"stop-{slot}", on_click=cancel, args=(slot, request))

    panel()


def _cancel_others(slot: str, request: Hashable) -> None:
    for other in [key for key, entry in _entries().items() if key[0] == slot and isinstance(entry, int)]:
        if other != (slot, request):
            cancel(*other)


def _entries() -> dict[tuple[str, Hashable], int | Reply]:
    """By slot and request: the number of a pending request, or its reply."""
    entries: dict[tuple[str, Hashable], int | Reply] = st.session_state.setdefault("inference-requests", {})
    return entries


@st.cache_resource(max_entries=1, on_release=InferenceClient.close, show_spinner=False)
def _client() -> InferenceClient:
    """One client for all sessions. It starts a process with the first request."""
    return InferenceClient()
