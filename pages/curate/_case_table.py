"""The list as a table in which notes and actions are written; each edit is saved by its example's id."""

from urllib.parse import urlencode

import numpy as np
import pandas as pd
import streamlit as st

from data.errors import UserError
from data.experiments import ExperimentConfig, ratio_label
from data.hard_cases import ACTIONS
from pages.shared import case_list
from pages.shared.evidence import Evidence
from pages.shared.failures import tell
from pages.shared.lookup import places_of
from pages.shared.texts import Texts

UNDECIDED = ""
_UNDONE = "cases-undone"


def case_table(config: ExperimentConfig, cases: pd.DataFrame, evidence: Evidence, texts: Texts) -> None:
    """One row for each case. Unticking a row takes it off the list."""
    if error := st.session_state.pop("refused", None):
        tell(UserError(error))
    table, ratios = _table(config, cases, evidence, texts)
    ids = tuple(table["id"])
    # The key changes with the rows: an edit kept by position must never land on another case.
    key = f"cases-{hash((config.id, ids, st.session_state.get(_UNDONE, 0)))}"
    st.data_editor(
        table,
        key=key,
        hide_index=True,
        height=min(38 + 36 * len(table), 520),
        disabled=[str(name) for name in table if name not in ("listed", "action", "note")],
        column_order=["listed", "read", "text", "reasons", "action", "note", *ratios],
        column_config=_columns(ratios),
        placeholder="",
        on_change=_save,
        args=(config.id, ids, key),
        alt="The hard cases with their reasons, actions, notes and probabilities",
    )
    st.caption(
        "Notes and actions are saved as you leave the cell. Untick a case to take it off; Undo brings it back. "
        "At the right: the probability of being positive at each ratio, the mean over its seeds."
    )


def _table(
    config: ExperimentConfig, cases: pd.DataFrame, evidence: Evidence, texts: Texts
) -> tuple[pd.DataFrame, list[str]]:
    ids = cases["id"].to_numpy(dtype=object)
    places = places_of(evidence.places, ids)
    label = np.where(places >= 0, evidence.labels[np.maximum(places, 0)], 0) if len(evidence.labels) else 0 * places
    table = pd.DataFrame(
        {
            "id": ids,
            "listed": True,
            "read": [f"errors?{urlencode({'experiment': config.id, 'outcome': 'all', 'example': one})}" for one in ids],
            "text": [texts.text(one) or str(one) for one in ids],
            "class": [texts.class_name(one, int(own)) for one, own in zip(ids, label, strict=True)],
            "reasons": cases["reasons"].to_numpy(dtype=object),
            "action": cases["action"].to_numpy(dtype=object),
            "note": cases["note"].to_numpy(dtype=object),
        }
    )
    ratios = []
    for ratio in np.unique(evidence.ratios[evidence.remedies == "none"]):
        here = (evidence.ratios == ratio) & (evidence.remedies == "none")
        mean = evidence.pos_probs[here].mean(axis=0) if len(evidence.labels) else np.array([])
        name = ratio_label(ratio)
        table[name] = np.where(places >= 0, mean[np.maximum(places, 0)], np.nan) if len(mean) else np.nan
        ratios.append(name)
    return table, ratios


def _columns(ratios: list[str]) -> dict:
    config = st.column_config
    columns = {
        "listed": config.CheckboxColumn("On", width=50),
        "read": config.LinkColumn("Read", display_text=":material/menu_book:", width=50),
        "text": config.TextColumn("Text", width=200),
        "class": config.TextColumn("Class", width=70),
        "reasons": config.TextColumn("Why it is here", width=200),
        "action": config.SelectboxColumn("Action", options=[UNDECIDED, *ACTIONS], width=100),
        "note": config.TextColumn("Note", width=140),
    }
    for name in ratios:
        columns[name] = config.NumberColumn(name, format="%.2f", width=55)
    return columns


def _save(experiment: str, ids: tuple[str, ...], key: str) -> None:
    """Save what is new: the editor repeats all edits since it was first drawn, and others may have written since."""
    saved = st.session_state.setdefault(f"{key}-saved", {})
    for position, row in st.session_state[key]["edited_rows"].items():
        one = ids[int(position)]
        edits = {name: value for name, value in row.items() if (position, name, value) not in saved}
        saved.update(dict.fromkeys((position, name, value) for name, value in edits.items()))
        try:
            if "note" in edits:
                case_list.note(experiment, one, str(edits["note"] or ""))
            if "action" in edits:
                case_list.act(experiment, one, str(edits["action"] or ""))
            if edits.get("listed") is False:
                case_list.remove(experiment, [one])
        except UserError as error:
            st.session_state["refused"] = str(error)


def take_back(experiment: str) -> None:
    """Undo the last step; the editor begins afresh, as it would go on showing what was typed."""
    case_list.undo_last(experiment)
    st.session_state[_UNDONE] = st.session_state.get(_UNDONE, 0) + 1
