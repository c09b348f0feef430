"""What the panels beside the maps share: their context, the links to Errors, saving as a slice, and the table."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from closecall.analysis.formatting import ratio_text
from closecall.data.annotations.slice_rules import Picked
from closecall.data.annotations.slices import save_slice
from closecall.data.experiments.runs import Run
from closecall.data.experiments.store import ExperimentConfig
from closecall.data.io.errors import UserError
from closecall.models.results.run_predictions import RunPredictions
from closecall.pages.shared.cached_io import Texts
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.maps.map_chart import PICKED

TABLE_ROWS = 500
PREVIEW_LENGTH = 120
"""Characters of a text in the table."""


@dataclass(frozen=True)
class SelectionContext:
    """The experiment, run, predictions, texts and threshold that a selection is shown with."""

    config: ExperimentConfig
    run: Run
    predictions: RunPredictions
    texts: Texts
    threshold: float


def errors_link(label: str, context: SelectionContext, **query: str) -> None:
    """A link to the Errors page with this run and threshold, all outcomes, and `query`."""
    query = {
        "experiment": context.config.id,
        "ratio": ratio_text(context.run.config.ratio),
        "seed": str(context.run.config.seed),
        "threshold": f"{context.threshold:g}",
        "outcome": "all",
        **query,
    }
    st.page_link("pages/errors/page.py", label=label, icon=":material/menu_book:", query_params=query)


def slice_popover(experiment: str) -> None:
    """Save the selection as a named slice, which is a filter on the Errors page."""
    with st.popover("Save as slice", icon=":material/label:"):
        st.text_input("Name of the slice", key="slice-name", placeholder="For example: monitors")
        st.button("Save", key="save-slice", on_click=_save_slice, args=(experiment, st.session_state[PICKED]))
        if error := st.session_state.pop("slice-error", ""):
            st.error(escape_markdown(error), icon=":material/error:")


def _save_slice(experiment: str, picked: str) -> None:
    try:
        saved = save_slice(experiment, str(st.session_state["slice-name"]), Picked(picked))
    except UserError as error:
        st.session_state["slice-error"] = str(error)
    else:
        st.session_state["slice-name"] = ""
        announce(f"Saved as slice {saved.name}, a filter on the Errors page.")


def announce(message: str) -> None:
    """Show a message as a toast at the end of the next run (from a button's callback)."""
    st.session_state["map-toast"] = message


def show_announcement() -> None:
    """Show the message of the last callback once."""
    if message := st.session_state.pop("map-toast", ""):
        st.toast(escape_markdown(message))


def selection_table(table: pd.DataFrame, total: int, columns: dict[str, Any], *, key: str, alt: str) -> int:
    """A table of the first `TABLE_ROWS` selected texts of `total`. The row that was clicked, -1 for none."""
    event = st.dataframe(
        table,
        key=key,
        hide_index=True,
        height=290,
        on_select="rerun",
        selection_mode="single-cell",
        column_config=columns,
        alt=alt,
    )
    if total > len(table):
        st.caption(f"The first {len(table):,} of {total:,} texts. Read all in Errors, or draw a smaller lasso.")
    cells = event["selection"].get("cells") or []
    clicked = int(cells[0][0]) if cells else -1
    return clicked if clicked < len(table) else -1
