"""What an import left out or found odd: rows set aside, and texts with both labels."""

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from data.datasets import datasets_folder
from data.files import read_frame
from data.table_forms import csv_bytes
from pages.shared.load import stamp
from pages.shared.words import counted, plain

ROWS = 500
_TEXT = st.column_config.TextColumn("Text", width="large")
_REASONS = {
    "same text as row": "another row has the same text and label",
    "the id": "their id was used before",
}


def show_set_aside(name: str) -> None:
    """Counts by reason, the rows with their numbers, and the whole list to take away."""
    rows = _part(name, "set_aside")
    title = f"{counted(len(rows), 'row')} set aside" if len(rows) else "No row was set aside"
    with st.expander(title, icon=":material/filter_alt:"):
        if rows.empty:
            st.write("Every row became an example.")
            return
        st.markdown(f"{_by_reason(rows['reason'])}.")
        columns: dict[str, Any] = {"source_row": "Row in the source", "id": "Id", "reason": "Why", "text": _TEXT}
        st.dataframe(rows.head(ROWS), column_config=columns, hide_index=True, key="set-aside", alt="Rows set aside")
        if len(rows) > ROWS:
            st.caption(f"The first {ROWS:,} are shown; the download has all.")
        _download(rows, f"{name}-set-aside.csv")


def show_conflicts(name: str) -> None:
    """Texts that are labelled positive in one row and negative in another."""
    rows = _part(name, "conflicts")
    texts = rows["key"].nunique() if len(rows) else 0
    title = f"{counted(texts, 'text')} with both labels" if texts else "No text carries both labels"
    with st.expander(title, icon=":material/call_split:"):
        if not texts:
            st.write("No text is labelled positive in one row and negative in another.")
            return
        st.write("The same text is labelled positive in one row and negative in another. All are kept, in one split.")
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
    return "; ".join(f"{counted(count, 'row')}: {plain(reason)}" for reason, count in ordered)


def _download(rows: pd.DataFrame, name: str) -> None:
    st.download_button(
        "Download as CSV",
        lambda: csv_bytes(rows),
        name,
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
        key=f"download-{name}",
    )


def _part(name: str, part: str) -> pd.DataFrame:
    path = datasets_folder() / name / f"{part}.parquet"
    return _frame(str(path), stamp(path))


@st.cache_data(max_entries=8, show_spinner=False)
def _frame(path: str, written: int) -> pd.DataFrame:
    return read_frame(Path(path))
