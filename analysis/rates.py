"""What every threshold of one run gives: found once by sorting, read by many questions."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.checks import as_scores, both_classes


def rates_by_threshold(labels: ArrayLike, scores: ArrayLike) -> pd.DataFrame:
    """Which recall and false-positive rate does each threshold give?

    One row for each distinct score, from high to low: `threshold, recall, false_positive_rate`; an example is called
    positive when its score is at least the threshold. Shapes (n,). Needs both classes.
    """
    positive = both_classes(labels)
    values = as_scores(scores, len(positive))
    order = np.argsort(values)[::-1]
    last_of_tie = np.append(np.flatnonzero(np.diff(values[order])), len(order) - 1)
    found = np.cumsum(positive[order])[last_of_tie]
    recall = found / positive.sum()
    fpr = (last_of_tie + 1 - found) / (~positive).sum()
    return pd.DataFrame({"threshold": values[order][last_of_tie], "recall": recall, "false_positive_rate": fpr})


def area_under(rates: pd.DataFrame) -> float:
    """How often does a random positive score above a random negative? The AUC of `rates_by_threshold`, 0 to 1.

    Trapezoids from (0, 0) on; on all distinct scores that is the Mann-Whitney statistic, ties counted half.
    """
    recall, fpr = (np.concatenate([[0.0], rates[name].to_numpy()]) for name in ("recall", "false_positive_rate"))
    return float(np.sum(np.diff(fpr) * (recall[1:] + recall[:-1]) / 2))


def thinned(rates: pd.DataFrame, max_points: int) -> pd.DataFrame:
    """The rates with at most `max_points` rows for drawing: dropped where both hardly move, first and last kept."""
    if max_points < 2:
        raise ValueError("A curve needs at least two points.")
    if len(rates) <= max_points:
        return rates
    # Path length rather than row number: long flat stretches of negatives must not push out the steps of positives.
    path = (rates["recall"] + rates["false_positive_rate"]).to_numpy()
    wanted = np.linspace(path[0], path[-1], max_points)
    return rates.iloc[np.unique(np.searchsorted(path, wanted).clip(max=len(path) - 1))].reset_index(drop=True)
