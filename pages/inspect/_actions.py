"""The keys of the reading desk: next, previous, add to the list, tag, note, undo, and the six actions."""

import streamlit as st

from data.hard_cases import ACTIONS
from pages.inspect._desk import Desk
from pages.inspect._reasons import origin_of, reason_of
from pages.shared import case_list


def action_bar(desk: Desk, experiment: str, example: str) -> None:
    """Where we are, and what can be done, each with its key."""
    position, total = desk.position(example), len(desk.order)
    listed = desk.said(example, "listed") == "True"
    at_end = not total or position == total - 1
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center", key="keys"):
        st.button("Previous", key="previous", shortcut="K", on_click=_go, args=(desk, position - 1),
                  disabled=position < 1)  # fmt: skip
        st.button("Next", key="next", shortcut="J", on_click=_go, args=(desk, position + 1), disabled=at_end)
        st.button(
            "Remove" if listed else "Add to list",
            key="add",
            shortcut="A",
            type="secondary" if listed else "primary",
            icon=":material/bookmark_remove:" if listed else ":material/bookmark_add:",
            help="Take it off the hard-case list" if listed else "Put it on the hard-case list and go on",
            on_click=_remove if listed else _add,
            args=(desk, experiment, example),
            disabled=not example,
        )
        st.button("Tag :gray[T]", key="tag-key", disabled=not example, help="Type a tag, Enter; Escape leaves the box")
        st.button("Note :gray[N]", key="note-key", disabled=not example, help="Write a note; Escape leaves it")
        st.button("Undo", key="undo", shortcut="Z", on_click=_undo, args=(desk, experiment),
                  disabled=not case_list.can_undo(experiment))  # fmt: skip


def decision_bar(desk: Desk, experiment: str, example: str) -> None:
    """What to do with the example; a decision is kept at once, and the next example is there."""
    chosen = desk.said(example, "action")
    with st.container(horizontal=True, gap="xsmall", key="decisions"):
        for number, action in enumerate(ACTIONS, start=1):
            st.button(
                action.capitalize(),
                key=f"decide-{number}",
                shortcut=str(number),
                type="primary" if action == chosen else "secondary",
                on_click=_decide,
                args=(desk, experiment, example, "" if action == chosen else action),
                disabled=not example,
            )


def _go(desk: Desk, position: int) -> None:
    st.session_state["example"] = desk.id_at(position)


def _add(desk: Desk, experiment: str, example: str) -> None:
    case_list.add(experiment, [example], [reason_of(desk, example)], origin_of(desk))
    _onward(desk, example)


def _remove(desk: Desk, experiment: str, example: str) -> None:
    case_list.remove(experiment, [example])


def _decide(desk: Desk, experiment: str, example: str, action: str) -> None:
    """A decision taken back leaves the reader where they are."""
    case_list.act(experiment, example, action, reason_of(desk, example), origin_of(desk))
    if action:
        _onward(desk, example)


def _onward(desk: Desk, example: str) -> None:
    """To the next of the queue; at its end stay."""
    position = desk.position(example)
    if 0 <= position < len(desk.order) - 1:
        st.session_state["example"] = desk.id_at(position + 1)


def _undo(desk: Desk, experiment: str) -> None:
    """Take back the last step and show what it was about."""
    ids = case_list.undo_last(experiment)
    if ids and desk.evidence.place(ids[0]) >= 0:
        st.session_state["example"] = ids[0]
