"""The texts selected on a map: how many, the actions on them, a table, and the text that was clicked."""

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.formatting import count_text, ratio_text, share_text
from closecall.analysis.metrics.outcomes import OUTCOME_MARKS, OUTCOME_NAME, error_reason
from closecall.data.annotations.hard_cases import Origin
from closecall.models.results.run_predictions import TRAIN
from closecall.pages.shared import case_list
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.examples import show_facts, show_nearest_training, show_probabilities, show_text
from closecall.pages.shared.maps.map_chart import PICKED, clear_selection
from closecall.pages.shared.maps.selection import (
    PREVIEW_LENGTH,
    TABLE_ROWS,
    SelectionContext,
    announce,
    errors_link,
    selection_table,
    show_announcement,
    slice_popover,
)


def selection_panel(context: SelectionContext, points: pd.DataFrame) -> str:
    """The selected texts, false negatives first, with actions and a table. The id that was clicked, "" for none."""
    order = points["outcome"].map({"fn": 0, "fp": 1, "tp": 2, "tn": 3}).fillna(4)
    points = points.iloc[np.lexsort((points["prob"].to_numpy(), order.to_numpy()))]
    positives = points[(points["label"] == 1) & (points["outcome"] != "")]
    missed = int((positives["outcome"] == "fn").sum())
    share = f" False negatives among their positives: {share_text(missed, len(positives))}." if len(positives) else ""
    st.markdown(f"**{count_text(len(points), 'text')} selected.**" + escape_markdown(share))
    _actions(context, points)
    clicked = _table(context, points)
    show_announcement()
    return clicked or (str(points["id"].iloc[0]) if len(points) == 1 else "")


def example_panel(context: SelectionContext, example: str) -> None:
    """The text that was clicked, with a link to Errors; a hint when `example` is ""."""
    if not example:
        st.caption("Click a row to read its text here.")
        return
    row = context.predictions.place(example)
    if row < 0:
        st.markdown(f"Training text {escape_markdown(example)}")
        show_text(context.texts.text(example))
        return
    errors_link("Open in Errors", context, example=example)
    show_facts(context.predictions, context.run, row, context.texts, threshold=context.threshold)
    show_text(context.texts.text(example))
    show_probabilities(context.predictions, context.run, row, threshold=context.threshold)
    with st.expander("Nearest training texts"):
        show_nearest_training(context.predictions, context.run, row, context.texts)


def _actions(context: SelectionContext, points: pd.DataFrame) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        _add_button(context, points)
        if case_list.can_undo(context.config.id):
            st.button("Undo", key="undo", shortcut="Z", on_click=case_list.undo_callback, args=(context.config.id,))
        slice_popover(context.config.id)
        st.button("Clear selection", key="clear-picked", icon=":material/close:", on_click=clear_selection)
    with st.container(horizontal=True):
        n_test = int((points["split"] != TRAIN).sum())
        n_train = len(points) - n_test
        picked = st.session_state[PICKED]
        if n_test:
            which = "these" if not n_train else f"the {count_text(n_test, 'test text')}"
            errors_link(f"Read {which} in Errors", context, picked=picked)
        if n_train:
            which = "these training texts" if not n_test else f"the {count_text(n_train, 'training text')}"
            errors_link(f"Read {which} in Errors", context, picked=picked, split=TRAIN)


def _table(context: SelectionContext, points: pd.DataFrame) -> str:
    """The id of the row that was clicked, "" for none."""
    shown = points.head(TABLE_ROWS)
    table = pd.DataFrame({
        "outcome": [f"{OUTCOME_MARKS.get(code, '')} {OUTCOME_NAME.get(code, 'training')}" for code in shown["outcome"]],
        "probability": shown["prob"].to_numpy(),
        "text": context.texts.starts(shown["id"].to_numpy(dtype=object), length=PREVIEW_LENGTH),
    })  # fmt: skip
    column = st.column_config
    columns = {
        "outcome": column.TextColumn("Outcome", width=110),
        "probability": column.NumberColumn("Prob.", format="%.2f", width=60, help="Probability of the positive class."),
        "text": column.TextColumn("Text", width=600),
    }
    key = f"selected-{context.run.name}-{st.session_state[PICKED]}"
    row = selection_table(table, len(points), columns, key=key, alt="The selected texts with outcome and probability")
    return str(shown["id"].iloc[row]) if row >= 0 else ""


def _add_button(context: SelectionContext, points: pd.DataFrame) -> None:
    """Add the selected test texts to the hard-case list, each with its outcome as the reason."""
    test = points[(points["split"] != TRAIN) & points["prob"].notna()]
    listed = case_list.listed_ids(context.config.id)
    new = test[~test["id"].isin(list(listed))]
    st.button(
        f"Add {count_text(len(new), 'text')} to the hard-case list",
        key="add-selection",
        icon=":material/bookmark_add:",
        type="primary",
        disabled=new.empty,
        on_click=_add,
        args=(new, context),
    )


def _add(new: pd.DataFrame, context: SelectionContext) -> None:
    config = context.run.config
    reasons = [
        f"{error_reason(label, prob, ratio=config.ratio, threshold=context.threshold)}; chosen on the map"
        for label, prob in zip(new["label"], new["prob"], strict=True)
    ]
    origin = Origin(context.run.name, config.ratio, config.seed, "test", context.threshold)
    case_list.add(context.config.id, [str(one) for one in new["id"]], reasons, origin)
    announce(f"{count_text(len(new), 'text')} added from the map of {ratio_text(config.ratio)}. Press Z to undo.")
