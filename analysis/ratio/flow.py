"""Examples that change between true and false predictions from one ratio to the next, and paired tests."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from closecall.analysis.intervals import holm, mcnemar, paired_difference
from closecall.analysis.ratio.outcome_groups import correct_shares
from closecall.analysis.validation import Bools, Floats, as_labels

_OUTCOME = {1: {True: "tp", False: "fn"}, 0: {True: "tn", False: "fp"}}


def majority_correct(
    labels: ArrayLike, pos_probs: ArrayLike, ratios: ArrayLike, *, threshold: ArrayLike = 0.5
) -> tuple[Floats, Bools]:
    """Which examples do at least half of the seeds predict correctly, at each ratio?

    Returns the increasing ratios (R,) and a table (R, n). `pos_probs` (runs, n); `ratios` (runs,); `threshold` one
    value or one for each run. Pass no collapsed runs.
    """
    levels, shares = correct_shares(labels, pos_probs, ratios, threshold=threshold)
    return levels, shares >= 0.5


def flow_table(
    labels: ArrayLike, pos_probs: ArrayLike, ratios: ArrayLike, *, threshold: ArrayLike = 0.5
) -> pd.DataFrame:
    """Number of examples that change outcome between one ratio and the next, by the majority of seeds.

    One row for each step, class and pair of outcomes, also for 0 examples: `from_ratio, to_ratio, label, from_outcome,
    to_outcome, count`; outcomes "tp", "fn" for positives and "tn", "fp" for negatives. Shapes as `majority_correct`.
    """
    positive = as_labels(labels)
    levels, right = majority_correct(labels, pos_probs, ratios, threshold=threshold)
    rows = []
    for step in range(len(levels) - 1):
        for label, mask in ((1, positive), (0, ~positive)):
            counts = np.bincount(2 * right[step, mask] + right[step + 1, mask], minlength=4)
            for code, count in enumerate(counts):
                before, after = _OUTCOME[label][code >= 2], _OUTCOME[label][code % 2 == 1]
                rows.append((levels[step], levels[step + 1], label, before, after, int(count)))
    return pd.DataFrame(rows, columns=["from_ratio", "to_ratio", "label", "from_outcome", "to_outcome", "count"])


def paired_tests(
    labels: ArrayLike, pos_probs: ArrayLike, ratios: ArrayLike, *, threshold: ArrayLike = 0.5
) -> pd.DataFrame:
    """Paired test of each larger ratio against the smallest, for each class.

    One row for each larger ratio and class: `ratio, label, n, both, only_reference, only_ratio, neither, difference,
    low, high, p, p_holm`. Each example counts once, by the majority of seeds. difference: share right at the smallest
    ratio minus that at this one, Newcombe's paired interval; p: exact McNemar test; p_holm over the whole table.
    """
    positive = as_labels(labels)
    levels, right = majority_correct(labels, pos_probs, ratios, threshold=threshold)
    rows = []
    for place in range(1, len(levels)):
        for label, mask in ((1, positive), (0, ~positive)):
            if mask.any():
                rows.append({"ratio": levels[place], "label": label, **_paired(right[0, mask], right[place, mask])})
    frame = pd.DataFrame(rows)
    if len(frame):
        frame["p_holm"] = holm(frame["p"].to_numpy())
    return frame


def _paired(reference: Bools, other: Bools) -> dict[str, float]:
    neither, only_other, only_reference, both = np.bincount(2 * reference + other, minlength=4).tolist()
    estimate = paired_difference(both, only_reference, only_other, neither)
    return {
        "n": len(reference),
        "both": both,
        "only_reference": only_reference,
        "only_ratio": only_other,
        "neither": neither,
        "difference": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "p": float(mcnemar(only_reference, only_other)),
    }
