"""The table of hard cases: filters by action, tag and person in the URL, and cells that record decisions.

Each edit is saved under the id of its example.
"""

from collections import Counter
from urllib.parse import urlencode

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.formatting import count_text, ratio_text
from closecall.data.annotations.hard_cases import ACTIONS
from closecall.data.experiments.store import ExperimentConfig
from closecall.data.io.errors import UserError
from closecall.models.results.run_predictions import RunPredictions
from closecall.pages.hard_cases.evidence import causes_for
from closecall.pages.shared import case_list
from closecall.pages.shared.cached_io import Texts, places_of
from closecall.pages.shared.case_list import tags_of
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import show_user_error
from closecall.pages.shared.url_filters import load_filters, save_filters

STARTS = {"case_action": "", "case_tag": "", "case_who": ""}
NOTHING = "(none)"
"""The filter value of cases without an action, tag or name."""


def filtered(cases: pd.DataFrame) -> pd.DataFrame:
    """Draw the three filters, with the number of cases of each value; return the cases that match."""
    load_filters(STARTS, {}, canary="case_action")
    boxes = st.columns([2, 2, 2, 3], vertical_alignment="bottom")
    for box, (key, name) in zip(
        boxes, (("case_action", "Action"), ("case_tag", "Tag"), ("case_who", "Person")), strict=False
    ):
        _choose(box, key, name, Counter(value for row in _values(cases, key) for value in row))
    save_filters(STARTS)
    kept = pd.Series(True, index=cases.index)
    for key in STARTS:
        if wanted := st.session_state[key]:
            kept &= np.array([wanted in row for row in _values(cases, key)], dtype=bool)
    if not kept.all():
        boxes[3].caption(f"{count_text(int(kept.sum()), 'case')} of {len(cases):,} shown.")
    return cases[kept]


def _choose(box: st.delta_generator.DeltaGenerator, key: str, name: str, counts: Counter[str]) -> None:
    options = ["", *sorted(counts, key=lambda value: (value == NOTHING, -counts[value], value))]
    if st.session_state.get(key) not in options:
        options.append(st.session_state[key])  # a link may name a value that no case has
    box.selectbox(
        name,
        options,
        key=key,
        format_func=lambda value: f"{escape_markdown(value)} ({counts[value]:,})" if value else "all",
    )


def _values(cases: pd.DataFrame, key: str) -> list[list[str]]:
    """The values of each case: its tags, or its one action or person."""
    if key == "case_tag":
        return [tags_of(tags) or [NOTHING] for tags in cases["tags"]]
    return [[value or NOTHING] for value in cases["action" if key == "case_action" else "who"]]


UNDECIDED = ""
EDITABLE = ("listed", "action", "new_label", "tags", "note")
VIEWS = {
    "Decisions": ("class", "reasons", "action", "new_label", "tags", "note", "who"),
    "Evidence": ("class", "group", "outcome_string", "type_balanced", "type", "margin", "nearest_positive",
                 "positive_cosine", "nearest_negative", "negative_cosine"),
    "Causes": ("class", "cause", "cause_evidence"),
    "Probabilities": ("class", "outcome_string"),
    "Provenance": ("id", "who", "added", "split", "run", "threshold", "reasons"),
}  # fmt: skip
_ROW_HEIGHT = {"Causes": 120}
"""Pixels, for the view whose sentences need several lines."""
_ABOUT = {
    "Decisions": "A cell is saved when you leave it. A new label sets the action to relabel. Untick a case to remove "
    "it from the list; Undo restores it.",
    "Evidence": "Outcomes, a letter for each run: T correct, F false; a slash separates ratios. Margin: cosine "
    "similarity to the nearest training positive minus that to the nearest negative, by the frozen encoder.",
    "Causes": "Why most seeds of the largest ratio misclassify it, at threshold 0.50, with the evidence of all causes "
    "that hold. Empty for examples that they classify correctly.",
    "Probabilities": "Probability of the positive class at each ratio, mean over seeds.",
    "Provenance": "Who added the case, when, and from which split, run and threshold.",
}
_UNDONE = "cases-undone"


def case_table(
    config: ExperimentConfig,
    cases: pd.DataFrame,
    evidence: RunPredictions,
    around: pd.DataFrame,
    texts: Texts,
    classes: list[str],
) -> None:
    """One row for each case. `around`: OUTCOME_COLUMNS and NEIGHBOURS of the cases, in the same order."""
    if error := st.session_state.pop("refused", None):
        show_user_error(UserError(error))
    view = str(st.segmented_control("Columns", list(VIEWS), default="Decisions", required=True, key="case-view",
                                    label_visibility="collapsed"))  # fmt: skip
    if view == "Causes":
        around = around.join(causes_for(config.id, list(around.index)))
    table, ratios = _table(config, cases, evidence, around, texts)
    if view == "Causes":
        table["text"] = texts.starts(cases["id"].to_numpy(dtype=object), length=110)
    ids = tuple(table["id"])
    tags = sorted({tag for own in table["tags"] for tag in own})
    # The key changes with the rows: the editor keeps edits by position, and another case may move there.
    key = f"cases-{hash((config.id, ids, view, st.session_state.get(_UNDONE, 0)))}"
    st.data_editor(
        table,
        key=key,
        hide_index=True,
        height=min(38 + (1 + _ROW_HEIGHT.get(view, 35)) * len(table), 520),
        row_height=_ROW_HEIGHT.get(view),
        disabled=[str(name) for name in table if name not in EDITABLE],
        column_order=["listed", "read", "text", *VIEWS[view], *(ratios if view == "Probabilities" else [])],
        column_config=_columns(ratios, classes, tags),
        placeholder="",
        on_change=_save,
        args=(config.id, ids, key),
        alt="The hard cases with their reasons, evidence, actions, tags, notes and probabilities",
    )
    st.caption(_ABOUT[view])


def _table(
    config: ExperimentConfig, cases: pd.DataFrame, evidence: RunPredictions, around: pd.DataFrame, texts: Texts
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
            **{name: cases[name].to_numpy(dtype=object) for name in ("reasons", "action", "new_label", "note", "who")},
            **{name: cases[name].to_numpy(dtype=object) for name in ("added", "split", "run")},
            "threshold": cases["threshold"].to_numpy(),
            "tags": [case_list.tags_of(tags) for tags in cases["tags"]],
        }
    )
    table = pd.concat([table, around.reset_index(drop=True)], axis=1)
    ratios = []
    for ratio in np.unique(evidence.ratios[evidence.remedies == "none"]):
        here = (evidence.ratios == ratio) & (evidence.remedies == "none")
        mean = evidence.pos_probs[here].mean(axis=0) if len(evidence.labels) else np.array([])
        name = ratio_text(ratio)
        table[name] = np.where(places >= 0, mean[np.maximum(places, 0)], np.nan) if len(mean) else np.nan
        ratios.append(name)
    return table, ratios


def _columns(ratios: list[str], classes: list[str], tags: list[str]) -> dict:
    config = st.column_config
    columns = {
        "listed": config.CheckboxColumn("On", width=55),
        "read": config.LinkColumn("Read", display_text=":material/menu_book:", width=50),
        "text": config.TextColumn("Text", width=210),
        "action": config.SelectboxColumn("Action", options=[UNDECIDED, *ACTIONS], width=105),
        "new_label": config.SelectboxColumn("New label", options=[UNDECIDED, *classes], width=105),
        "tags": config.MultiselectColumn("Tags", options=tags, accept_new_options=True, width=120),
        "note": config.TextColumn("Note", width=150),
    }
    named = {
        "id": ("Id", 110), "class": ("Class", 90), "reasons": ("Reason", 200), "who": ("Person", 70),
        "added": ("Added", 190), "split": ("Split", 80), "run": ("Run", 110), "group": ("Group", 130),
        "outcome_string": ("Outcomes", 120), "type_balanced": ("Type, balanced", 105), "type": ("Type, all", 90),
        "cause": ("Cause", 130), "cause_evidence": ("Evidence", 475),
        "nearest_positive": ("Nearest positive", 130), "nearest_negative": ("Nearest negative", 130),
    }  # fmt: skip
    columns |= {name: config.TextColumn(title, width=width) for name, (title, width) in named.items()}
    columns |= {
        name: config.NumberColumn("cosine", format="%.2f", width=60) for name in ("positive_cosine", "negative_cosine")
    }
    columns["margin"] = config.NumberColumn("Margin", format="%.2f", width=65)
    columns["threshold"] = config.NumberColumn("Threshold", format="%.2f", width=80)
    return columns | {name: config.NumberColumn(name, format="%.2f", width=55) for name in ratios}


def _save(experiment: str, ids: tuple[str, ...], key: str) -> None:
    """Save only new edits: the editor repeats all edits since it was first drawn, and others may have saved since."""
    saved = st.session_state.setdefault(f"{key}-saved", {})
    for position, row in st.session_state[key]["edited_rows"].items():
        cells = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
        edits = {name: value for name, value in cells.items() if (position, name, value) not in saved}
        saved.update(dict.fromkeys((position, name, value) for name, value in edits.items()))
        try:
            _save_row(experiment, ids[int(position)], edits)
        except UserError as error:
            st.session_state["refused"] = str(error)


def _save_row(experiment: str, one: str, edits: dict) -> None:
    if "note" in edits:
        case_list.note(experiment, one, str(edits["note"] or ""))
    if "new_label" in edits:
        case_list.relabel(experiment, one, str(edits["new_label"] or ""))
    if "action" in edits:
        case_list.act(experiment, one, str(edits["action"] or ""))
    if "tags" in edits:
        case_list.retag(experiment, one, list(edits["tags"] or ()))
    if edits.get("listed") is False:
        case_list.remove(experiment, [one])


def undo_step(experiment: str) -> None:
    """Undo the last step and redraw the editor, which would otherwise keep showing the undone input."""
    case_list.undo_last(experiment)
    st.session_state[_UNDONE] = st.session_state.get(_UNDONE, 0) + 1
