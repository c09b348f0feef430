"""What a classifier is worth where it will be used, at the user's own share of positives q."""

from math import nan

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from closecall.analysis.metrics.ranking import rates_by_threshold, thinned
from closecall.analysis.validation import Floats, as_share


def _rates(recall: ArrayLike, fpr: ArrayLike, q: ArrayLike) -> tuple[Floats, Floats, Floats]:
    values = [np.asarray(value, dtype=np.float64) for value in (recall, fpr, q)]
    for name, value in zip(("Recall", "The false-positive rate", "The prevalence"), values, strict=True):
        if ((value < 0) | (value > 1)).any():
            raise ValueError(f"{name} must lie between 0 and 1.")
    true_positive, false_positive, share = np.broadcast_arrays(*values)
    return true_positive, false_positive, share


def alert_rate_at(recall: ArrayLike, fpr: ArrayLike, *, q: ArrayLike) -> Floats:
    """Which share of all posts would be flagged? q TPR + (1 - q) FPR; arrays or numbers of one shape, 0 to 1."""
    found, alarms, share = _rates(recall, fpr, q)
    return share * found + (1 - share) * alarms


def precision_at(recall: ArrayLike, fpr: ArrayLike, *, q: ArrayLike) -> Floats:
    """Which share of the flagged posts would be positives? q TPR / (q TPR + (1 - q) FPR); nan without any alert."""
    found, alarms, share = _rates(recall, fpr, q)
    alerts = alert_rate_at(found, alarms, q=share)
    return np.divide(share * found, alerts, out=np.full(alerts.shape, np.nan), where=alerts > 0)


def f1_at(recall: ArrayLike, fpr: ArrayLike, *, q: ArrayLike) -> Floats:
    """What would F1 be? 2 q TPR / (q TPR + (1 - q) FPR + q); nan where there are neither positives nor alerts."""
    found, alarms, share = _rates(recall, fpr, q)
    whole = alert_rate_at(found, alarms, q=share) + share
    return np.divide(2 * share * found, whole, out=np.full(whole.shape, np.nan), where=whole > 0)


def accuracy_at(recall: ArrayLike, fpr: ArrayLike, *, q: ArrayLike) -> Floats:
    """Which share of all posts would be right? q TPR + (1 - q) TNR."""
    found, alarms, share = _rates(recall, fpr, q)
    return share * found + (1 - share) * (1 - alarms)


def average_precision_at(labels: ArrayLike, scores: ArrayLike, *, q: float) -> float:
    """How good is the order of the scores for finding positives at prevalence q? A random order gives q.

    Sum of precision_q times the step in recall over the distinct scores, from weights 1 for a positive and
    ((1 - q)/q)(n+/n-) for a negative. Shapes (n,), answer 0 to 1.
    """
    return average_precision_of(rates_by_threshold(labels, scores), q=q)


def average_precision_of(rates: pd.DataFrame, *, q: float) -> float:
    """`average_precision_at` from the rates of `rates_by_threshold`; rows where recall does not rise add nothing."""
    precision = precision_at(rates["recall"], rates["false_positive_rate"], q=as_share(q, name="The prevalence"))
    return float((np.diff(rates["recall"].to_numpy(), prepend=0.0) * precision).sum())


def precision_recall_curve_at(
    labels: ArrayLike, scores: ArrayLike, *, q: float, max_points: int | None = None
) -> pd.DataFrame:
    """Which recall and precision can be had at prevalence q, for every threshold?

    Columns `threshold, recall, false_positive_rate, precision`, thresholds falling; an example is called positive when
    its score is at least the threshold. With `max_points` (2,000 are plenty to draw) points are dropped where both
    rates hardly move; the first and last always stay.
    """
    rates = rates_by_threshold(labels, scores)
    return with_precision(rates if max_points is None else thinned(rates, max_points), q=q)


def with_precision(rates: pd.DataFrame, *, q: float) -> pd.DataFrame:
    """The rates of `rates_by_threshold` with a column `precision` at prevalence q."""
    share = as_share(q, name="The prevalence")
    return rates.assign(precision=precision_at(rates["recall"], rates["false_positive_rate"], q=share))


# From which share of positives on is one classifier better than another?


def break_even_prevalence(recall_a: float, fpr_a: float, recall_b: float, fpr_b: float) -> float:
    """At which prevalence q do a and b have the same F1? nan when one of them is better at every q.

    From 2 q TPR / (q TPR + (1 - q) FPR + q) of both: q / (1 - q) = (TPR_b FPR_a - TPR_a FPR_b) / (TPR_a - TPR_b).
    Below it the one with the fewer false alarms has the better F1, above it the one with the greater recall.
    .92/.08 against .80/.02 are even at q = .275. Rates 0 to 1, answer strictly between 0 and 1.
    """
    gap = recall_a - recall_b
    if gap == 0:
        return nan
    odds = (recall_b * fpr_a - recall_a * fpr_b) / gap
    return odds / (1 + odds) if odds > 0 else nan
