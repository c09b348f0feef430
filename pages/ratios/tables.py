"""The numbers beside the picture of ratios."""

from typing import Any

import pandas as pd
import streamlit as st

from closecall.analysis.formatting import count_text, probability_text, ratio_text

_SHARE = {
    "found": ("Found", "Share of the test positives that are found (recall), at .5."),
    "rejected": ("Left alone", "Share of the test negatives that raise no alarm (true-negative rate), at .5."),
    "precision": ("Precision", "Share of the alerts that are right, at .5 and at the chosen prevalence."),
    "f1": ("F1", "Harmonic mean of precision and recall, at .5 and at the chosen prevalence."),
    "ap": ("AP", "Average precision over all thresholds at the chosen prevalence. A random order gives q."),
    "auc": ("AUC", "How often a positive ranks above a negative, whatever threshold and prevalence. Chance: .5."),
}


def main_table(trained: pd.DataFrame, q: float, missing: list[str], previewed: pd.DataFrame) -> None:
    """One row a ratio: the two recalls, and precision, F1 and average precision at prevalence q.

    Rows of `previewed` are named so. Either of the two frames may be empty.
    """
    parts = [part.assign(named=word) for part, word in ((trained, ""), (previewed, ", preview")) if len(part)]
    table = pd.concat(parts).sort_values("ratio")
    columns = {
        "ratio": [ratio_text(one) + word for one, word in zip(table["ratio"], table["named"], strict=True)],
        "found": 100 * table["recall"],
        "rejected": 100 * table["true_negative_rate"],
        "precision": [probability_text(one) for one in table["precision"]],
        "f1": [probability_text(one) for one in table["f1"]],
        "ap": [probability_text(one) for one in table["average_precision"]],
        "auc": [probability_text(one) for one in table["auc"]],
    }
    config: dict[str, Any] = {"ratio": st.column_config.TextColumn("Ratio", width=96 if len(previewed) else 50)}
    for name, (label, help_text) in _SHARE.items():
        if name in ("found", "rejected"):
            config[name] = st.column_config.NumberColumn(label, help=help_text, format="%.1f %%", width=64)
        else:
            config[name] = st.column_config.TextColumn(label, help=help_text, width=66 if name == "precision" else 50,
                                                       alignment="right")  # fmt: skip
    st.markdown(f"**Cut at .5, worth at q = {100 * q:g} %**")
    st.dataframe(pd.DataFrame(columns), column_config=config, hide_index=True, key="ratio-table",
                 alt="Numbers of each ratio")  # fmt: skip
    seeds = int(table["seeds"].max())
    n_positives, n_negatives = int(parts[0]["n_positives"].iloc[0]), int(parts[0]["n_negatives"].iloc[0])
    st.caption(
        f"{count_text(n_positives, 'test positive')}, {count_text(n_negatives, 'test negative')}"
        + (f"; means of {seeds} seeds." if seeds > 1 else "; one seed.")
        + (f" Still to come: {', '.join(missing)}." if missing else "")
    )


def all_numbers(runs: pd.DataFrame, table: pd.DataFrame, experiment: str) -> None:
    """Every run with its counts and intervals, to look at and to take away."""
    frame = runs.assign(ratio=[ratio_text(one) for one in runs["ratio"]])
    percents = ["recall", "recall_low", "recall_high", "true_negative_rate", "tnr_low", "tnr_high"]
    shown = frame[["ratio", "seed", "tp", "fn", "fp", "tn", *percents, "collapsed"]].copy()
    shown[percents] = 100 * shown[percents]
    names = {
        "ratio": "Ratio", "seed": "Seed", "tp": "Hits", "fn": "Misses", "fp": "False alarms",
        "tn": "Correct rejections",
        "recall": "Found %", "recall_low": "from", "recall_high": "to", "true_negative_rate": "Left alone %",
        "tnr_low": "from ", "tnr_high": "to ", "collapsed": "Collapsed",
    }  # fmt: skip
    config: dict[str, Any] = {name: st.column_config.NumberColumn(names[name], format="%.1f") for name in percents}
    config |= {name: names[name] for name in names if name not in percents}
    st.dataframe(shown, column_config=config, hide_index=True, key="all-runs", alt="Counts and intervals of every run")
    st.caption("At threshold .5. The intervals are Wilson's, 95 %, at the number of test examples of the class.")
    st.download_button("Download as CSV", lambda: runs.to_csv(index=False).encode(), f"{experiment}-runs.csv",
                       "text/csv", icon=":material/download:", on_click="ignore")  # fmt: skip
