"""What was drawn around on a data map: how many, the way to Errors, and the texts as a table."""

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.formatting import count_text
from closecall.models.results.run_predictions import TRAIN
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.examples import show_facts, show_probabilities, show_text
from closecall.pages.shared.maps.picks import PICKED, clear
from closecall.pages.shared.maps.selection import SelectionContext, errors_link, slice_popover

SHOWN = 500
_CLASS = ("negative", "positive")


def training_selection(desk: SelectionContext, found: pd.DataFrame, ids: np.ndarray) -> None:
    """The picked training texts, the least confident first, and the one that was clicked."""
    picked = found[found.index.isin(ids)].sort_values("confidence", kind="stable")
    if picked.empty:
        st.info(
            "Nothing is selected. Draw a lasso on the map, at the lower left perhaps; its texts are listed here.",
            icon=":material/gesture:",
        )
        return
    positives = int((picked["label"] == 1).sum())
    st.markdown(
        f"**{count_text(len(picked), 'training text')} selected,** {count_text(positives, 'positive')} among them."
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        errors_link("Read these in Errors", desk, picked=st.session_state[PICKED], split=TRAIN)
        slice_popover(desk.config.id)
        st.button("Clear selection", key="clear-picked", icon=":material/close:", on_click=clear)
    chosen = _table(desk, picked)
    if said := st.session_state.pop("said", ""):
        st.toast(escape_markdown(said))
    _card(desk, chosen or (str(picked.index[0]) if len(picked) == 1 else ""))


def _table(desk: SelectionContext, picked: pd.DataFrame) -> str:
    shown = picked.head(SHOWN)
    right = (shown["correctness"] * shown["epochs"]).round()
    table = pd.DataFrame({
        "class": [_CLASS[label] for label in shown["label"]],
        "confidence": shown["confidence"].to_numpy(),
        "right": [f"{int(times)} of {epochs}" for times, epochs in zip(right, shown["epochs"], strict=True)],
        "text": desk.texts.starts(shown.index.to_numpy(dtype=object), length=120),
    })  # fmt: skip
    column = st.column_config
    event = st.dataframe(
        table,
        key=f"training-{desk.run.name}-{st.session_state[PICKED]}",
        hide_index=True,
        height=290,
        on_select="rerun",
        selection_mode="single-cell",
        column_config={
            "class": column.TextColumn("Class", width=70),
            "confidence": column.NumberColumn("Conf.", format="%.2f", width=60),
            "right": column.TextColumn("Right", width=60, help="Epochs in which training called it right."),
            "text": column.TextColumn("Text", width=600),
        },
        alt="The training texts inside the lasso, with class, confidence and how often training was right",
    )
    if len(picked) > SHOWN:
        st.caption(f"The first {SHOWN:,} of {len(picked):,}. Read all in Errors, or draw a smaller lasso.")
    cells = event["selection"].get("cells") or []
    chosen = int(cells[0][0]) if cells else -1
    return str(shown.index[chosen]) if 0 <= chosen < len(shown) else ""


def _card(desk: SelectionContext, one: str) -> None:
    row = desk.evidence.place(one) if one else -1
    if row < 0:
        st.caption("Click a row to read it here.")
        return
    show_facts(desk.evidence, desk.run, row, desk.texts, threshold=desk.threshold)
    show_text(desk.texts.text(one))
    show_probabilities(desk.evidence, desk.run, row, threshold=desk.threshold)
