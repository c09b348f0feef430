"""The suspected label errors: filters, table, actions, and the text of one suspect with its neighbours."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.formatting import count_text, probability_text
from closecall.data.annotations.hard_cases import Origin
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.results.run_predictions import SPLIT_NAMES
from closecall.pages.shared import case_list
from closecall.pages.shared.cached_io import Texts, frozen_folder
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.examples import open_as_queue, show_text
from closecall.pages.shared.neighbours import neighbours, show_neighbours

SHOWN = 500
LABELLED = ("all", "positive", "negative")
SPLITS = ("all", "test", "train")
NEAR = ("any", "3", "4", "5")
STARTS = {"labelled": "all", "part": "all", "near": "any"}
_CLASS = ("negative", "positive")


def _one_of(options: tuple[str, ...]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in options:
            raise ValueError(text)
        return text

    return read


READS: Mapping[str, Callable[[str], object]] = {
    "labelled": _one_of(LABELLED),
    "part": _one_of(SPLITS),
    "near": _one_of(NEAR),
}


def controls() -> None:
    """The filters of the suspects; each value is in the URL."""
    names = {"all": "All", "positive": "Positives", "negative": "Negatives", "test": "Test", "train": "Training"}
    with st.container(horizontal=True, gap="large", vertical_alignment="bottom"):
        st.segmented_control("Labelled", LABELLED, key="labelled", required=True, format_func=names.__getitem__)
        st.segmented_control("Split", SPLITS, key="part", required=True, format_func=names.__getitem__)
        st.segmented_control(
            "Neighbours with the other label, of 5",
            NEAR,
            key="near",
            required=True,
            format_func=lambda one: "Any" if one == "any" else "5" if one == "5" else f"{one} or more",
            help="Nearest test and training texts in the frozen encoder's embeddings. Neighbours with the other label "
            "are a second piece of evidence.",
        )


def chosen(suspects: pd.DataFrame) -> pd.DataFrame:
    """The suspects that match the filters, lowest self-confidence first."""
    keep = np.ones(len(suspects), dtype=bool)
    labelled, part, near = (st.session_state[name] for name in ("labelled", "part", "near"))
    if labelled != "all":
        keep &= suspects["label"].to_numpy() == _CLASS.index(labelled)
    if part != "all":
        keep &= suspects["split"].to_numpy() == part
    if near != "any":
        keep &= suspects["others"].fillna(0).to_numpy(dtype=np.int64) >= int(near)
    return suspects[keep].sort_values("self_confidence", kind="stable").reset_index(drop=True)


def suspect_table(config: ExperimentConfig, suspects: pd.DataFrame, texts: Texts) -> pd.DataFrame:
    """Draw the table; return the selected rows."""
    shown = suspects.head(SHOWN)
    ids = shown["id"].to_numpy(dtype=object)
    listed = case_list.listed_ids(config.id)
    frame = pd.DataFrame(
        {
            "own": [probability_text(float(one)) for one in shown["self_confidence"]],
            "near": [f"{n}/{k}" if pd.notna(n) else "" for n, k in zip(shown["others"], shown["of"], strict=True)],
            "text": texts.starts(ids, length=120),
            "label": [texts.class_name(one, int(own)) for one, own in zip(ids, shown["label"], strict=True)],
            "split": [SPLIT_NAMES.get(one, one) for one in shown["split"]],
            "listed": [one in listed for one in ids],
        }
    )
    column = st.column_config
    event = st.dataframe(
        frame,
        hide_index=True,
        height=420,
        key=f"suspects-{hash((config.id, *ids))}",
        on_select="rerun",
        selection_mode="multi-row",
        alt="Suspected label errors with self-confidence, neighbours, text and label",
        column_config={
            "own": column.TextColumn(
                "Self-confidence", help="Out-of-fold probability of the current label.", width=115
            ),
            "near": column.TextColumn("Near", help="Nearest neighbours with the other label.", width=55),
            "text": column.TextColumn("Text", width=145),
            "label": column.TextColumn("Labelled", width=105),
            "split": column.TextColumn("Split", width=65),
            "listed": column.CheckboxColumn("Listed", width=55),
        },
    )
    more = f" The table shows the first {SHOWN:,} of {len(suspects):,}." if len(suspects) > SHOWN else ""
    st.caption(f"Ordered by self-confidence. Select a row to read it.{more}")
    rows = [row for row in event["selection"]["rows"] if row < len(shown)]
    return shown.iloc[rows]


def actions(config: ExperimentConfig, suspects: pd.DataFrame, selected: pd.DataFrame) -> None:
    """Buttons that open the suspects on the Errors page, by split, and that add them to the hard-case list."""
    chosen_rows = selected if len(selected) else suspects
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for split in ("test", "train"):
            ids = chosen_rows.loc[chosen_rows["split"] == split, "id"].tolist()
            if ids:
                source = f"the label audit, {SPLIT_NAMES[split]} split"
                noun = f"{SPLIT_NAMES[split]} text"
                open_as_queue(config, ids, source=source, key=f"read-{split}", split=split, noun=noun)
        new = chosen_rows[~chosen_rows["id"].isin(case_list.listed_ids(config.id))]
        st.button(
            f"Add {count_text(len(new), 'suspect')} to the hard cases",
            key="list-suspects",
            icon=":material/playlist_add:",
            disabled=new.empty,
            on_click=_add_to_list,
            args=(config.id, new),
            help="Adds them to the hard-case list with the action relabel. If rows are selected, only those.",
        )
        if case_list.can_undo(config.id):
            st.button("Undo", key="undo", shortcut="Z", on_click=case_list.undo_callback, args=(config.id,))


def suspect_card(config: ExperimentConfig, suspect: pd.Series, texts: Texts) -> None:
    """One suspect: its label, its evidence, its text, and the nearest training texts of each class."""
    one, label = str(suspect["id"]), int(suspect["label"])
    st.markdown(
        f"**{escape_markdown(one)}** · labelled {_CLASS[label]} ({escape_markdown(texts.class_name(one, label))})"
    )
    st.markdown(_evidence(suspect))
    show_text(texts.text(one))
    found = neighbours(frozen_folder(config.id), one)
    if isinstance(found, str):
        st.caption(found)
    else:
        show_neighbours(found, one, label, texts)


def reason(suspect: pd.Series) -> str:
    """The reason that the hard-case list stores for a suspect."""
    other = _CLASS[1 - int(suspect["label"])]
    near = f", {suspect['others']} of {suspect['of']} nearest are {other}s" if pd.notna(suspect["others"]) else ""
    return f"label audit: {other} with probability {probability_text(1 - float(suspect['self_confidence']))}{near}"


def _evidence(suspect: pd.Series) -> str:
    other = _CLASS[1 - int(suspect["label"])]
    probability = escape_markdown(probability_text(1 - float(suspect["self_confidence"])))
    sentence = f"Out-of-fold probability of {other}: {probability}."
    if pd.isna(suspect["others"]):
        return sentence
    cosines = [
        f"{name} {float(suspect[column]):.2f}"
        for name, column in (("own label", "same_cosine"), ("other label", "other_cosine"))
        if pd.notna(suspect[column])
    ]
    similarity = f" (cosine similarity of the nearest: {', '.join(cosines)})" if cosines else ""
    return f"{sentence} {suspect['others']}/{suspect['of']} nearest neighbours are {other}{similarity}."


def _add_to_list(experiment: str, suspects: pd.DataFrame) -> None:
    parts = []
    for split, part in suspects.groupby("split", sort=False):
        reasons = [reason(row) for _, row in part.iterrows()]
        parts.append((part["id"].astype(str).tolist(), reasons, Origin(split=str(split))))
    case_list.add_with_action(experiment, parts, "relabel")
