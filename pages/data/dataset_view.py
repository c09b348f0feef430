"""One dataset: its classes, splits and text lengths, the ratios it allows, and the rows that the import set aside."""

import math
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from closecall.analysis.formatting import count_text, percent_text
from closecall.charts.text_lengths import text_length_chart
from closecall.data.datasets.store import DatasetInfo, datasets_folder, delete_dataset, load_info
from closecall.data.exchange.table_files import csv_bytes
from closecall.data.io.errors import UserError
from closecall.data.io.files import read_frame
from closecall.pages.data.dataset_check import show_check
from closecall.pages.shared.cached_io import DatasetFacts, dataset_facts, stamp
from closecall.pages.shared.chart_view import current_theme, show_chart
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import headline, show_user_error
from closecall.pages.shared.state import init_bound_value

WIDEST_DEFAULT_RATIO = 10
"""The largest ratio of a sweep with default settings."""
ROWS = 500
_TEXT = st.column_config.TextColumn("Text", width="large")
_REASONS = {
    "same text as row": "another row has the same text and label",
    "the id": "their id was used before",
}
"""How a reason begins, and how rows with that reason are summarized."""


def choose_dataset(names: list[str]) -> str:
    """The dataset named in the URL, else the first."""
    init_bound_value("dataset", names[0], names)
    chosen = st.selectbox("Dataset", names, index=None, key="dataset", required=True, bind="query-params")
    return chosen or names[0]


def dataset_view(name: str, top: DeltaGenerator) -> None:
    try:
        info, facts = load_info(name), dataset_facts(name)
    except UserError as error:
        show_user_error(error)
        return
    with top:
        headline("Data", _finding(info, facts.sizes), reach(facts))
    left, right = st.columns(2, gap="large")
    with left:
        if info.has_texts:
            show_chart(text_length_chart(facts.length_bins, facts.median_words, theme=current_theme()))
        else:
            st.info("These predictions were imported without texts, so they cannot be read or trained on.")
    with right:
        _sizes(facts.sizes)
        if info.has_texts and not facts.problem:
            st.page_link("pages/train/page.py", label="Train classifiers on it", icon=":material/model_training:",
                         query_params={"dataset": name})  # fmt: skip
    if info.has_texts:
        show_check(name)
    show_set_aside(name)
    show_conflicts(name)
    _origin(info)
    if info.has_texts:
        _some_texts(facts.some_texts)
    _delete(name)


def _finding(info: DatasetInfo, sizes: pd.DataFrame) -> str:
    positives, negatives = int(sizes["positives"].sum()), int(sizes["negatives"].sum())
    return (
        f"{escape_markdown(info.title)}: {count_text(positives, 'positive')} and {count_text(negatives, 'negative')}."
    )


def reach(facts: DatasetFacts) -> str:
    """The largest ratio that the training split allows, in one sentence, or why it allows none."""
    if math.isnan(facts.largest_ratio):
        return escape_markdown(facts.problem)
    with_all = (
        f"With all {facts.train_positives:,} training positives, the largest possible ratio is "
        f"1:{math.floor(10 * facts.largest_ratio) / 10:g}"
    )
    if facts.largest_ratio >= WIDEST_DEFAULT_RATIO:
        return f"{with_all}."
    return (
        f"{with_all}. For 1:{WIDEST_DEFAULT_RATIO} use at most "
        f"{facts.train_negatives // WIDEST_DEFAULT_RATIO:,} of them."
    )


def _sizes(sizes: pd.DataFrame) -> None:
    st.markdown("**Splits**")
    total = {"split": "all", "positives": sizes["positives"].sum(), "negatives": sizes["negatives"].sum()}
    table = pd.concat([sizes, pd.DataFrame([total])], ignore_index=True)
    texts = table["positives"] + table["negatives"]
    table["prevalence"] = [percent_text(share) for share in table["positives"] / texts]
    config: dict[str, Any] = {
        "split": "Split",
        "positives": st.column_config.NumberColumn("Positives", format="localized"),
        "negatives": st.column_config.NumberColumn("Negatives", format="localized"),
        "prevalence": st.column_config.TextColumn(
            "Prevalence", help="Share of positives in the split.", alignment="right"
        ),
    }
    st.dataframe(table, column_config=config, hide_index=True, key="sizes", alt="Positives and negatives of each split")
    st.caption("Training examples are drawn from the train split. Validation and test are the same for all runs.")


def _origin(info: DatasetInfo) -> None:
    with st.expander("Classes, origin and licence", icon=":material/info:"):
        st.markdown(f"Positive: {', '.join(map(escape_markdown, info.positive_classes))}")
        st.markdown(f"Negative: {', '.join(map(escape_markdown, info.negative_classes))}")
        for label, text in (("Origin", info.origin), ("Licence", info.licence), ("Source", info.source_file)):
            if text:
                st.markdown(f"{label}: {escape_markdown(text)}")
        st.markdown(f"Splits were drawn with seed {info.split_seed}, on {escape_markdown(info.created[:10])}.")
        for note in info.notes:
            st.markdown(f"- {escape_markdown(note)}")


def _some_texts(some: pd.DataFrame) -> None:
    with st.expander("Some of its texts", icon=":material/notes:"):
        columns: dict[str, Any] = {
            "class_name": "Class",
            "split": "Split",
            "text": st.column_config.TextColumn("Text", width="large"),
        }
        st.dataframe(some, column_config=columns, hide_index=True, key="some-texts", row_height=56,
                     alt="Some positives and negatives")  # fmt: skip


def show_set_aside(name: str) -> None:
    """The number of rows by reason, the rows themselves, and a button that exports all of them."""
    rows = _part(name, "set_aside")
    title = f"{count_text(len(rows), 'row')} set aside" if len(rows) else "No row was set aside"
    with st.expander(title, icon=":material/filter_alt:"):
        if rows.empty:
            st.write("Every row became an example.")
            return
        st.markdown(f"{_by_reason(rows['reason'])}.")
        columns: dict[str, Any] = {"source_row": "Row in the source", "id": "Id", "reason": "Why", "text": _TEXT}
        st.dataframe(rows.head(ROWS), column_config=columns, hide_index=True, key="set-aside", alt="Rows set aside")
        if len(rows) > ROWS:
            st.caption(f"The table shows the first {ROWS:,}; the file has all.")
        _download(rows, f"{name}-set-aside.csv")


def show_conflicts(name: str) -> None:
    """Texts that are positive in one row and negative in another."""
    rows = _part(name, "conflicts")
    texts = rows["key"].nunique() if len(rows) else 0
    title = f"{count_text(texts, 'text')} with both labels" if texts else "No text has both labels"
    with st.expander(title, icon=":material/call_split:"):
        if not texts:
            st.write("No text is positive in one row and negative in another.")
            return
        st.write("The same text is positive in one row and negative in another. All rows are kept, in the same split.")
        columns: dict[str, Any] = {"source_row": "Row in the source", "id": "Id", "label": "Label", "text": _TEXT}
        shown = rows.head(ROWS)[list(columns)].assign(label=rows["label"].map({1: "positive", 0: "negative"}))
        st.dataframe(shown, column_config=columns, hide_index=True, key="conflicts", row_height=56,
                     alt="Texts with both labels")  # fmt: skip
        _download(rows, f"{name}-conflicts.csv")


def _by_reason(reasons: pd.Series) -> str:
    counts: dict[str, int] = {}
    for reason, count in reasons.value_counts().items():
        known = next((text for start, text in _REASONS.items() if str(reason).startswith(start)), str(reason))
        counts[known] = counts.get(known, 0) + int(count)
    ordered = sorted(counts.items(), key=lambda one: -one[1])
    return "; ".join(f"{count_text(count, 'row')}: {escape_markdown(reason)}" for reason, count in ordered)


def _download(rows: pd.DataFrame, name: str) -> None:
    st.download_button(
        "Export as CSV",
        lambda: csv_bytes(rows),
        name,
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
        key=f"download-{name}",
    )


def _delete(name: str) -> None:
    with st.popover("Delete", icon=":material/delete:", type="tertiary"):
        st.write("This removes the texts from the workspace. Experiments on them keep their predictions.")
        st.button("Delete this dataset", key="delete-dataset", on_click=_forget, args=(name,))


def _forget(name: str) -> None:
    delete_dataset(name)
    st.session_state.pop("dataset", None)


def _part(name: str, part: str) -> pd.DataFrame:
    path = datasets_folder() / name / f"{part}.parquet"
    return _frame(str(path), stamp(path))


@st.cache_data(max_entries=8, show_spinner=False)
def _frame(path: str, written: int) -> pd.DataFrame:
    return read_frame(Path(path))
