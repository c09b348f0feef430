"""Questions to the reader, which asks classifiers: put once, followed until the answer is there, taken back."""

from collections.abc import Callable, Hashable

import numpy as np
import streamlit as st

from closecall.analysis.errors.occlusion import Attribution
from closecall.charts.colours import NEGATIVE_COLOUR, POSITIVE_COLOUR
from closecall.models.explain.inference_client import InferenceClient, Reply
from closecall.pages.shared.escaping import escape_html, escape_markdown

KEPT = 30
"""Answers that a session remembers."""
PATIENCE_SECONDS = 0.8
"""How long a page waits for a short answer, so that nothing flickers, before it shows progress."""
POLL_SECONDS = 0.4
_ASKED = "questions-asked"


def ask(slot: str, question: Hashable, send: Callable[[InferenceClient], int]) -> None:
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
        share = reply.done / reply.total if reply.total else 0.0
        said = f"{doing}: {reply.done:,} of {reply.total:,} so far" if reply.total else "Loading the classifier"
        bar, stop = st.columns([5, 1], vertical_alignment="center")
        bar.progress(min(1.0, share), text=escape_markdown(said))
        stop.button("Stop", key=f"stop-{slot}", on_click=take_back, args=(slot, question))

    panel()


def _forget_others(slot: str, question: Hashable) -> None:
    for other in [key for key, entry in _asked().items() if key[0] == slot and isinstance(entry, int)]:
        if other != (slot, question):
            take_back(*other)


def _asked() -> dict[tuple[str, Hashable], int | Reply]:
    found: dict[tuple[str, Hashable], int | Reply] = st.session_state.setdefault(_ASKED, {})
    return found


@st.cache_resource(max_entries=1, on_release=InferenceClient.close, show_spinner=False)
def _reader() -> InferenceClient:
    """One reader for all sessions; it holds no process until something is asked."""
    return InferenceClient()


# A text whose words are tinted by what they carry, as HTML: escape_html, and never by colour alone.

STRONGEST = 55
"""Percent of the class's colour behind the word that carries most; text stays readable in light and dark."""
FAINTEST = 0.08
"""Words that carry a smaller share than this of the strongest are left plain."""
SHOWN_REST = 1_500
"""Characters of the unread rest that are shown."""


def attribution_highlight(attribution: Attribution) -> str:
    """The text as read, its words on orange (for positive) or blue (for negative, underlined), the rest in grey."""
    tints = strengths(attribution)
    words = zip(attribution.pieces, tints, attribution.drops, strict=True)
    body = "".join(_word(piece, float(tint), float(drop)) for piece, tint, drop in words)
    rest = _rest(attribution.not_read)
    return f'{_STYLE}<div class="reading tinted" dir="auto" tabindex="0">{body}{rest}</div>'


def strengths(attribution: Attribution) -> np.ndarray:
    """What each word carries as a share of the strongest, -1 to 1; of one log-odds where none carries that much."""
    drops = attribution.drops
    return drops / max(1.0, float(np.abs(drops).max(initial=0.0)))


def _word(piece: str, tint: float, drop: float) -> str:
    if abs(tint) < FAINTEST:
        return escape_html(piece)
    bare = piece.strip()
    start = piece.index(bare)
    kind = "for" if tint > 0 else "against"
    span = (
        f'<span class="{kind}" style="--part:{STRONGEST * abs(tint):.0f}%" title="{drop:+.2f}">{escape_html(bare)}</span>'
    )
    return escape_html(piece[:start]) + span + escape_html(piece[start + len(bare) :])


def _rest(text: str) -> str:
    if not text.strip():
        return ""
    more = f" … and {len(text) - SHOWN_REST:,} characters more" if len(text) > SHOWN_REST else ""
    return f'<span class="unread" title="not read">{escape_html(text[:SHOWN_REST])}{more}</span>'


_STYLE = f"""<style>
.reading.tinted {{ max-height: 24rem; }}
.tinted span.for, .tinted span.against {{ border-radius: 3px; padding: 0.05em 0.1em; }}
.tinted span.for {{ background: color-mix(in srgb, {POSITIVE_COLOUR} var(--part), transparent); }}
.tinted span.against {{ background: color-mix(in srgb, {NEGATIVE_COLOUR} var(--part), transparent);
  text-decoration: underline dotted; text-underline-offset: 0.25em; }}
.tinted .unread {{ opacity: 0.55; }}
</style>"""
