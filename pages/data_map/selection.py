"""The training texts selected on a data map: how many, the actions on them, a table, and the text that was clicked."""

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.formatting import count_text
from closecall.models.results.run_predictions import TRAIN
from closecall.pages.shared.examples import show_facts, show_probabilities, show_text
from closecall.pages.shared.maps.map_chart import PICKED, clear_selection
from closecall.pages.shared.maps.selection import (
    PREVIEW_LENGTH,
    TABLE_ROWS,
    SelectionContext,
    errors_link,
    selection_table,
    show_announcement,
    slice_popover,
)

_CLASS = ("negative", "positive")


def training_panel(context: SelectionContext, dynamics: pd.DataFrame, ids: np.ndarray) -> None:
    """The selected training texts, lowest confidence first, and the one that was clicked."""
    selected = dynamics[dynamics.index.isin(ids)].sort_values("confidence", kind="stable")
    if selected.empty:
        st.info(
            "No texts are selected. Draw a lasso on the map to list its texts here; the hard-to-learn ones are at the "
            "lower left.",
            icon=":material/gesture:",
        )
        return
    positives = int((selected["label"] == 1).sum())
    st.markdown(f"**{count_text(len(selected), 'training text')} selected,** {count_text(positives, 'positive')}.")
    with st.container(horizontal=True, vertical_alignment="center"):
        errors_link("Read these in Errors", context, picked=st.session_state[PICKED], split=TRAIN)
        slice_popover(context.config.id)
        st.button("Clear selection", key="clear-picked", icon=":material/close:", on_click=clear_selection)
    clicked = _table(context, selected)
    show_announcement()
    _example(context, clicked or (str(selected.index[0]) if len(selected) == 1 else ""))


def _table(context: SelectionContext, selected: pd.DataFrame) -> str:
    """The id of the row that was clicked, "" for none."""
    shown = selected.head(TABLE_ROWS)
    right = (shown["correctness"] * shown["epochs"]).round()
    table = pd.DataFrame({
        "class": [_CLASS[label] for label in shown["label"]],
        "confidence": shown["confidence"].to_numpy(),
        "right": [f"{int(times)}/{epochs}" for times, epochs in zip(right, shown["epochs"], strict=True)],
        "text": context.texts.starts(shown.index.to_numpy(dtype=object), length=PREVIEW_LENGTH),
    })  # fmt: skip
    column = st.column_config
    columns = {
        "class": column.TextColumn("Class", width=70),
        "confidence": column.NumberColumn(
            "Conf.", format="%.2f", width=60, help="Mean probability of the labelled class over the epochs."
        ),
        "right": column.TextColumn(
            "Right", width=60, help="Correctness: in how many epochs the prediction was right, at threshold 0.50."
        ),
        "text": column.TextColumn("Text", width=600),
    }
    key = f"training-{context.run.name}-{st.session_state[PICKED]}"
    alt = "The selected training texts with class, confidence and correctness"
    row = selection_table(table, len(selected), columns, key=key, alt=alt)
    return str(shown.index[row]) if row >= 0 else ""


def _example(context: SelectionContext, example: str) -> None:
    row = context.predictions.place(example) if example else -1
    if row < 0:
        st.caption("Click a row to read its text here.")
        return
    show_facts(context.predictions, context.run, row, context.texts, threshold=context.threshold)
    show_text(context.texts.text(example))
    show_probabilities(context.predictions, context.run, row, threshold=context.threshold)
