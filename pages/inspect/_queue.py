"""The queue on the left: a dozen rows, the row being read marked."""

import math

import streamlit as st

from pages.inspect._controls import MARKS
from pages.inspect._desk import Desk
from pages.shared.words import plain, probability

ROWS = 12


def queue(desk: Desk, example: str) -> None:
    """The page of the queue that holds the example, and the way to the other pages."""
    total = len(desk.order)
    pages = max(1, math.ceil(total / ROWS))
    position = desk.position(example)
    page = position // ROWS + 1 if position >= 0 else min(st.session_state.get("page", 1), pages)
    shown = desk.order[(page - 1) * ROWS : page * ROWS]
    starts = desk.texts.starts(desk.evidence.ids[shown], length=70)
    with st.container(key="queue", gap=None, height=ROWS * 31 + 4, border=False):
        if not total:
            st.caption("Nothing matches these filters.")
        for number, (row, start) in enumerate(zip(shown, starts, strict=True)):
            _row(desk, int(row), number, start, example)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        # The key follows the page: the widget shows what the example being read says, not what was clicked last.
        key = f"page-{page}"
        st.pagination(pages, default=page, key=key, max_visible_pages=5, on_change=_turn, args=(desk, key))
        st.caption(f"{position + 1:,} of {total:,}" if position >= 0 else f"{total:,} in the queue", width="content")
    st.session_state["page"] = page


def _row(desk: Desk, row: int, number: int, start: str, example: str) -> None:
    one, outcome = str(desk.evidence.ids[row]), desk.judged.outcome(row)
    listed = ":material/bookmark: " if desk.listed[row] else ""
    # Isolated, so that a text written from right to left does not turn the row around.
    label = f"{MARKS[outcome]} **{plain(probability(desk.judged.probs[row]))}** {listed}\u2068{plain(start)}\u2069"
    st.button(
        label,
        key=f"row-{outcome}-{number}",
        type="secondary" if one == example else "tertiary",
        width="stretch",
        wrap=False,
        on_click=choose,
        args=(one,),
    )


def choose(one: str) -> None:
    """Read this example next."""
    st.session_state["example"] = one


def _turn(desk: Desk, key: str) -> None:
    """A page of the queue begins with its first example."""
    choose(desk.id_at((st.session_state[key] - 1) * ROWS))
