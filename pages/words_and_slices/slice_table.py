"""The tested slices as a table; ticking a row shows the slice beside it."""

from typing import Any

import pandas as pd
import streamlit as st

from closecall.analysis.formatting import p_text
from closecall.analysis.metrics.outcomes import OUTCOME_NAMES
from closecall.models.explain.slices import SliceFindings
from closecall.models.results.slice_wording import CLASS_NAMES, KIND_NAMES

HEIGHT = 400


def slice_table(found: SliceFindings, outcome: str) -> None:
    """One row for each tested slice, the significant ones first."""
    name = CLASS_NAMES[outcome][1]
    if found.too_few or found.table.empty:
        reason = f"too few {name} in validation and test" if found.too_few else "no words, columns or clusters to test"
        st.info(
            f"No slices were tested: there are {reason}. You can still enter a word or a length under “Own and saved "
            "slices”.",
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
        alt="The tested slices: size, error rate with interval, lift and p",
    )
    st.caption(
        f"{outcome.upper()} rate: the share of {OUTCOME_NAMES[outcome]} among the slice's test {name}. ● marks "
        "significant slices: adjusted p at most 0.10, and a difference in the same direction on validation. Tick a row "
        "to see the slice and read its examples."
    )
    _store_ticked(event, found, outcome)


def _store_ticked(event: Any, found: SliceFindings, outcome: str) -> None:
    """Show a newly ticked row; a row that was ticked before does not replace a slice entered since."""
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
        "interval": f"{100 * row['rate_low']:.0f}-{100 * row['rate_high']:.0f}",
        "lift": row["lift"],
        "p": p_text(row["p_bh"]),
    }


def _columns(outcome: str, highest: float) -> dict[str, Any]:
    column, (_, name), errors = st.column_config, CLASS_NAMES[outcome], OUTCOME_NAMES[outcome]
    return {
        "mark": column.TextColumn("", width=22),
        "slice": column.TextColumn("Slice", width=136),
        "kind": column.TextColumn("Kind", width=64),
        "n": column.NumberColumn("n", width=42, help=f"Test {name} in the slice."),
        "wrong": column.NumberColumn(outcome.upper(), width=44, help=f"{errors.capitalize()} in the slice."),
        "rate": column.ProgressColumn(
            f"{outcome.upper()} rate", format="%.1f %%", min_value=0, max_value=max(1.0, 100 * highest), width=96
        ),
        "interval": column.TextColumn("95 % CI", width=66, help="Wilson's confidence interval of the rate, in %."),
        "lift": column.NumberColumn("Lift", format="%.2f", width=46, help="The rate divided by that of the rest."),
        "p": column.TextColumn(
            "p (BH)",
            width=62,
            help="Fisher's exact test of the slice against the rest of its class on test, adjusted by "
            "Benjamini-Hochberg: at 0.10, about 10 % of the marked slices are expected to be false discoveries.",
        ),
    }
