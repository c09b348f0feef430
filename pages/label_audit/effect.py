"""What recall would be without the suspects, or with their labels turned, and what that is worth."""

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
from closecall.analysis.formatting import count_text, percent_text, ratio_text, share_text
from closecall.models.results.valid_runs import ValidRuns
from closecall.pages.shared.escaping import escape_markdown

CAUTION = (
    "The suspects were chosen by a model that resembles these runs: what is hard for one is hard for the other, so "
    "recall rises by the choice alone, also where every label is right. Take the gain as an upper bound until somebody "
    "has read the suspects."
)
LABELS_CAUSE = 0.05


def effect(runs: ValidRuns, suspects: pd.DataFrame, threshold: float) -> None:
    """The table of all ratios, its one sentence, and the caution."""
    st.markdown("#### What this would do to recall")
    flagged = np.isin(runs.ids, suspects["id"].to_numpy(dtype=object))
    if not runs.levels or not flagged.any():
        st.caption("No suspect is in the test set that the runs are judged on: recall stays as it is.")
        return
    st.markdown(sentence(runs, flagged, threshold))
    st.dataframe(
        pd.DataFrame([_row(runs, flagged, ratio, threshold) for ratio in runs.levels]),
        hide_index=True,
        alt="Recall at each ratio with the labels as they are, the suspects dropped, and the suspects relabelled",
        column_config=_COLUMNS,
    )
    st.caption(CAUTION)


def sentence(runs: ValidRuns, flagged: np.ndarray, threshold: float) -> str:
    """How many misses of the largest ratio are suspects, against the hits."""
    ratio = runs.levels[-1]
    told = flagged_share_of_false_negatives(runs.labels, runs.at(ratio), flagged, threshold=threshold)
    n_test = count_text(int(flagged.sum()), "suspect")
    if not told.false_negatives:
        return f"{n_test} in the test set; {ratio_text(ratio)} misses no positive."
    reading = _reading(told)
    return (
        f"{n_test} in the test set. Of the misses of {ratio_text(ratio)}, {_share(told)} are suspects; of its hits "
        f"{escape_markdown(percent_text(told.share_of_true_positives))}. {reading}"
    )


def _reading(told: FlaggedFalseNegatives) -> str:
    if told.share.low > LABELS_CAUSE:
        return "More than 5 % of the misses: wrong labels may be a cause of the loss."
    if told.share.high < LABELS_CAUSE:
        return "Fewer than 5 % of the misses: wrong labels explain little of the loss."
    return "Too few misses to tell whether more than 5 % of them are suspects."


def _row(runs: ValidRuns, flagged: np.ndarray, ratio: float, threshold: float) -> dict[str, Any]:
    probs = runs.at(ratio)
    told = recall_without_suspects(runs.labels, probs, flagged, threshold=threshold).itertuples()
    misses = flagged_share_of_false_negatives(runs.labels, probs, flagged, threshold=threshold)
    recalls = {f"recall-{number}": _recall(one) for number, one in enumerate(told)}
    own = share_text(misses.flagged, misses.false_negatives) if misses.false_negatives else "none missed"
    return {"ratio": ratio_text(ratio), **recalls, "misses": own}


def _recall(row: Any) -> str:
    """`66.2 % (61.0 to 71.0), 223 of 337`; over seeds the mean count."""
    if math.isnan(row.recall):
        return "no positives left"
    found = f"{row.found:,.0f}" if float(row.found).is_integer() else f"{row.found:,.1f}"
    bounds = f"{100 * row.low:.1f} to {100 * row.high:.1f}"
    return f"{percent_text(row.recall)} ({bounds}), {found} of {row.n_positives:,}"


def _share(told: FlaggedFalseNegatives) -> str:
    return escape_markdown(share_text(told.flagged, told.false_negatives))


_COLUMNS: dict[str, Any] = {
    "ratio": st.column_config.TextColumn("Ratio", width=60),
    "recall-0": st.column_config.TextColumn("Recall, labels as they are"),
    "recall-1": st.column_config.TextColumn("Suspects dropped"),
    "recall-2": st.column_config.TextColumn("Suspects relabelled"),
    "misses": st.column_config.TextColumn(
        "Misses that are suspects", help="Of the positives that more than half of the ratio's seeds miss."
    ),
}
