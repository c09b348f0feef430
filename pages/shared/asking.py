"""Questions to the reader, which asks classifiers: put once, followed until the answer is there, taken back."""

from collections.abc import Callable, Hashable

import streamlit as st

from models.reading import Reader, Reply
from pages.shared.words import plain

KEPT = 30
"""Answers that a session remembers."""
PATIENCE_SECONDS = 0.8
"""How long a page waits for a short answer, so that nothing flickers, before it shows progress."""
POLL_SECONDS = 0.4
_ASKED = "questions-asked"


def ask(slot: str, question: Hashable, send: Callable[[Reader], int]) -> None:
    """Put a question in a slot, as a button's callback; one that is under way there is taken back."""
    _forget_others(slot, question)
    asked = _asked()
    asked.pop((slot, question), None)
    asked[slot, question] = send(_reader())
    while len(asked) > KEPT:
        asked.pop(next(iter(asked)))


def answer(slot: str, question: Hashable, *, doing: str) -> Reply | None:
    """The finished answer; None when it was not asked. While it is worked on its progress is drawn, and None."""
    _forget_others(slot, question)
    reply = _reply(slot, question, wait=PATIENCE_SECONDS)
    if reply is None or reply.finished:
        return reply
    _follow(slot, question, doing)
    return None


def is_asked(slot: str, question: Hashable) -> bool:
    """Whether this was asked here, answered or not."""
    return (slot, question) in _asked()


def take_back(slot: str, question: Hashable) -> None:
    """Nobody wants this answer any more."""
    entry = _asked().pop((slot, question), None)
    if isinstance(entry, int):
        _reader().cancel(entry)


def _reply(slot: str, question: Hashable, *, wait: float = 0.0) -> Reply | None:
    entry = _asked().get((slot, question))
    if isinstance(entry, int):
        reply = _reader().reply(entry, wait=wait)
        if reply.finished:
            _asked()[slot, question] = reply
        return reply
    return entry


def _follow(slot: str, question: Hashable, doing: str) -> None:
    """A bar that looks again by itself, and the page once more when the answer is there."""

    @st.fragment(run_every=POLL_SECONDS)
    def panel() -> None:
        reply = _reply(slot, question)
        if reply is None or reply.finished:
            st.rerun()
        share = reply.done / reply.of if reply.of else 0.0
        said = f"{doing}: {reply.done:,} of {reply.of:,} so far" if reply.of else "Loading the classifier"
        bar, stop = st.columns([5, 1], vertical_alignment="center")
        bar.progress(min(1.0, share), text=plain(said))
        stop.button("Stop", key=f"stop-{slot}", on_click=take_back, args=(slot, question))

    panel()


def _forget_others(slot: str, question: Hashable) -> None:
    for other in [key for key, entry in _asked().items() if key[0] == slot and isinstance(entry, int)]:
        if other != (slot, question):
            take_back(*other)


def _asked() -> dict[tuple[str, Hashable], int | Reply]:
    found: dict[tuple[str, Hashable], int | Reply] = st.session_state.setdefault(_ASKED, {})
    return found


@st.cache_resource(max_entries=1, on_release=Reader.close, show_spinner=False)
def _reader() -> Reader:
    """One reader for all sessions; it holds no process until something is asked."""
    return Reader()
