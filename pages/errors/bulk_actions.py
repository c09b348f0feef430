"""Many at once: the whole queue or the rows that are ticked, listed, decided on or tagged in one step."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from closecall.analysis.formatting import count_text, probability_text
from closecall.analysis.metrics.outcomes import OUTCOME_NAME
from closecall.data.annotations.hard_cases import ACTIONS
from closecall.data.io.errors import UserError
from closecall.pages.errors.actions import origin_of, reason_of
from closecall.pages.errors.reading_state import ReadingState
from closecall.pages.shared import case_list
from closecall.pages.shared.layout import show_user_error

SHOWN = 1000


@st.dialog("Several at once", width="large")
def bulk_actions(desk: ReadingState, experiment: str) -> None:
    """The queue as a table to tick, and what can be done with the ticked rows, or with all when none is."""
    ids = desk.ids()
    event = _table(desk)
    rows = [row for row in event["selection"]["rows"] if row < len(ids)]
    chosen = [ids[row] for row in rows] or ids
    more = f" The table shows the first {SHOWN:,}." if len(ids) > SHOWN else ""
    said = (
        f"**{count_text(len(rows), 'ticked example')}**" if rows else f"Nothing is ticked: **all {len(ids):,}** in line"
    )
    st.markdown(f"{said}. What you press is done to these at once; Undo takes it back as one step.{more}")
    with st.container(horizontal=True, gap="xsmall", key="several-list"):
        _do("Add to list", "several-add", _add, desk, experiment, chosen, icon=":material/bookmark_add:")
        _do("Remove from list", "several-remove", _remove, desk, experiment, chosen, icon=":material/bookmark_remove:")
    with st.container(horizontal=True, gap="xsmall", key="several-decisions"):
        for number, action in enumerate(ACTIONS, start=1):
            _do(action.capitalize(), f"several-{number}", _act, desk, experiment, chosen, action)
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="bottom"):
        tag = st.selectbox("Tag", case_list.tags_in_use(experiment), index=None, accept_new_options=True,
                           key="several-tag", placeholder="Type a tag", width=280)  # fmt: skip
        _do("Give this tag", "several-give", _tag, desk, experiment, chosen, str(tag or ""), disabled=not tag)
    if refused := st.session_state.pop("several-refused", ""):
        show_user_error(UserError(refused))


def _table(desk: ReadingState) -> Any:
    shown = desk.order[:SHOWN]
    frame = pd.DataFrame(
        {
            "outcome": [OUTCOME_NAME[desk.judged.outcome(int(row))].capitalize() for row in shown],
            "probability": [probability_text(float(desk.judged.probs[row])) for row in shown],
            "listed": desk.listed[shown],
            "text": desk.texts.starts(desk.evidence.ids[shown], length=160),
        }
    )
    config = st.column_config
    columns = {
        "outcome": config.TextColumn("Outcome", width=120),
        "probability": config.TextColumn("Probability", width=90),
        "listed": config.CheckboxColumn("Listed", width=60),
        "text": config.TextColumn("Text", width="large"),
    }
    return st.dataframe(frame, column_config=columns, hide_index=True, height=360, key="several-rows",
                        on_select="rerun", selection_mode="multi-row", alt="The queue, to tick")  # fmt: skip


def _do(label: str, key: str, act: Callable[..., None], *args: Any, icon: str | None = None,
        disabled: bool = False) -> None:  # fmt: skip
    """A button that acts and closes the dialog."""
    if st.button(label, key=key, icon=icon, on_click=_try, args=(act, *args), disabled=disabled):
        st.rerun()


def _try(act: Callable[..., None], *args: Any) -> None:
    try:
        act(*args)
    except UserError as error:
        st.session_state["several-refused"] = str(error)


def _add(desk: ReadingState, experiment: str, ids: list[str]) -> None:
    listed = case_list.listed_ids(experiment)
    new = [one for one in ids if one not in listed]
    if new:
        case_list.add(experiment, new, _reasons(desk, new), origin_of(desk))
    _say(f"{count_text(len(new), 'example')} put on the list")


def _remove(desk: ReadingState, experiment: str, ids: list[str]) -> None:
    listed = case_list.listed_ids(experiment)
    gone = [one for one in ids if one in listed]
    if gone:
        case_list.remove(experiment, gone)
    _say(f"{count_text(len(gone), 'example')} taken off the list")


def _act(desk: ReadingState, experiment: str, ids: list[str], action: str) -> None:
    case_list.act_all(experiment, ids, action, _reasons(desk, ids), origin_of(desk))
    _say(f"{count_text(len(ids), 'example')} marked {action}")


def _tag(desk: ReadingState, experiment: str, ids: list[str], tag: str) -> None:
    case_list.tag_all(experiment, ids, tag, _reasons(desk, ids), origin_of(desk))
    _say(f"{count_text(len(ids), 'example')} tagged {tag}")


def _reasons(desk: ReadingState, ids: list[str]) -> list[str]:
    return [reason_of(desk, one) for one in ids]


def _say(done: str) -> None:
    st.session_state["said"] = f"{done}. Z takes it back."
