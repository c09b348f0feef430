"""Recall at each ratio with the labels as they are, without the suspects, and with the suspects relabelled."""

import math
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.causes.label_audit import (
    FlaggedFalseNegatives,
    flagged_share_of_false_negatives,
    recall_without_suspects,
)
from closecall.analysis.formatting import count_text, interval_text, percent_text, ratio_text, share_text
from closecall.models.results.valid_runs import ValidRuns
from closecall.pages.shared.escaping import escape_markdown

CAUTION = (
    "The model that selects suspects resembles these runs, so both find the same examples hard. Recall therefore rises "
    "even if every label is right. Treat the gain as an upper bound until the suspects are read."
)
LABELS_CAUSE = 0.05
"""Share of false negatives that are suspects, above which wrong labels may be a cause of the loss."""


def effect(runs: ValidRuns, suspects: pd.DataFrame, threshold: float) -> None:
    """The finding at the largest ratio, the table of all ratios, and how to read them."""
    st.markdown("#### Effect on recall")
    flagged = np.isin(runs.ids, suspects["id"].to_numpy(dtype=object))
    if not runs.levels or not flagged.any():
        st.caption("The test set holds no suspect, so recall does not change.")
        return
    st.markdown(sentence(runs, flagged, threshold))
    st.dataframe(
        pd.DataFrame([_row(runs, flagged, ratio, threshold) for ratio in runs.levels]),
        hide_index=True,
        alt="Recall at each ratio with the current labels, without the suspects, and with the suspects relabelled",
        column_config=_COLUMNS,
    )
    st.caption(CAUTION)


def sentence(runs: ValidRuns, flagged: np.ndarray, threshold: float) -> str:
    """The share of suspects among the false negatives and among the true positives at the largest ratio.

    `flagged`: mask of the suspects, aligned with the test examples.
    """
    ratio = ratio_text(runs.levels[-1])
    counts = flagged_share_of_false_negatives(runs.labels, runs.at(runs.levels[-1]), flagged, threshold=threshold)
    n_test = count_text(int(flagged.sum()), "suspect")
    if not counts.false_negatives:
        return f"The test set holds {n_test}. There is no false negative at {ratio}."
    share = escape_markdown(share_text(counts.flagged, counts.false_negatives))
    return (
        f"The test set holds {n_test}. At {ratio}, {share} of the false negatives are suspects, and "
        f"{escape_markdown(percent_text(counts.share_of_true_positives))} of the true positives. {_reading(counts)}"
    )


def _reading(counts: FlaggedFalseNegatives) -> str:
    if counts.share.low > LABELS_CAUSE:
        return "More than 5 % of the false negatives are suspects: wrong labels may be a cause of the loss."
    if counts.share.high < LABELS_CAUSE:
        return "Fewer than 5 % of the false negatives are suspects: wrong labels explain little of the loss."
    return "The test set has too few false negatives to show whether more than 5 % of them are suspects."


def _row(runs: ValidRuns, flagged: np.ndarray, ratio: float, threshold: float) -> dict[str, Any]:
    probs = runs.at(ratio)
    recalls = recall_without_suspects(runs.labels, probs, flagged, threshold=threshold).itertuples()
    counts = flagged_share_of_false_negatives(runs.labels, probs, flagged, threshold=threshold)
    share = share_text(counts.flagged, counts.false_negatives) if counts.false_negatives else "no false negatives"
    return {
        "ratio": ratio_text(ratio),
        **{f"recall-{number}": _recall(one) for number, one in enumerate(recalls)},
        "false-negatives": share,
    }


def _recall(row: Any) -> str:
    """Recall as "66.2 % (95 % CI 61.0-71.0), 223/337"; the count is a mean over seeds."""
    if math.isnan(row.recall):
        return "no positives left"
    count = f"{row.true_positives:,.0f}" if float(row.true_positives).is_integer() else f"{row.true_positives:,.1f}"
    return f"{percent_text(row.recall)} ({interval_text(row.low, row.high)}), {count}/{row.n_positives:,}"


_COLUMNS: dict[str, Any] = {
    "ratio": st.column_config.TextColumn("Ratio", width=60),
    "recall-0": st.column_config.TextColumn("Recall, current labels"),
    "recall-1": st.column_config.TextColumn("Recall, suspects removed"),
    "recall-2": st.column_config.TextColumn("Recall, suspects relabelled"),
    "false-negatives": st.column_config.TextColumn(
        "Suspects among false negatives", help="Of the positives that more than half of the seeds miss."
    ),
}
