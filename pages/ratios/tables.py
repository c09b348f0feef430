"""The metrics of each ratio, and of each run, as tables."""

from typing import Any

import pandas as pd
import streamlit as st

from closecall.analysis.formatting import count_text, prevalence_text, ratio_text
from closecall.analysis.metrics.metric import RATIOS, RUNS, metrics_in
from closecall.analysis.metrics.outcomes import OUTCOME_NAMES
from closecall.pages.shared.runs import run_table_of


def ratio_table(trained: pd.DataFrame, q: float, missing: list[str], previewed: pd.DataFrame) -> None:
    """One row per ratio with the metrics of `analysis.metrics.metric`, at threshold 0.50 and prevalence q.

    Rows of `previewed` are marked. Either of the two frames may be empty.
    """
    parts = [part.assign(mark=mark) for part, mark in ((trained, ""), (previewed, ", preview")) if len(part)]
    table = pd.concat(parts).sort_values("ratio")
    columns: dict[str, Any] = {
        "ratio": [ratio_text(ratio) + mark for ratio, mark in zip(table["ratio"], table["mark"], strict=True)]
    }
    config: dict[str, Any] = {"ratio": st.column_config.TextColumn("Ratio", width=96 if len(previewed) else 50)}
    for metric in metrics_in(RATIOS):
        if metric.share_of:
            columns[metric.name] = 100 * table[metric.name]
            config[metric.name] = st.column_config.NumberColumn(metric.title, help=metric.help, format="%.1f %%")
        else:
            columns[metric.name] = [metric.text(value) for value in table[metric.name]]
            config[metric.name] = st.column_config.TextColumn(metric.title, help=metric.help, alignment="right")
    st.markdown(f"**Threshold 0.50, {prevalence_text(q)}**")
    st.dataframe(pd.DataFrame(columns), column_config=config, hide_index=True, key="ratio-table",
                 alt="Metrics of each ratio")  # fmt: skip
    n_positives, n_negatives = int(parts[0]["n_positives"].iloc[0]), int(parts[0]["n_negatives"].iloc[0])
    seeds = int(table["seeds"].max())
    st.caption(
        f"{count_text(n_positives, 'test positive')}, {count_text(n_negatives, 'test negative')}"
        + (f"; means of {seeds} seeds." if seeds > 1 else "; one seed.")
        + (f" Not trained yet: {', '.join(missing)}." if missing else "")
    )


def all_runs(runs: pd.DataFrame, experiment: str, *, q: float) -> None:
    """Every run with its counts and the metrics of `analysis.metrics.metric`, with a download."""
    table = run_table_of(experiment, q=q)
    counts = ("tp", "fn", "fp", "tn")
    columns: dict[str, Any] = {"ratio": [ratio_text(ratio) for ratio in table["ratio"]]}
    config: dict[str, Any] = {"ratio": "Ratio", "seed": "Seed", "collapsed": "Collapsed"}
    config |= {code: OUTCOME_NAMES[code].capitalize() for code in counts}
    columns |= {name: table[name] for name in ("seed", *counts)}
    for metric in metrics_in(RUNS):
        if not metric.share_of:
            columns[metric.name] = [metric.text(value) for value in table[metric.name]]
            config[metric.name] = st.column_config.TextColumn(metric.title, help=metric.help, alignment="right")
            continue
        for end, word in (("", ""), ("_low", ", from"), ("_high", ", to")):
            name, title = metric.name + end, f"{metric.title}{word} (%)"
            columns[name] = 100 * table[name]
            config[name] = st.column_config.NumberColumn(title, help=metric.help, format="%.1f")
    columns["collapsed"] = table["collapsed"]
    st.dataframe(pd.DataFrame(columns), column_config=config, hide_index=True, key="all-runs",
                 alt="Counts and metrics of every run")  # fmt: skip
    st.caption("At threshold 0.50. Wilson's 95 % intervals over the test examples of the class.")
    st.download_button("Download as CSV", lambda: runs.to_csv(index=False).encode(), f"{experiment}-runs.csv",
                       "text/csv", icon=":material/download:", on_click="ignore")  # fmt: skip
