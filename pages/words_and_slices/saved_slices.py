"""Slices of one's own: a typed word, phrase or length, and those that are saved: open, rename, delete, bring back."""

from typing import Any

import pandas as pd
import streamlit as st

from closecall.analysis.formatting import count_text
from closecall.analysis.metrics.outcomes import OUTCOME_NAMES
from closecall.analysis.text import words
from closecall.data.annotations.slices import Length, Phrase, Slice, delete_slice, kind_of, rename_slice, restore_slice
from closecall.data.experiments.runs import Run
from closecall.data.experiments.store import ExperimentConfig
from closecall.data.io.errors import UserError
from closecall.models.results.slice_wording import KIND_NAMES
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.slices import rule_row, rule_source, saved_slices

_WAYS = ("Word or phrase", "Length in words")


def own_slices(config: ExperimentConfig, run: Run, outcome: str, threshold: float) -> str:
    """What can be typed, then what is saved. The rule to look at when none was chosen: the first saved one."""
    typed()
    slices = saved_slices(config.id)
    _undo(config.id)
    if not slices:
        st.info(
            "No slice is saved yet. Type a word or a length above, or tick a row under “What stands out”, then save it "
            "under a name: it becomes a filter on the Errors page.",
            icon=":material/label:",
        )
        return ""
    st.markdown(f"**{count_text(len(slices), 'saved slice')}**")
    chosen = saved_table(config.id, run, slices, outcome, threshold)
    if chosen is not None:
        manage(config.id, chosen)
    return slices[0].rule.written


def typed() -> None:
    """A word, a phrase or a length: taken as soon as it is typed."""
    way, box = st.columns([1, 1], vertical_alignment="bottom")
    kind = way.segmented_control("A slice of your own", _WAYS, default=_WAYS[0], required=True, key="own-kind")
    with box:
        if kind == _WAYS[0]:
            st.text_input("Word or phrase", key="own-phrase", placeholder="Whole words, in upper or lower case",
                          label_visibility="collapsed", on_change=_take_phrase)  # fmt: skip
        else:
            low, high = st.columns(2)
            low.number_input("From (words)", 0, None, 0, key="own-low", on_change=_take_length)
            high.number_input("To (empty: no end)", 0, None, None, key="own-high", on_change=_take_length)
    if refused := st.session_state.pop("slice-refused", ""):
        st.error(escape_markdown(refused), icon=":material/error:")


def _take_phrase() -> None:
    phrase = str(st.session_state["own-phrase"])
    if not words(phrase):
        st.session_state["slice-refused"] = "A word or phrase needs at least one letter or digit."
        return
    _take(lambda: Phrase(" ".join(words(phrase))))


def _take_length() -> None:
    low, high = st.session_state["own-low"], st.session_state["own-high"]
    _take(lambda: Length(int(low or 0), None if high is None else int(high)))


def _take(make: Any) -> None:
    try:
        st.session_state["rule"] = make().written
    except UserError as error:
        st.session_state["slice-refused"] = str(error)


def saved_table(experiment: str, run: Run, slices: list[Slice], outcome: str, threshold: float) -> Slice | None:
    """The saved slices with their numbers at this run. The one that is ticked."""
    rows = [_row(experiment, run, one, outcome, threshold) for one in slices]
    key = f"saved-{slices[-1].key[:8]}-{len(slices)}"  # a tick belongs to this list, not to a longer one
    config = st.column_config
    event = st.dataframe(
        pd.DataFrame(rows),
        key=key,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "name": config.TextColumn("Name", width=150),
            "rule": config.TextColumn("Rule", width=170),
            "kind": config.TextColumn("Kind", width=60),
            "n": config.NumberColumn("n", width=50),
            "wrong": config.NumberColumn(OUTCOME_NAMES[outcome].capitalize(), width=60),
            "rate": config.NumberColumn("Rate", format="%.1f %%", width=70),
        },
        alt="The saved slices with their numbers",
    )
    ticked = event["selection"]["rows"]
    if not ticked or ticked[0] >= len(slices):
        st.caption("Tick a slice to see it, rename or delete it.")
        st.session_state["ticked-saved"] = ""
        return None
    one = slices[ticked[0]]
    if st.session_state.get("ticked-saved") != one.key:
        st.session_state["rule"] = one.rule.written
    st.session_state["ticked-saved"] = one.key
    return one


def _row(experiment: str, run: Run, one: Slice, outcome: str, threshold: float) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": one.name,
        "rule": rule_source(experiment, one.rule),
        "kind": KIND_NAMES[kind_of(one.rule)],
    }
    try:
        told = rule_row(experiment, run, one.rule, outcome=outcome, threshold=threshold)
    except UserError as error:
        return row | {"rule": str(error), "n": None, "wrong": None, "rate": None}
    return row | {"n": int(told["n"]), "wrong": int(told["wrong"]), "rate": 100 * told["rate"]}


def manage(experiment: str, one: Slice) -> None:
    """Rename or delete a slice."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input("Name", value=one.name, key=f"rename-{one.key}", on_change=_rename, args=(experiment, one))
        st.button("Delete", key="delete-slice", icon=":material/delete:", on_click=_delete, args=(experiment, one))


def _rename(experiment: str, one: Slice) -> None:
    try:
        rename_slice(experiment, one.key, str(st.session_state[f"rename-{one.key}"]))
    except UserError as error:
        st.session_state["slice-refused"] = str(error)


def _delete(experiment: str, one: Slice) -> None:
    try:
        delete_slice(experiment, one.key)
    except UserError as error:
        st.session_state["slice-refused"] = str(error)
    else:
        st.session_state["slice-deleted"] = (experiment, one.key, one.name)


def _undo(experiment: str) -> None:
    """Bring back what was deleted last in this session."""
    gone = st.session_state.get("slice-deleted")
    if not gone or gone[0] != experiment:
        return
    st.button(f"Undo: bring back {escape_markdown(gone[2])}", key="undo-slice", shortcut="Z", on_click=_restore,
              args=(experiment, gone[1]))  # fmt: skip


def _restore(experiment: str, key: str) -> None:
    restore_slice(experiment, key)
    st.session_state.pop("slice-deleted", None)
