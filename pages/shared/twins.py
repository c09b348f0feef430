"""The same text with the other label, elsewhere in the dataset: from the conflicts that its preparation found."""

import pandas as pd
import streamlit as st

from data.datasets import datasets_folder
from data.files import read_frame
from pages.shared.load import stamp
from pages.shared.words import plain

_CLASS = ("negative", "positive")


def twins(dataset: str, one: str) -> list[tuple[str, int]]:
    """The id and label of each example that has this one's text (letter case and blanks aside) and the other label."""
    path = datasets_folder() / dataset / "conflicts.parquet"
    return _twins(dataset, stamp(path)).get(one, []) if path.exists() else []


def show_twins(dataset: str, one: str) -> None:
    """A clear line, when there are any."""
    found = twins(dataset, one)
    if not found:
        return
    other, label = found[0]
    more = f" and {len(found) - 1:,} more" if len(found) > 1 else ""
    st.warning(
        f"The same text also stands in the dataset as a **{_CLASS[label]}** ({plain(other)}{more}): "
        "one of the labels is wrong, or the text alone cannot tell.",
        icon=":material/content_copy:",
    )


@st.cache_resource(max_entries=4, show_spinner=False)
def _twins(dataset: str, written: int) -> dict[str, list[tuple[str, int]]]:
    rows: pd.DataFrame = read_frame(datasets_folder() / dataset / "conflicts.parquet", ["key", "id", "label"])
    found: dict[str, list[tuple[str, int]]] = {}
    for _, same in rows.groupby("key"):
        pairs = list(zip(same["id"].astype(str), same["label"].astype(int), strict=True))
        for one, label in pairs:
            found[one] = [pair for pair in pairs if pair[1] != label]
    return found
