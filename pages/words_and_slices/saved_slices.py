"""Own slices by a word, phrase or length, and the saved slices: show, rename, delete, restore."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from closecall.analysis.formatting import count_text
from closecall.analysis.metrics.outcomes import OUTCOME_NAMES
from closecall.analysis.text import words
from closecall.data.annotations.slice_rules import Length, Phrase, Rule, kind_of
from closecall.data.annotations.slices import Slice, delete_slice, rename_slice, restore_slice
from closecall.data.experiments.runs import Run
from closecall.data.experiments.store import ExperimentConfig
from closecall.data.io.errors import UserError
from closecall.models.results.slice_wording import CLASS_NAMES, KIND_NAMES
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.slices import compare_with_rest, rule_name, saved_slices

_WAYS = ("Word or phrase", "Length in words")


def saved_slices_part(config: ExperimentConfig, run: Run, outcome: str, threshold: float) -> str:
    """The inputs of an own slice, then the saved slices. Returns the rule of the first saved one, "" without any."""
    rule_inputs()
    slices = saved_slices(config.id)
    _undo(config.id)
    if not slices:
        st.info(
            "No slice is saved yet. Enter a word or a length above, or tick a row under “Tested slices”, then save it "
            "under a name. It becomes a filter on the Errors page.",
            icon=":material/label:",
        )
        return ""
    st.markdown(f"**{count_text(len(slices), 'saved slice')}**")
    chosen = saved_table(config.id, run, slices, outcome, threshold)
    if chosen is not None:
        manage(config.id, chosen)
    return slices[0].rule.written


def rule_inputs() -> None:
    """A word, phrase or length; the slice is shown as soon as it is entered."""
    way, box = st.columns([1, 1], vertical_alignment="bottom")
    kind = way.segmented_control("Own slice", _WAYS, default=_WAYS[0], required=True, key="own-kind")
    with box:
        if kind == _WAYS[0]:
            st.text_input("Word or phrase", key="own-phrase", placeholder="Whole words, in upper or lower case",
                          label_visibility="collapsed", on_change=_enter_phrase)  # fmt: skip
        else:
            low, high = st.columns(2)
            low.number_input("From (words)", 0, None, 0, key="own-low", on_change=_enter_length)
            high.number_input("To (empty: no limit)", 0, None, None, key="own-high", on_change=_enter_length)
    if error := st.session_state.pop("slice-error", ""):
        st.error(escape_markdown(error), icon=":material/error:")


def _enter_phrase() -> None:
    phrase = str(st.session_state["own-phrase"])
    if not words(phrase):
        st.session_state["slice-error"] = "A word or phrase needs at least one letter or digit."
        return
    _enter(lambda: Phrase(" ".join(words(phrase))))


def _enter_length() -> None:
    low, high = st.session_state["own-low"], st.session_state["own-high"]
    _enter(lambda: Length(int(low or 0), None if high is None else int(high)))


def _enter(make: Callable[[], Rule]) -> None:
    try:
        st.session_state["rule"] = make().written
    except UserError as error:
        st.session_state["slice-error"] = str(error)


def saved_table(experiment: str, run: Run, slices: list[Slice], outcome: str, threshold: float) -> Slice | None:
    """The saved slices with their numbers for this run. The one that is ticked, None for none."""
    rows = [_row(experiment, run, one, outcome, threshold) for one in slices]
    key = f"saved-{slices[-1].key[:8]}-{len(slices)}"  # a tick is valid for this list only
    column = st.column_config
    event = st.dataframe(
        pd.DataFrame(rows),
        key=key,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "name": column.TextColumn("Name", width=150),
            "rule": column.TextColumn("Rule", width=170),
            "kind": column.TextColumn("Kind", width=60),
            "n": column.NumberColumn("n", width=50, help=f"Test {CLASS_NAMES[outcome][1]} in the slice."),
            "wrong": column.NumberColumn(
                outcome.upper(), width=44, help=f"{OUTCOME_NAMES[outcome].capitalize()} in it."
            ),
            "rate": column.NumberColumn(f"{outcome.upper()} rate", format="%.1f %%", width=70),
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
        "rule": rule_name(experiment, one.rule),
        "kind": KIND_NAMES[kind_of(one.rule)],
    }
    try:
        numbers = compare_with_rest(experiment, run, one.rule, outcome=outcome, threshold=threshold)
    except UserError as error:
        return row | {"rule": str(error), "n": None, "wrong": None, "rate": None}
    return row | {"n": int(numbers["n"]), "wrong": int(numbers["wrong"]), "rate": 100 * numbers["rate"]}


def manage(experiment: str, one: Slice) -> None:
    """Rename or delete a slice."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input("Name", value=one.name, key=f"rename-{one.key}", on_change=_rename, args=(experiment, one))
        st.button("Delete", key="delete-slice", icon=":material/delete:", on_click=_delete, args=(experiment, one))


def _rename(experiment: str, one: Slice) -> None:
    try:
        rename_slice(experiment, one.key, str(st.session_state[f"rename-{one.key}"]))
    except UserError as error:
        st.session_state["slice-error"] = str(error)


def _delete(experiment: str, one: Slice) -> None:
    try:
        delete_slice(experiment, one.key)
    except UserError as error:
        st.session_state["slice-error"] = str(error)
    else:
        st.session_state["slice-deleted"] = (experiment, one.key, one.name)


def _undo(experiment: str) -> None:
    """A button that restores the slice deleted last in this session."""
    deleted = st.session_state.get("slice-deleted")
    if not deleted or deleted[0] != experiment:
        return
    st.button(f"Undo: restore {escape_markdown(deleted[2])}", key="undo-slice", shortcut="Z", on_click=_restore,
              args=(experiment, deleted[1]))  # fmt: skip


def _restore(experiment: str, key: str) -> None:
    restore_slice(experiment, key)
    st.session_state.pop("slice-deleted", None)
