"""A table of examples whose rows open the reading desk."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.formatting import count_text
from closecall.data.annotations.selections import save_selection
from closecall.data.experiments.store import ExperimentConfig
from closecall.pages.shared.cached_io import texts_of
from closecall.pages.shared.state import show_examples

SHOWN = 500


def example_table(
    config: ExperimentConfig, ids: np.ndarray, numbers: Mapping[str, list[str]], *, key: str, link: dict[str, str]
) -> None:
    """The examples with some columns of `numbers` before their first words; ticking one opens it on the Errors page."""
    shown = ids[:SHOWN]
    columns = {f"number-{place}": values[:SHOWN] for place, values in enumerate(numbers.values())}
    frame = pd.DataFrame({**columns, "text": texts_of(config.dataset).starts(shown, length=160)})
    names: dict[str, Any] = {f"number-{place}": name for place, name in enumerate(numbers)}
    names["text"] = st.column_config.TextColumn("Text", width="large")
    event = st.dataframe(
        frame,
        column_config=names,
        hide_index=True,
        key=key,
        on_select="rerun",
        selection_mode="single-row",
        alt="Examples",
    )
    more = f" The first {SHOWN:,} of {len(ids):,} are listed." if len(ids) > SHOWN else ""
    st.caption(f"Tick a row to read it on the Errors page.{more}")
    rows = event["selection"]["rows"]
    if rows and rows[0] < len(shown):
        show_examples(experiment=config.id, outcome="all", example=str(shown[rows[0]]), **link)


# A list of examples as a queue on the reading desk.


def open_as_queue(
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
    label = f"Read the {noun} on Errors" if len(ids) == 1 else f"Read these {count_text(len(ids), noun)} on Errors"
    if st.button(label, key=key, icon=":material/menu_book:"):
        picked = save_selection(config.id, ids, source=source)
        show_examples(experiment=config.id, outcome="all", sort="as picked", split=split, picked=picked, **filters)
