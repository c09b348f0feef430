"""The queue on the left: a dozen rows, the row being read marked."""

import math
from datetime import datetime
from typing import Any

import streamlit as st

from closecall.analysis.formatting import count_text, probability_text
from closecall.analysis.metrics.outcomes import OUTCOME_MARKS
from closecall.pages.errors.reading_state import ReadingState
from closecall.pages.shared import case_list
from closecall.pages.shared.escaping import escape_html, escape_markdown

ROWS = 12


def queue(desk: ReadingState, example: str) -> None:
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


def _row(desk: ReadingState, row: int, number: int, start: str, example: str) -> None:
    one, outcome = str(desk.evidence.ids[row]), desk.judged.outcome(row)
    listed = ":material/bookmark: " if desk.listed[row] else ""
    # Isolated, so that a text written from right to left does not turn the row around.
    label = f"{OUTCOME_MARKS[outcome]} **{escape_markdown(probability_text(desk.judged.probs[row]))}** {listed}\u2068{escape_markdown(start)}\u2069"
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


def _turn(desk: ReadingState, key: str) -> None:
    """A page of the queue begins with its first example."""
    choose(desk.id_at((st.session_state[key] - 1) * ROWS))


# What was said about an example: who, when, what; folded.

_SHOWN = 100


def history(experiment: str, example: str) -> None:
    """A folded list from the log, the newest first. Steps that were taken back stay, struck through."""
    records = case_list.history(experiment, example)
    if not records:
        return
    lines = [_line(record, example) for record in reversed(records[-_SHOWN:])]
    st.html(
        f'<details class="history"><summary class="quiet">Said about this example: '
        f"{count_text(len(records), 'entry', 'entries')}</summary>"
        f'<ol class="quiet">{"".join(lines)}</ol></details>'
    )


def _line(record: dict[str, Any], example: str) -> str:
    who = str(record.get("who", "")) or "someone"
    said = f"{_moment(str(record.get('time', '')))}, {escape_html(who)}: {escape_html(_what(record, example))}"
    return f"<li><s>{said}</s> (taken back)</li>" if record["undone"] else f"<li>{said}</li>"


def _what(record: dict[str, Any], example: str) -> str:
    op = record["op"]
    if op == "add":
        reasons = record.get("reasons", [])
        place = record["ids"].index(example)
        own = reasons[place] if place < len(reasons) else []
        return f"put on the list, {'; '.join(map(str, own))}" if own else "put on the list"
    if op == "note":
        return f"note “{record.get('note', '')}”" if record.get("note") else "note taken away"
    if op == "action":
        return f"action {record.get('action')}" if record.get("action") else "action taken away"
    if op == "relabel":
        return f"new label {record.get('label')}" if record.get("label") else "new label taken away"
    if op == "import":
        return f"list imported from {record.get('source', '')}"
    said = {"remove": "taken off the list", "tag": f"tag {record.get('tag')}", "untag": f"tag {record.get('tag')} off"}
    return said.get(op, str(op))


def _moment(time: str) -> str:
    """`2026-11-24 13:50` in UTC, as the log has it."""
    try:
        return f"{datetime.fromisoformat(time):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return "at an unknown time"
