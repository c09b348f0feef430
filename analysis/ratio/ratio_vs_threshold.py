"""Comparison of training at another ratio with moving the threshold of the reference run."""

import numpy as np
import pandas as pd

from closecall.analysis.formatting import points_text, ratio_text
from closecall.analysis.intervals import Estimate
from closecall.analysis.ratio.decomposition import Decomposition

MORE, LESS, NO_DIFFERENCE, TOO_FEW = "more", "less", "no difference shown", "too few false positives"
_DIRECTION = {MORE: "higher", LESS: "lower"}
_MEANING = {
    MORE: "the additional negatives improve the ranking",
    LESS: "a moved threshold does better than another ratio",
    NO_DIFFERENCE: "not distinguishable with this test set",
    TOO_FEW: "based on too few false positives to interpret",
}


def gain_over_threshold(parts: Decomposition) -> Estimate:
    """Recall of run b minus recall of run a at the false-positive rate of b, R_b - R_a@f_b; below 0: a is better."""
    return -parts.ranking_other


def ratio_vs_threshold_table(
    decompositions: dict[float, Decomposition], *, reference_ratio: float = 1.0
) -> pd.DataFrame:
    """Recall at each ratio against that of the reference run with its threshold moved to the same false-positive rate.

    `decompositions`: from `decompose_drop`, the reference ratio against each larger one. One row for each ratio:
    `ratio, recall, reference_recall, gain, low, high, result, sentence`. `result`: MORE or LESS recall where the
    interval of the gain excludes 0, NO_DIFFERENCE where it includes 0, TOO_FEW with fewer than 5 false positives.
    """
    rows = []
    for ratio, parts in decompositions.items():
        gain = gain_over_threshold(parts)
        result = _result(gain, parts)
        reference = parts.recall_b - gain.value
        sentence = (
            f"At the false-positive rate of {ratio_text(ratio)}, recall is {100 * parts.recall_b:.1f} % with training "
            f"at {ratio_text(ratio)} and {100 * reference:.1f} % with training at {ratio_text(reference_ratio)} and a "
            f"moved threshold ({parts.n_positives:,} positives): {points_text(gain)}, {_MEANING[result]}."
        )
        rows.append((ratio, parts.recall_b, reference, gain.value, gain.low, gain.high, result, sentence))
    columns = ["ratio", "recall", "reference_recall", "gain", "low", "high", "result", "sentence"]
    return pd.DataFrame(rows, columns=columns)


def ratio_vs_threshold_sentence(table: pd.DataFrame, *, reference_ratio: float = 1.0) -> str:
    """Which ratios have another recall than the reference run with a moved threshold? From the table above."""
    reference = f"{ratio_text(reference_ratio)} with a moved threshold"
    parts = []
    for result in (MORE, LESS):
        rows = table.loc[table["result"] == result, ["ratio", "gain"]].to_numpy(np.float64)
        gains = [f"{ratio_text(ratio)} by {100 * abs(gain):.1f} points" for ratio, gain in rows]
        if gains:
            parts.append(f"{_DIRECTION[result]} at {', '.join(gains)}")
    few = ", ".join(ratio_text(ratio) for ratio in table.loc[table["result"] == TOO_FEW, "ratio"])
    unread = f" Too few false positives to compare: {few}." if few else ""
    if parts:
        return f"Recall compared with {reference}: {'; '.join(parts)}.{unread}"
    if (table["result"] == TOO_FEW).all():
        return f"No ratio can be compared with {reference} yet.{unread}"
    return f"No ratio differs from {reference} by more than this test set can show.{unread}"


def _result(gain: Estimate, parts: Decomposition) -> str:
    if not parts.both_orders:
        return TOO_FEW
    if gain.includes_zero:
        return NO_DIFFERENCE
    return MORE if gain.value > 0 else LESS
