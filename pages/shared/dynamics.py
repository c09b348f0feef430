"""The data map of a run: what training found easy, read once and shared by every session."""

import pandas as pd
import streamlit as st

from analysis.data_map import data_map
from data.runs import Run, load_dynamics
from pages.shared.load import stamp


def data_map_of(run: Run) -> pd.DataFrame | None:
    """`analysis.data_map` of the run's training examples with `id` as index, and label and epochs; None without any.

    `epochs` is in how many epochs the example was seen.
    """
    path = run.folder / "dynamics.npz"
    return _data_map(run, str(path), stamp(path)) if path.exists() else None


@st.cache_data(max_entries=32, show_spinner=False)
def _data_map(_run: Run, path: str, written: int) -> pd.DataFrame | None:
    dynamics = load_dynamics(_run)
    if not dynamics.pos_probs.size:
        return None
    found = data_map(dynamics.labels, dynamics.pos_probs)
    epochs = (dynamics.pos_probs == dynamics.pos_probs).sum(axis=0)
    return found.assign(label=dynamics.labels, epochs=epochs).set_axis(pd.Index(dynamics.ids, name="id"), axis=0)
