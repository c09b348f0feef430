"""Which positives were lost or gained between the ratios, with their texts."""

import pandas as pd
import streamlit as st

from closecall.analysis.formatting import count_text, probability_text, ratio_text
from closecall.analysis.ratio.flow import flow_table
from closecall.charts.ratio_pairs import flow_chart
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.results.ratio_pairs import Change, changed_positives
from closecall.models.results.run_predictions import Key
from closecall.models.results.valid_runs import ValidRuns
from closecall.pages.ratios.decomposition import has_two_ratios
from closecall.pages.shared.chart_view import current_theme, show_chart
from closecall.pages.shared.examples import example_table, open_as_queue


def flow_part(config: ExperimentConfig, test: ValidRuns) -> None:
    """The flow of positives from ratio to ratio; choosing a change lists its positives."""
    if not has_two_ratios(test):
        return
    left, right = st.columns(2, gap="large")
    with left:
        show_chart(flow_chart(_flow(test, test.key), test.levels, theme=current_theme()))
    with right:
        changes = changed_positives(test)
        chosen = _choose(changes)
    _examples(config, test, changes[chosen])


def _choose(changes: list[Change]) -> int:
    frame = pd.DataFrame({
        "Ratios": [one.step for one in changes],
        "Change": [one.name for one in changes],
        "Positives": [len(one.rows) for one in changes],
    })  # fmt: skip
    st.markdown("**Select a row to list its positives**")
    event = st.dataframe(frame, hide_index=True, key="passages", on_select="rerun", selection_mode="single-row",
                         height=345, alt="Changes of outcome from ratio to ratio")  # fmt: skip
    rows = event["selection"]["rows"]
    return int(rows[0]) if rows and rows[0] < len(changes) else 0


def _examples(config: ExperimentConfig, test: ValidRuns, change: Change) -> None:
    """The positives of one change with their mean probabilities at both ratios, and a button that queues them."""
    title = f"{count_text(len(change.rows), 'positive')}, {change.name}, {change.step}"
    st.markdown(f"**{title}**")
    if not len(change.rows):
        return
    ratios = (change.from_ratio, change.to_ratio)
    ids = [str(one) for one in test.ids[change.rows]]
    name, link = f"{change.step}-{change.name}", {"ratio": ratio_text(change.to_ratio), "threshold": "0.5"}
    open_as_queue(config, ids, source=title, key=f"read-{name}", **link)
    columns = {
        f"Mean probability at {ratio_text(ratio)}": [
            probability_text(value) for value in test.at(ratio)[:, change.rows].mean(axis=0)
        ]
        for ratio in ratios
    }
    example_table(config, test.ids[change.rows], columns, key=f"members-{name}", link=link)


@st.cache_data(max_entries=16, show_spinner=False)
def _flow(_test: ValidRuns, key: Key) -> pd.DataFrame:
    return flow_table(_test.labels, _test.pos_probs, _test.ratios)
