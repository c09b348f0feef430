"""What was drawn around on the map: the texts as a table, each one click from being read."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from data.experiments import ratio_label
from data.hard_cases import Origin, error_reason
from data.runs import Run
from pages.inspect._controls import MARKS
from pages.shared import case_list
from pages.shared.texts import Texts
from pages.shared.words import OUTCOME, counted

SHOWN = 500


def rows_of(event: Any) -> np.ndarray:
    """The row numbers in a selection, from each point's customdata."""
    found = []
    for point in event["selection"]["points"]:
        number = point.get("customdata")
        found.append(int(number[0] if isinstance(number, list) else number))
    return np.unique(np.array(found, dtype=np.int64))


def selection_table(points: pd.DataFrame, texts: Texts, *, key: str) -> str:
    """The selected texts, misses first. The id of the row that was clicked, "" for none."""
    shown = points.head(SHOWN)
    table = pd.DataFrame(
        {
            "outcome": [f"{MARKS.get(one, '')} {OUTCOME.get(one, 'training')}" for one in shown["outcome"]],
            "probability": shown["prob"].to_numpy(),
            "text": texts.starts(shown["id"].to_numpy(dtype=object), length=120),
        }
    )
    event = st.dataframe(
        table,
        key=key,
        hide_index=True,
        height=290,
        on_select="rerun",
        selection_mode="single-cell",
        column_config={
            "outcome": st.column_config.TextColumn("Outcome", width=90),
            "probability": st.column_config.NumberColumn("Prob.", format="%.2f", width=60),
            "text": st.column_config.TextColumn("Text", width=600),
        },
        alt="The texts inside the lasso, with outcome and probability",
    )
    if len(points) > SHOWN:
        st.caption(f"The first {SHOWN:,} of {len(points):,}. Draw a smaller lasso to see the others.")
    chosen = _row(event)
    return str(shown["id"].iloc[chosen]) if 0 <= chosen < len(shown) else ""


def add_button(points: pd.DataFrame, experiment: str, run: Run, threshold: float) -> None:
    """Put the selected test examples on the list, each with its outcome as its reason."""
    test = points[(points["split"] != "train") & points["prob"].notna()]
    listed = case_list.listed_ids(experiment)
    new = test[~test["id"].isin(list(listed))]
    st.button(
        f"Add {counted(len(new), 'text')} to the hard-case list",
        key="add-selection",
        icon=":material/bookmark_add:",
        type="primary",
        disabled=new.empty,
        on_click=_add,
        args=(new, experiment, run, threshold),
    )


def _add(new: pd.DataFrame, experiment: str, run: Run, threshold: float) -> None:
    config = run.config
    reasons = [
        f"{error_reason(label, prob, ratio=config.ratio, threshold=threshold)}; chosen on the map"
        for label, prob in zip(new["label"], new["prob"], strict=True)
    ]
    origin = Origin(run.name, config.ratio, config.seed, "test", threshold)
    case_list.add(experiment, [str(one) for one in new["id"]], reasons, origin)
    st.session_state["said"] = (
        f"{counted(len(new), 'text')} added, from the map at {ratio_label(config.ratio)}. Undo takes them back."
    )


def _row(event: Any) -> int:
    """The row of the clicked cell, -1 for none."""
    cells = event["selection"].get("cells") or []
    return int(cells[0][0]) if cells else -1
