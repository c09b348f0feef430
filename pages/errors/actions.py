"""The actions on an example by key (previous, next, list, decisions, undo), and the same for many examples at once."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from closecall.analysis.formatting import count_text, probability_text, ratio_text
from closecall.analysis.metrics.outcomes import OUTCOME_NAME, error_reason
from closecall.data.annotations.hard_cases import ACTIONS, Origin
from closecall.data.io.errors import UserError
from closecall.models.results.run_predictions import TRAIN
from closecall.pages.errors.queue import Queue
from closecall.pages.shared import case_list
from closecall.pages.shared.layout import show_user_error

TABLE_ROWS = 1000


def origin_of(queue: Queue) -> Origin:
    """The origin of an annotation made now. Without run and seed when the queue shows the majority of seeds."""
    examples, is_one_run = queue.examples, queue.examples.outcomes.seeds == 1
    config, split = examples.run.config, examples.predictions.split
    name, seed = (examples.run.name, config.seed) if is_one_run else ("", None)
    return Origin(name, config.ratio, seed, split, examples.threshold)


def reason_of(queue: Queue, example: str) -> str:
    """The reason that is stored when an example is listed: its outcome, ratio, probability and threshold."""
    examples, outcomes = queue.examples, queue.examples.outcomes
    row, ratio = examples.predictions.place(example), examples.run.config.ratio
    outcome = outcomes.outcome(row)
    if not outcome:
        return f"added while reading {ratio_text(ratio)}"
    if outcomes.seeds == 1:
        label, prob = int(examples.predictions.labels[row]), float(outcomes.probs[row])
        reason = error_reason(label, prob, ratio=ratio, threshold=examples.threshold)
    else:
        seeds = f"{int(outcomes.seeds_positive[row])}/{int(outcomes.seeds_predicting[row])} predict positive"
        reason = f"{OUTCOME_NAME[outcome]} by most seeds at {ratio_text(ratio)} ({seeds})"
    return f"{reason}, in training" if examples.predictions.split == TRAIN else reason


def annotation_buttons(queue: Queue, experiment: str, example: str) -> None:
    """Previous, next, add to the list, tag, note and undo, each with its key."""
    position, total = queue.position(example), len(queue.order)
    listed = queue.annotation(example, "listed") == "True"
    at_end = not total or position == total - 1
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center", key="keys"):
        st.button("Previous", key="previous", shortcut="K", on_click=_go, args=(queue, position - 1),
                  disabled=position < 1)  # fmt: skip
        st.button("Next", key="next", shortcut="J", on_click=_go, args=(queue, position + 1), disabled=at_end)
        st.button(
            "Remove" if listed else "Add to list",
            key="add",
            shortcut="A",
            type="secondary" if listed else "primary",
            icon=":material/bookmark_remove:" if listed else ":material/bookmark_add:",
            help="Remove from the hard-case list" if listed else "Add to the hard-case list and open the next example",
            on_click=_remove if listed else _add,
            args=(queue, experiment, example),
            disabled=not example,
        )
        st.button("Tag :gray[T]", key="tag-key", disabled=not example, help="Type a tag and press Enter. Escape leaves "
                  "the input.")  # fmt: skip
        st.button("Note :gray[N]", key="note-key", disabled=not example, help="Write a note. Escape leaves the input.")
        st.button("Undo", key="undo", shortcut="Z", on_click=_undo, args=(queue, experiment),
                  disabled=not case_list.can_undo(experiment))  # fmt: skip


def action_buttons(queue: Queue, experiment: str, example: str) -> None:
    """The actions 1 to 6. A press stores the action and opens the next example; a second press clears it."""
    chosen = queue.annotation(example, "action")
    with st.container(horizontal=True, gap="xsmall", key="decisions"):
        for number, action in enumerate(ACTIONS, start=1):
            st.button(
                action.capitalize(),
                key=f"decide-{number}",
                shortcut=str(number),
                type="primary" if action == chosen else "secondary",
                on_click=_decide,
                args=(queue, experiment, example, "" if action == chosen else action),
                disabled=not example,
            )


def _go(queue: Queue, position: int) -> None:
    st.session_state["example"] = queue.id_at(position)


def _add(queue: Queue, experiment: str, example: str) -> None:
    case_list.add(experiment, [example], [reason_of(queue, example)], origin_of(queue))
    _open_next(queue, example)


def _remove(queue: Queue, experiment: str, example: str) -> None:
    case_list.remove(experiment, [example])


def _decide(queue: Queue, experiment: str, example: str, action: str) -> None:
    """Store the action and open the next example; a cleared action leaves the example open."""
    case_list.act(experiment, example, action, reason_of(queue, example), origin_of(queue))
    if action:
        _open_next(queue, example)


def _open_next(queue: Queue, example: str) -> None:
    """Open the next example of the queue; the last one stays open."""
    position = queue.position(example)
    if 0 <= position < len(queue.order) - 1:
        st.session_state["example"] = queue.id_at(position + 1)


def _undo(queue: Queue, experiment: str) -> None:
    """Undo the last change and open the example that it changed."""
    ids = case_list.undo_last(experiment)
    if ids and queue.examples.predictions.place(ids[0]) >= 0:
        st.session_state["example"] = ids[0]


@st.dialog("Bulk actions", width="large")
def bulk_actions(queue: Queue, experiment: str) -> None:
    """A table of the queue, and the actions for the selected rows, or for the whole queue when none is selected."""
    ids = queue.ids()
    event = _table(queue)
    rows = [row for row in event["selection"]["rows"] if row < len(ids)]
    chosen = [ids[row] for row in rows] or ids
    more = f" The table shows the first {TABLE_ROWS:,}." if len(ids) > TABLE_ROWS else ""
    selected = (
        f"**{count_text(len(rows), 'selected example')}**"
        if rows
        else f"No row is selected: actions apply to **all {len(ids):,}** examples in the queue"
    )
    st.markdown(f"{selected}. Undo reverts a bulk action as one step.{more}")
    with st.container(horizontal=True, gap="xsmall", key="bulk-list"):
        _button("Add to list", "bulk-add", _add_all, queue, experiment, chosen, icon=":material/bookmark_add:")
        _button("Remove from list", "bulk-remove", _remove_all, experiment, chosen,
                icon=":material/bookmark_remove:")  # fmt: skip
    with st.container(horizontal=True, gap="xsmall", key="bulk-decisions"):
        for number, action in enumerate(ACTIONS, start=1):
            _button(action.capitalize(), f"bulk-{number}", _decide_all, queue, experiment, chosen, action)
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="bottom"):
        tag = st.selectbox("Tag", case_list.tags_in_use(experiment), index=None, accept_new_options=True,
                           key="bulk-tag", placeholder="Type a tag", width=280)  # fmt: skip
        _button("Add this tag", "bulk-give", _tag_all, queue, experiment, chosen, str(tag or ""), disabled=not tag)
    if error := st.session_state.pop("bulk-error", ""):
        show_user_error(UserError(error))


def _table(queue: Queue) -> Any:
    shown, examples = queue.order[:TABLE_ROWS], queue.examples
    frame = pd.DataFrame(
        {
            "outcome": [OUTCOME_NAME[examples.outcomes.outcome(int(row))].capitalize() for row in shown],
            "probability": [probability_text(float(examples.outcomes.probs[row])) for row in shown],
            "listed": queue.listed[shown],
            "text": examples.texts.starts(examples.predictions.ids[shown], length=160),
        }
    )
    config = st.column_config
    columns = {
        "outcome": config.TextColumn("Outcome", width=120),
        "probability": config.TextColumn("Probability", width=90),
        "listed": config.CheckboxColumn("Listed", width=60),
        "text": config.TextColumn("Text", width="large"),
    }
    return st.dataframe(frame, column_config=columns, hide_index=True, height=360, key="bulk-rows",
                        on_select="rerun", selection_mode="multi-row", alt="The queue; select rows")  # fmt: skip


def _button(label: str, key: str, act: Callable[..., str], *args: Any, icon: str | None = None,
            disabled: bool = False) -> None:  # fmt: skip
    """A button that acts and closes the dialog."""
    if st.button(label, key=key, icon=icon, on_click=_run, args=(act, *args), disabled=disabled):
        st.rerun()


def _run(act: Callable[..., str], *args: Any) -> None:
    """Act and report what was done, or the error."""
    try:
        st.session_state["toast"] = f"{act(*args)}. Press Z to undo."
    except UserError as error:
        st.session_state["bulk-error"] = str(error)


def _add_all(queue: Queue, experiment: str, ids: list[str]) -> str:
    listed = case_list.listed_ids(experiment)
    new = [one for one in ids if one not in listed]
    if new:
        case_list.add(experiment, new, [reason_of(queue, one) for one in new], origin_of(queue))
    return f"{count_text(len(new), 'example')} added to the list"


def _remove_all(experiment: str, ids: list[str]) -> str:
    listed = case_list.listed_ids(experiment)
    removed = [one for one in ids if one in listed]
    if removed:
        case_list.remove(experiment, removed)
    return f"{count_text(len(removed), 'example')} removed from the list"


def _decide_all(queue: Queue, experiment: str, ids: list[str], action: str) -> str:
    case_list.act_all(experiment, ids, action, [reason_of(queue, one) for one in ids], origin_of(queue))
    return f"{count_text(len(ids), 'example')} marked {action}"


def _tag_all(queue: Queue, experiment: str, ids: list[str], tag: str) -> str:
    case_list.tag_all(experiment, ids, tag, [reason_of(queue, one) for one in ids], origin_of(queue))
    return f"{count_text(len(ids), 'example')} tagged {tag}"
