"""Which examples are misclassified? The errors at one ratio by a column of the data, each value with its queue."""

import streamlit as st

from closecall.analysis.causes.miss_wording import CausesOfErrors
from closecall.analysis.formatting import probability_text, ratio_text
from closecall.analysis.metrics.outcomes import OUTCOME_NAMES
from closecall.data.annotations.selections import save_selection
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.results.metadata_errors import ColumnErrors, column_rows, column_sentence
from closecall.pages.shared.causes import column_errors
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import unbroken
from closecall.pages.shared.state import init_bound_value, show_examples


def show_by_column(config: ExperimentConfig, found: CausesOfErrors) -> None:
    """A table of the chosen column, counted when opened; selecting a value opens its errors on Errors."""
    title = f"{OUTCOME_NAMES[found.outcome].capitalize()} by class and other columns"
    section = st.expander(title, expanded="by" in st.query_params, key="by-column", on_change="rerun")
    if not section.open:
        return
    columns = column_errors(found, config.id)
    with section:
        if not columns:
            st.caption("The dataset has one class on each side and no other columns, or was deleted.")
            return
        titles = [one.title for one in columns]
        init_bound_value("by", titles[0], titles)
        chosen = st.selectbox("Column", titles, key="by", required=True, index=None, bind="query-params", width=360)
        one = next((one for one in columns if one.title == chosen), columns[0])
        st.markdown(unbroken(escape_markdown(column_sentence(one))))
        if not one.skipped:
            _table(config, found, one)


def _table(config: ExperimentConfig, found: CausesOfErrors, one: ColumnErrors) -> None:
    event = st.dataframe(
        column_rows(one),
        hide_index=True,
        column_config={
            "Difference in points (95 % CI)": st.column_config.TextColumn("Difference (95 % CI)", width=150),
            "p (Holm)": st.column_config.TextColumn(width=60),
        },
        key=f"values-{one.column}-{one.outcome}",
        on_select="rerun",
        selection_mode="single-row",
        alt=f"Errors by {one.title}",
    )
    st.caption("Select a value to read its errors. Difference: error rate of the value minus that of all others, "
               "in percentage points.")  # fmt: skip
    rows = event["selection"]["rows"]
    if rows and one.errors[rows[0]]:
        _open_queue(config, found, one, rows[0])
    elif rows:
        st.caption("This value has no errors.")


def _open_queue(config: ExperimentConfig, found: CausesOfErrors, one: ColumnErrors, row: int) -> None:
    """The errors of a value on Errors: by its rule, so that other outcomes can be compared; else as a selection."""
    here = {
        "experiment": config.id,
        "ratio": ratio_text(found.ratio),
        "seeds": "most",
        "threshold": probability_text(found.threshold),
    }
    rule = str(one.table["rule"].iloc[row])
    if rule:
        show_examples(**here, outcome=found.outcome, slice=rule)
    source = f"{OUTCOME_NAMES[one.outcome]} with {one.title} {one.table['value'].iloc[row]}"
    picked = save_selection(config.id, one.errors[row], source=source)
    show_examples(**here, outcome="all", sort="as picked", picked=picked)
