"""The tested slices as a table; clicking a row opens it beside the table."""

from typing import Any

import pandas as pd
import streamlit as st

from closecall.analysis.formatting import p_text
from closecall.analysis.metrics.outcomes import OUTCOME_NAMES
from closecall.models.explain.slices import SliceFindings
from closecall.models.results.slice_wording import CLASS_NAMES, KIND_NAMES

HEIGHT = 400


def slice_table(found: SliceFindings, outcome: str) -> None:
    """One row for each slice that was tested, those that stand out first."""
    if found.too_few or found.table.empty:
        st.info(
            f"No slice has enough {CLASS_NAMES[outcome][1]} in validation and test. Type a word of your own under “Own and "
            "saved slices”, or make an experiment with more of them.",
            icon=":material/info:",
        )
        return
    shown = pd.DataFrame([_row(row) for row in found.table.to_dict("records")])
    event = st.dataframe(
        shown,
        key=f"slices-{outcome}",
        hide_index=True,
        height=HEIGHT,
        on_select="rerun",
        selection_mode="single-row",
        column_config=_columns(outcome, float(found.table["rate"].max())),
        alt="The tested slices: support, rate with interval, lift and p",
    )
    st.caption(
        f"Rate: {OUTCOME_NAMES[outcome]} among the slice's {CLASS_NAMES[outcome][1]} in the test set, with Wilson's 95 % interval. "
        "Lift: that rate over the others'. p: Fisher's exact test on test, after Benjamini-Hochberg over all rows; "
        "● marks those at or under .1 whose validation says the same. Tick a row to see it whole and read its examples."
    )
    _take(event, found, outcome)


def _take(event: Any, found: SliceFindings, outcome: str) -> None:
    """A newly ticked row becomes the slice that is looked at; a row that was ticked before does not come back."""
    rows = list(event["selection"]["rows"])
    ticked = str(found.table["rule"].iloc[rows[0]]) if rows and rows[0] < len(found.table) else ""
    if ticked and ticked != st.session_state.get(f"ticked-{outcome}"):
        st.session_state["rule"] = ticked
    st.session_state[f"ticked-{outcome}"] = ticked


def _row(row: dict[Any, Any]) -> dict[str, Any]:
    return {
        "mark": "●" if row["stands_out"] else "",
        "slice": row["slice"],
        "kind": KIND_NAMES[row["kind"]],
        "n": int(row["n"]),
        "wrong": int(row["wrong"]),
        "rate": 100 * row["rate"],
        "interval": f"{100 * row['rate_low']:.0f} to {100 * row['rate_high']:.0f}",
        "lift": row["lift"],
        "p": p_text(row["p_bh"]),
    }


def _columns(outcome: str, highest: float) -> dict[str, Any]:
    config = st.column_config
    return {
        "mark": config.TextColumn("", width=22),
        "slice": config.TextColumn("Slice", width=136),
        "kind": config.TextColumn("Kind", width=64),
        "n": config.NumberColumn("n", width=42, help=f"Support: test {CLASS_NAMES[outcome][1]} in the slice."),
        "wrong": config.NumberColumn({"fn": "Misses", "fp": "Alarms"}[outcome], width=56),
        "rate": config.ProgressColumn(
            "Rate", format="%.1f %%", min_value=0, max_value=max(1.0, 100 * highest), width=96
        ),
        "interval": config.TextColumn("95 %", width=66),
        "lift": config.NumberColumn("Lift", format="%.2f", width=46),
        "p": config.TextColumn("p (BH)", width=62),
    }
