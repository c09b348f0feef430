"""Beside the open example: the columns that came with it, such as its source or date."""

import pandas as pd
import streamlit as st

from closecall.data.datasets.store import datasets_folder, load_examples
from closecall.data.exchange.tables import METADATA
from closecall.pages.shared.cached_io import stamp
from closecall.pages.shared.escaping import escape_html

LONGEST = 200
"""Characters of a value that are shown."""


def show_metadata(dataset: str, example: str) -> None:
    """The name and value of each further column of the dataset; nothing where it has none, or was deleted."""
    written = stamp(datasets_folder() / dataset / "examples.parquet")
    known = _metadata(dataset, written) if written else None
    if known is None or example not in known.index:
        return
    values = known.loc[example].dropna()
    cells = [(str(name).removeprefix(METADATA), str(value)) for name, value in values.items() if str(value).strip()]
    if cells:
        parts = [f"{escape_html(name)} <strong>{escape_html(_short(value))}</strong>" for name, value in cells]
        st.html(f'<div class="quiet apart" data-metadata="true">{" · ".join(parts)}</div>')


def _short(value: str) -> str:
    return value if len(value) <= LONGEST else value[: LONGEST - 1] + "…"


@st.cache_resource(max_entries=4, show_spinner=False)
def _metadata(dataset: str, written: int) -> pd.DataFrame | None:
    """The further columns with `id` as index, None without any. Shared by all sessions: never changed."""
    frame = load_examples(dataset)
    kept = [name for name in frame if str(name).startswith(METADATA)]
    return frame.set_index("id")[kept] if kept else None
