"""Who was lost and who was won between the ratios, and whether that could be chance."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from closecall.analysis.intervals import holm, mcnemar, paired_difference
from closecall.analysis.ratio.outcome_groups import right_shares
from closecall.analysis.validation import Bools, Floats, Ints, as_labels

_NAMES = {1: {True: "tp", False: "fn"}, 0: {True: "tn", False: "fp"}}


def majority_right(
    labels: ArrayLike, pos_probs: ArrayLike, ratios: ArrayLike, *, threshold: ArrayLike = 0.5
) -> tuple[Floats, Bools]:
    """Which examples do most seeds get right at each ratio? A tie counts as right.

    Answers the rising ratios (R,) and a table (R, n). `pos_probs` (runs, n); `ratios` (runs,); `threshold` one value or
    one for each run. Leave collapsed runs out first.
    """
    levels, shares = right_shares(labels, pos_probs, ratios, threshold=threshold)
    return levels, shares >= 0.5


def flow_table(
    labels: ArrayLike, pos_probs: ArrayLike, ratios: ArrayLike, *, threshold: ArrayLike = 0.5
) -> pd.DataFrame:
    """How many examples pass from hit to miss and back between one ratio and the next, by most seeds?

    One row for each step, class and passage, empty ones too: `from_ratio, to_ratio, label, from_outcome, to_outcome,
    count`, outcomes "tp", "fn" for positives and "tn", "fp" for negatives. Shapes as `majority_right`.
    """
    positive = as_labels(labels)
    levels, right = majority_right(labels, pos_probs, ratios, threshold=threshold)
    rows = []
    for step in range(len(levels) - 1):
        for label, mask in ((1, positive), (0, ~positive)):
            counts = np.bincount(2 * right[step, mask] + right[step + 1, mask], minlength=4)
            for code, count in enumerate(counts):
                before, after = _NAMES[label][code >= 2], _NAMES[label][code % 2 == 1]
                rows.append((levels[step], levels[step + 1], label, before, after, int(count)))
    return pd.DataFrame(rows, columns=["from_ratio", "to_ratio", "label", "from_outcome", "to_outcome", "count"])


def flow_members(
    labels: ArrayLike,
    pos_probs: ArrayLike,
    ratios: ArrayLike,
    *,
    from_ratio: float,
    to_ratio: float,
    from_outcome: str,
    to_outcome: str,
    threshold: ArrayLike = 0.5,
) -> Ints:
    """Which examples made one passage of `flow_table`, or one between any two ratios? Row numbers, rising."""
    positive = as_labels(labels)
    levels, right = majority_right(labels, pos_probs, ratios, threshold=threshold)
    if not {from_ratio, to_ratio} <= set(levels.tolist()):
        raise ValueError(f"There are no runs at both 1:{from_ratio:g} and 1:{to_ratio:g}.")
    before, after = (right[np.flatnonzero(levels == ratio)[0]] for ratio in (from_ratio, to_ratio))
    here = _has(positive, before, from_outcome) & _has(positive, after, to_outcome)
    return np.flatnonzero(here)


def _has(positive: Bools, right: Bools, outcome: str) -> Bools:
    for label, names in _NAMES.items():
        for state, name in names.items():
            if name == outcome:
                return (positive == bool(label)) & (right == state)
    raise ValueError(f'An outcome is "tp", "fn", "fp" or "tn", not {outcome!r}.')


def paired_tests(
    labels: ArrayLike, pos_probs: ArrayLike, ratios: ArrayLike, *, threshold: ArrayLike = 0.5
) -> pd.DataFrame:
    """Does each ratio get the same examples right as the smallest ratio, class by class?

    One row for each larger ratio and class: `ratio, label, n, both, only_reference, only_ratio, neither, difference,
    low, high, p, p_holm`. Each example counts once, by most of its seeds. difference = share right at the smallest
    ratio less that at this one, Newcombe's paired interval; p by the exact McNemar test; p_holm over the whole table.
    """
    positive = as_labels(labels)
    levels, right = majority_right(labels, pos_probs, ratios, threshold=threshold)
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
