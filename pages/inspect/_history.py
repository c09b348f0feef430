"""What was said about an example: who, when, what; folded."""

from datetime import datetime
from typing import Any

import streamlit as st

from pages.shared import case_list
from pages.shared.marked import escaped
from pages.shared.words import counted

_SHOWN = 100


def history(experiment: str, example: str) -> None:
    """A folded list from the log, the newest first. Steps that were taken back stay, struck through."""
    records = case_list.history(experiment, example)
    if not records:
        return
    lines = [_line(record, example) for record in reversed(records[-_SHOWN:])]
    st.html(
        f'<details class="history"><summary class="quiet">Said about this example: '
        f"{counted(len(records), 'entry', 'entries')}</summary>"
        f'<ol class="quiet">{"".join(lines)}</ol></details>'
    )


def _line(record: dict[str, Any], example: str) -> str:
    who = str(record.get("who", "")) or "someone"
    said = f"{_moment(str(record.get('time', '')))}, {escaped(who)}: {escaped(_what(record, example))}"
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
