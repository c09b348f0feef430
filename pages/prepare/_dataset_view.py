"""One dataset: its classes and splits, what was set aside, and the ratios that it can give."""

import math
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from data.datasets import DatasetInfo, delete_dataset, load_info
from data.errors import UserError
from pages.prepare._dataset_facts import dataset_facts
from pages.prepare._length_chart import length_chart
from pages.prepare._set_aside import show_conflicts, show_set_aside
from pages.shared.failures import tell
from pages.shared.headline import headline
from pages.shared.state import begin
from pages.shared.words import counted, plain

WIDE = 10
"""The ratio that the asker used."""


def choose_dataset(names: list[str]) -> str:
    """The dataset named in the URL, else the first."""
    begin("dataset", names[0], names)
    chosen = st.selectbox("Dataset", names, index=None, key="dataset", required=True, bind="query-params")
    return chosen or names[0]


def dataset_view(name: str, top: DeltaGenerator) -> None:
    try:
        info, facts = load_info(name), dataset_facts(name)
    except UserError as error:
        tell(error)
        return
    with top:
        headline("Data", _finding(info, facts["sizes"]), reach(facts))
    left, right = st.columns(2, gap="large")
    with left:
        if info.has_texts:
            length_chart(facts["bins"], facts["medians"])
        else:
            st.info("These predictions came without texts: there is nothing to read or to train on.")
    with right:
        _sizes(facts["sizes"])
        if info.has_texts and not facts["problem"]:
            st.page_link("pages/prepare/train.py", label="Train classifiers on it", icon=":material/model_training:",
                         query_params={"dataset": name})  # fmt: skip
    show_set_aside(name)
    show_conflicts(name)
    _origin(info)
    if info.has_texts:
        _some_texts(facts["some"])
    _delete(name)


def _finding(info: DatasetInfo, sizes: pd.DataFrame) -> str:
    positives, negatives = int(sizes["positives"].sum()), int(sizes["negatives"].sum())
    return f"{plain(info.title)}: {counted(positives, 'positive')} and {counted(negatives, 'negative')}."


def reach(facts: dict[str, Any]) -> str:
    """Which ratios the training split gives, in a sentence."""
    if math.isnan(facts["largest_ratio"]):
        return plain(facts["problem"])
    most, n_positives = facts["largest_ratio"], facts["train_positives"]
    with_all = f"With all {n_positives:,} training positives the ratios go up to 1:{math.floor(10 * most) / 10:g}"
    if most >= WIDE:
        return f"{with_all}."
    return f"{with_all}; for 1:{WIDE} take at most {facts['train_negatives'] // WIDE:,} of them."


def _sizes(sizes: pd.DataFrame) -> None:
    st.markdown("**Splits**")
    total = {"split": "all", "positives": sizes["positives"].sum(), "negatives": sizes["negatives"].sum()}
    table = pd.concat([sizes, pd.DataFrame([total])], ignore_index=True)
    table["share"] = 100 * table["positives"] / (table["positives"] + table["negatives"])
    config: dict[str, Any] = {
        "split": "Split",
        "positives": st.column_config.NumberColumn("Positives", format="localized"),
        "negatives": st.column_config.NumberColumn("Negatives", format="localized"),
        "share": st.column_config.NumberColumn("Positives among all", format="%.1f %%"),
    }
    st.dataframe(table, column_config=config, hide_index=True, key="sizes", alt="Positives and negatives of each split")
    st.caption("Runs are trained on examples drawn from the train split; validation and test are the same for all.")


def _origin(info: DatasetInfo) -> None:
    with st.expander("Classes, origin and licence", icon=":material/info:"):
        st.markdown(f"Positive: {', '.join(map(plain, info.positive_classes))}")
        st.markdown(f"Negative: {', '.join(map(plain, info.negative_classes))}")
        for label, text in (("Origin", info.origin), ("Licence", info.licence), ("Source", info.source_file)):
            if text:
                st.markdown(f"{label}: {plain(text)}")
        st.markdown(f"Splits were drawn with seed {info.split_seed}, on {plain(info.created[:10])}.")
        for note in info.notes:
            st.markdown(f"- {plain(note)}")


def _some_texts(some: pd.DataFrame) -> None:
    with st.expander("A few of its texts", icon=":material/notes:"):
        columns: dict[str, Any] = {
            "class_name": "Class",
            "split": "Split",
            "text": st.column_config.TextColumn("Text", width="large"),
        }
        st.dataframe(some, column_config=columns, hide_index=True, key="some-texts", row_height=56,
                     alt="Some positives and negatives")  # fmt: skip


def _delete(name: str) -> None:
    with st.popover("Delete", icon=":material/delete:", type="tertiary"):
        st.write("The texts are removed from the workspace. Experiments on them keep their predictions.")
        st.button("Delete this dataset", key="delete-dataset", on_click=_forget, args=(name,))


def _forget(name: str) -> None:
    delete_dataset(name)
    st.session_state.pop("dataset", None)
