"""A list of examples as a queue on the reading desk."""

from collections.abc import Sequence

import streamlit as st

from data.experiments import ExperimentConfig
from data.selections import save_selection
from pages.shared.state import show_examples
from pages.shared.words import counted


def read_all(
    config: ExperimentConfig,
    ids: Sequence[str],
    *,
    source: str,
    key: str,
    split: str = "test",
    noun: str = "text",
    **filters: str,
) -> None:
    """A button that opens all of these on Errors, in this order, under the sentence that says where they come from."""
    label = f"Read the {noun} on Errors" if len(ids) == 1 else f"Read these {counted(len(ids), noun)} on Errors"
    if st.button(label, key=key, icon=":material/menu_book:"):
        picked = save_selection(config.id, ids, source=source)
        show_examples(experiment=config.id, outcome="all", sort="as picked", split=split, picked=picked, **filters)
