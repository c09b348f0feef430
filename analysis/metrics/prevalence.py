"""Precision, F1 and average precision at the user's deployment prevalence q."""

from math import nan

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from closecall.analysis.metrics.ranking import rates_by_threshold, thinned
from closecall.analysis.validation import Floats, as_share

DEFAULT_PREVALENCE = 0.091
"""One positive to ten negatives, where the user has not chosen a prevalence."""


def _rates(recall: ArrayLike, fpr: ArrayLike, q: ArrayLike) -> tuple[Floats, Floats, Floats]:
    values = [np.asarray(value, dtype=np.float64) for value in (recall, fpr, q)]
    for name, value in zip(("Recall", "The false-positive rate", "The prevalence"), values, strict=True):
        if ((value < 0) | (value > 1)).any():
            raise ValueError(f"{name} must lie between 0 and 1.")
    recalls, rates, shares = np.broadcast_arrays(*values)
    return recalls, rates, shares


def predicted_positive_rate_at(recall: ArrayLike, fpr: ArrayLike, *, q: ArrayLike) -> Floats:
    """Share of all examples predicted positive, q TPR + (1 - q) FPR. Arrays or numbers of one shape, 0 to 1."""
    tpr, fpr, share = _rates(recall, fpr, q)
    return share * tpr + (1 - share) * fpr


def precision_at(recall: ArrayLike, fpr: ArrayLike, *, q: ArrayLike) -> Floats:
    """Precision q TPR / (q TPR + (1 - q) FPR), 0 to 1; nan where nothing is predicted positive. Shapes broadcast."""
    tpr, fpr, share = _rates(recall, fpr, q)
    predicted_positives = predicted_positive_rate_at(tpr, fpr, q=share)
    return np.asarray(
        np.divide(
            share * tpr,
            predicted_positives,
            out=np.full(predicted_positives.shape, np.nan),
            where=predicted_positives > 0,
        )
    )


def f1_at(recall: ArrayLike, fpr: ArrayLike, *, q: ArrayLike) -> Floats:
    """F1 = 2 q TPR / (q TPR + (1 - q) FPR + q), 0 to 1; nan without positives and predicted positives."""
    tpr, fpr, share = _rates(recall, fpr, q)
    whole = predicted_positive_rate_at(tpr, fpr, q=share) + share
    return np.asarray(np.divide(2 * share * tpr, whole, out=np.full(whole.shape, np.nan), where=whole > 0))


def average_precision_at(labels: ArrayLike, scores: ArrayLike, *, q: float) -> float:
    """Average precision of one run at prevalence q, 0 to 1; a random ranking has q.

    Sum over the distinct scores of precision at q times the step in recall. Equals the weighted average precision with
    weight 1 for a positive and ((1 - q)/q)(n+/n-) for a negative. Shapes (n,); needs both classes.
    """
    return average_precision_of(rates_by_threshold(labels, scores), q=q)


def average_precision_of(rates: pd.DataFrame, *, q: float) -> float:
    """`average_precision_at` from the rates of `rates_by_threshold`; rows in which recall does not rise add 0."""
    precision = precision_at(rates["recall"], rates["false_positive_rate"], q=as_share(q, name="The prevalence"))
    return float((np.diff(rates["recall"].to_numpy(), prepend=0.0) * precision).sum())


def precision_recall_curve_at(
    labels: ArrayLike, scores: ArrayLike, *, q: float, max_points: int | None = None
) -> pd.DataFrame:
    """Recall and precision at prevalence q for every threshold.

    Columns `threshold, recall, false_positive_rate, precision`, thresholds decreasing; predicted positive: score >=
    threshold. Shapes (n,). `max_points` drops points where both rates hardly change (2,000 are enough to draw); the
    first and the last point stay.
    """
    rates = rates_by_threshold(labels, scores)
    return with_precision(rates if max_points is None else thinned(rates, max_points), q=q)


def with_precision(rates: pd.DataFrame, *, q: float) -> pd.DataFrame:
    """The rates of `rates_by_threshold` with a column `precision` at prevalence q."""
    share = as_share(q, name="The prevalence")
    return rates.assign(precision=precision_at(rates["recall"], rates["false_positive_rate"], q=share))


def break_even_prevalence(recall_a: float, fpr_a: float, recall_b: float, fpr_b: float) -> float:
    """The prevalence q at which a and b have the same F1; nan when one of them is better at every q.

    F1 = 2 q TPR / (q TPR + (1 - q) FPR + q) of both gives q / (1 - q) = (TPR_b FPR_a - TPR_a FPR_b) / (TPR_a - TPR_b).
    Below q the classifier with fewer false positives has the higher F1, above q the one with the higher recall.
    Example: 0.92/0.08 and 0.80/0.02 are equal at q = 0.275. Rates 0 to 1, answer in (0, 1).
    """
    gap = recall_a - recall_b
    if gap == 0:
        return nan
    odds = (recall_b * fpr_a - recall_a * fpr_b) / gap
    return odds / (1 + odds) if odds > 0 else nan
