"""The queue of the audit: suspected label errors and near copies with opposite labels; filters, table and actions.

An item is one row: a suspect, or a pair of near copies (`kind` "copies"), whose positive is `id` and negative `other`.
"""

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.formatting import count_text, probability_text
from closecall.data.annotations.hard_cases import Origin
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.results.run_predictions import SPLIT_NAMES
from closecall.pages.shared import case_list
from closecall.pages.shared.cached_io import Texts
from closecall.pages.shared.examples import open_as_queue

SHOWN = 500
LABELLED = ("all", "positive", "negative")
SPLITS = ("all", "test", "train")
NEAR = ("any", "3", "4", "5")
EVIDENCE = ("all", "model", "copies")
STARTS = {"evidence": "all", "labelled": "all", "part": "all", "near": "any"}
_CLASS = ("negative", "positive")


def _one_of(options: tuple[str, ...]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in options:
            raise ValueError(text)
        return text

    return read


READS: Mapping[str, Callable[[str], object]] = {
    "evidence": _one_of(EVIDENCE),
    "labelled": _one_of(LABELLED),
    "part": _one_of(SPLITS),
    "near": _one_of(NEAR),
}


def queue_items(suspects: pd.DataFrame, copies: pd.DataFrame) -> pd.DataFrame:
    """One row for each item: pairs of near copies first, the most similar first; then suspects by self-confidence.

    The columns of `suspects`, with `kind` ("copies" or "model"), and for pairs `other`, `other_split` and `jaccard`.
    """
    names = {"positive": "id", "negative": "other", "positive_split": "split", "negative_split": "other_split"}
    pairs = copies.rename(columns=names).assign(kind="copies", label=1)
    ordered = suspects.sort_values("self_confidence", kind="stable").assign(kind="model")
    return pd.concat([one for one in (pairs, ordered) if len(one)], ignore_index=True).reindex(
        columns=[*ordered.columns, "other", "other_split", "jaccard"]
    )


def controls() -> None:
    """The filters of the queue; each value is in the URL."""
    names = {"all": "All", "positive": "Positives", "negative": "Negatives", "test": "Test", "train": "Training",
             "model": "Model", "copies": "Near copies"}  # fmt: skip
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        st.segmented_control("Evidence", EVIDENCE, key="evidence", required=True, format_func=names.__getitem__,
                             help="Model: the label contradicts the out-of-fold probability. Near copies: two texts "
                             "share at least half of their character 5-grams and have opposite labels.")  # fmt: skip
        st.segmented_control("Labelled", LABELLED, key="labelled", required=True, format_func=names.__getitem__)
        st.segmented_control("Split", SPLITS, key="part", required=True, format_func=names.__getitem__)
        st.segmented_control(
            "Other-label neighbours, of 5",
            NEAR,
            key="near",
            required=True,
            format_func=lambda one: "Any" if one == "any" else "5" if one == "5" else f"{one}+",
            help="Nearest test and training texts in the frozen encoder's embeddings. Neighbours with the other label "
            "are a second piece of evidence.",
        )


def chosen(items: pd.DataFrame) -> pd.DataFrame:
    """The items that match the filters. A pair matches both labels, and the split of either text."""
    copies = (items["kind"] == "copies").to_numpy()
    evidence, labelled, part, near = (st.session_state[name] for name in STARTS)
    keep = np.ones(len(items), dtype=bool)
    if evidence != "all":
        keep &= items["kind"].to_numpy() == evidence
    if labelled != "all":
        keep &= copies | (items["label"].to_numpy() == _CLASS.index(labelled))
    if part != "all":
        keep &= ((items["split"] == part) | (items["other_split"] == part)).to_numpy()
    if near != "any":
        keep &= items["others"].fillna(0).to_numpy(dtype=np.int64) >= int(near)
    return items[keep].reset_index(drop=True)


def suspect_table(config: ExperimentConfig, items: pd.DataFrame, texts: Texts) -> pd.DataFrame:
    """Draw the table; return the selected items."""
    shown = items.head(SHOWN)
    listed, rows = case_list.listed_ids(config.id), shown.to_dict("records")
    splits = [[SPLIT_NAMES.get(split, split) for _, _, split in members(row)] for row in rows]
    frame = pd.DataFrame(
        {
            "own": [_short_evidence(row) for row in rows],
            "text": texts.starts(shown["id"].to_numpy(dtype=object), length=120),
            "label": [" / ".join(texts.class_name(one, label) for one, label, _ in members(row)) for row in rows],
            "split": [" / ".join(dict.fromkeys(one)) for one in splits],
            "listed": [all(one in listed for one, _, _ in members(row)) for row in rows],
        }
    )
    column = st.column_config
    event = st.dataframe(
        frame,
        hide_index=True,
        height=420,
        key=f"suspects-{hash((config.id, *shown['id'], *shown['kind']))}",
        on_select="rerun",
        selection_mode="multi-row",
        alt="Suspected label errors with evidence, text and label",
        column_config={
            "own": column.TextColumn(
                "Evidence",
                help="The out-of-fold probability of the current label, and how many nearest neighbours have the other "
                "label. Or the Jaccard similarity of two near copies with opposite labels.",
                width=105,
            ),
            "text": column.TextColumn("Text", width=105),
            "label": column.TextColumn("Labelled", width=90),
            "split": column.TextColumn("Split", width=85),
            "listed": column.CheckboxColumn("Listed", width=62),
        },
    )
    more = f" The table shows the first {SHOWN:,} of {len(items):,}." if len(items) > SHOWN else ""
    st.caption(f"Near copies first, then by the probability of the current label. Select a row to read it.{more}")
    chosen_rows = [row for row in event["selection"]["rows"] if row < len(shown)]
    return shown.iloc[chosen_rows]


def members(item: Mapping[Hashable, Any]) -> list[tuple[str, int, str]]:
    """Id, label and split of the texts of an item: one suspect, or the positive and the negative of a pair."""
    own = (str(item["id"]), int(item["label"]), str(item["split"]))
    return [own, (str(item["other"]), 0, str(item["other_split"]))] if item["kind"] == "copies" else [own]


def reason(item: Mapping[Hashable, Any], one: str) -> str:
    """The reason that the hard-case list stores for a text of an item."""
    if item["kind"] == "copies":
        (first, _, _), (second, _, _) = members(item)
        partner, name = (second, "negative") if one == first else (first, "positive")
        return f"label audit: near copy (Jaccard {probability_text(float(item['jaccard']))}) of {partner}, a {name}"
    other = _CLASS[1 - int(item["label"])]
    near = f", {item['others']} of {item['of']} nearest are {other}s" if pd.notna(item["others"]) else ""
    return f"label audit: {other} with probability {probability_text(1 - float(item['self_confidence']))}{near}"


def actions(config: ExperimentConfig, items: pd.DataFrame, selected: pd.DataFrame) -> None:
    """Buttons that open the texts on the Errors page, by split, and that add them to the hard-case list."""
    rows = (selected if len(selected) else items).to_dict("records")
    texts = {one: (split, row) for row in rows for one, _, split in members(row)}
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for split in ("test", "train", "validation"):
            if ids := [one for one, (where, _) in texts.items() if where == split]:
                source, noun = f"the label audit, {SPLIT_NAMES[split]} split", f"{SPLIT_NAMES[split]} text"
                open_as_queue(config, ids, source=source, key=f"read-{split}", split=split, noun=noun)
        listed = case_list.listed_ids(config.id)
        new = {one: item for one, item in texts.items() if one not in listed}
        st.button(
            f"Add {count_text(len(new), 'text')} to the hard cases",
            key="list-suspects",
            icon=":material/playlist_add:",
            disabled=not new,
            on_click=_add_to_list,
            args=(config.id, new),
            help="Adds them to the hard-case list: suspects with the action relabel, near copies undecided, because "
            "either label may be wrong. If rows are selected, only those.",
        )
        if case_list.can_undo(config.id):
            st.button("Undo", key="undo", shortcut="Z", on_click=case_list.undo_callback, args=(config.id,))


def _short_evidence(item: Mapping[Hashable, Any]) -> str:
    """The evidence in a table cell: "near copy 0.83", or "0.02, 5/5 near"."""
    if item["kind"] == "copies":
        return f"near copy {probability_text(float(item['jaccard']))}"
    near = f", {item['others']}/{item['of']} near" if pd.notna(item["others"]) else ""
    return f"{probability_text(float(item['self_confidence']))}{near}"


def _add_to_list(experiment: str, texts: Mapping[str, tuple[str, Mapping[Hashable, Any]]]) -> None:
    """Add texts, each with its split and item, to the list as one change."""
    groups: dict[tuple[str, str], dict[str, str]] = {}
    for one, (split, item) in texts.items():
        action = "relabel" if item["kind"] == "model" else ""
        groups.setdefault((split, action), {})[one] = reason(item, one)
    parts = [
        (list(reasons), list(reasons.values()), Origin(split=split), action)
        for (split, action), reasons in groups.items()
    ]
    case_list.add_with_action(experiment, parts)
