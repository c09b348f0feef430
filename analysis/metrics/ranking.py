"""Ranking quality without a threshold (AUC and its tests), and the rates at every threshold."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit, logit
from scipy.stats import norm, rankdata

from closecall.analysis.intervals import Estimate, wilson, z_value
from closecall.analysis.validation import Floats, as_labels, as_runs, as_scores, as_share, both_classes


@dataclass(frozen=True)
class AucDifference:
    """AUC of a minus AUC of b on the same examples, its interval, and the two-sided p of "no difference"."""

    value: float
    low: float
    high: float
    p: float


def auc(labels: ArrayLike, scores: ArrayLike) -> Floats:
    """Area under the ROC curve: the probability that a positive scores above a negative, ties counted half.

    `labels` (n,), `scores` (n,) or (runs, n); answer (runs,), 0 to 1, 0.5 for a random ranking. Needs both classes.
    """
    positive = both_classes(labels)
    n_pos, n_neg = positive.sum(), (~positive).sum()
    ranks = rankdata(as_runs(scores, len(positive), name="scores"), axis=1)
    return np.asarray((ranks[:, positive].sum(axis=1) - n_pos * (n_pos + 1) / 2) / (n_pos * n_neg))


def delong(labels: ArrayLike, scores: ArrayLike) -> tuple[Floats, Floats]:
    """AUCs of several runs on the same examples, (runs,), and their covariance, (runs, runs).

    By mid-ranks: DeLong et al. 1988 in the fast form of Sun and Xu 2014. `scores` (runs, n). Needs two positives and
    two negatives for a finite covariance.
    """
    above_negatives, below_positives = placements(labels, scores)
    n_pos, n_neg = above_negatives.shape[1], below_positives.shape[1]
    covariance = _covariance(above_negatives) / n_pos + _covariance(below_positives) / n_neg
    return above_negatives.mean(axis=1), covariance


def placements(labels: ArrayLike, scores: ArrayLike) -> tuple[Floats, Floats]:
    """DeLong's placement values: the share of negatives below each positive, and of positives above each negative.

    Shapes (runs, n+) and (runs, n-), ties counted half; the mean of either is the AUC of a run. `scores` (runs, n).
    """
    positive = both_classes(labels)
    runs = as_runs(scores, len(positive), name="scores")
    n_pos, n_neg = int(positive.sum()), int((~positive).sum())
    ranks = rankdata(runs, axis=1)
    above_negatives = (ranks[:, positive] - rankdata(runs[:, positive], axis=1)) / n_neg
    below_positives = 1 - (ranks[:, ~positive] - rankdata(runs[:, ~positive], axis=1)) / n_pos
    return above_negatives, below_positives


def _covariance(placements: Floats) -> Floats:
    runs, n = placements.shape
    return np.cov(placements).reshape(runs, runs) if n > 1 else np.full((runs, runs), np.nan)


def auc_interval(labels: ArrayLike, scores: ArrayLike, *, level: float = 0.95) -> Estimate:
    """AUC of one run with a confidence interval.

    DeLong's variance on the log-odds of the AUC, which keeps the bounds inside 0 to 1 (Pepe 2003). At an AUC of 0 or 1
    the variance is 0; the bound is then Wilson's for m right of m, m the size of the smaller class. Shapes (n,).
    """
    positive = both_classes(labels)
    areas, covariance = delong(positive, as_scores(scores, len(positive)))
    area = float(areas[0])
    smaller = int(min(positive.sum(), (~positive).sum()))
    if area in (0.0, 1.0):
        low = float(wilson(smaller, smaller, level=level)[0])
        return Estimate(area, low, 1.0) if area == 1 else Estimate(area, 0.0, 1 - low)
    half_width = z_value(level) * np.sqrt(covariance[0, 0]) / (area * (1 - area))
    return Estimate(area, float(expit(logit(area) - half_width)), float(expit(logit(area) + half_width)))


def auc_difference(
    labels: ArrayLike, scores_a: ArrayLike, scores_b: ArrayLike, *, level: float = 0.95
) -> AucDifference:
    """Difference in AUC of a and b on the same examples, with DeLong's paired interval and two-sided p. Shapes (n,)."""
    positive = both_classes(labels)
    n = len(positive)
    pair = np.stack([as_scores(scores_a, n, name="scores_a"), as_scores(scores_b, n, name="scores_b")])
    areas, covariance = delong(positive, pair)
    value = float(areas[0] - areas[1])
    error = float(np.sqrt(max(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1], 0.0)))
    if error == 0:
        return AucDifference(value, value, value, 1.0 if value == 0 else 0.0)
    half_width = z_value(level) * error
    return AucDifference(
        value, max(value - half_width, -1.0), min(value + half_width, 1.0), float(2 * norm.sf(abs(value) / error))
    )


def weighted_threshold(scores: Floats, weights: Floats, share: float) -> float:
    """The lowest threshold at which at most `share` of the weight scores at or above it. Both arrays (n,).

    It is halfway between the lowest score above and the highest score below. Examples without weight between the two
    (the positives, at a matched false-positive rate) then favour neither side.
    """
    order = np.argsort(scores)[::-1]
    return threshold_from_sorted(scores[order], weights[order], share)


def threshold_from_sorted(scores: Floats, weights: Floats, share: float, *, total: float | None = None) -> float:
    """`weighted_threshold` for scores sorted from high to low; entries of weight 0 are skipped.

    With `total`, the weight of all entries, the arrays may hold the highest scores only; nan where the threshold is
    below.
    """
    cumulative = np.cumsum(weights)
    allowed = share * (cumulative[-1] if total is None else total) * (1 + 1e-9)
    first_below = int(np.searchsorted(cumulative, allowed, side="right"))
    if first_below == len(scores):
        return -np.inf if total is None else float("nan")
    highest_below = scores[first_below]
    just_above = np.nextafter(highest_below, np.inf)
    above = len(scores) - int(np.searchsorted(scores[::-1], highest_below, side="right"))
    if above == 0 or cumulative[above - 1] == 0:
        return float(just_above)
    # The first index at which the cumulative weight reaches its value is the last entry with weight above 0.
    last_above = int(np.searchsorted(cumulative, cumulative[above - 1], side="left"))
    return float(max((scores[last_above] + highest_below) / 2, just_above))


def threshold_at_fpr(labels: ArrayLike, scores: ArrayLike, *, fpr: float) -> float:
    """The threshold of one run at which at most a share `fpr` of the negatives is predicted positive.

    Predicted positive: score >= threshold; it is halfway between two negatives. Shapes (n,), `fpr` 0 to 1. Raises
    ValueError without a negative.
    """
    negative = ~as_labels(labels)
    if not negative.any():
        raise ValueError("A false-positive rate needs at least one negative example.")
    values = as_scores(scores, len(negative))[negative]
    return weighted_threshold(
        values, np.ones(len(values)), as_share(fpr, name="The false-positive rate", inclusive=True)
    )


def class_weights(labels: ArrayLike, *, q: float | None = None) -> Floats:
    """Weights (n,) that sum to 1 and give the positives a share q; q None keeps the share of the sample."""
    positive = both_classes(labels)
    share = positive.mean() if q is None else as_share(q, name="The prevalence")
    return np.asarray(np.where(positive, share / positive.sum(), (1 - share) / (~positive).sum()))


def rates_by_threshold(labels: ArrayLike, scores: ArrayLike) -> pd.DataFrame:
    """Recall and false-positive rate at each threshold.

    One row for each distinct score, decreasing: `threshold, recall, false_positive_rate`; predicted positive: score >=
    threshold. Shapes (n,). Needs both classes.
    """
    positive = both_classes(labels)
    values = as_scores(scores, len(positive))
    order = np.argsort(values)[::-1]
    last_of_tie = np.append(np.flatnonzero(np.diff(values[order])), len(order) - 1)
    true_positives = np.cumsum(positive[order])[last_of_tie]
    recall = true_positives / positive.sum()
    fpr = (last_of_tie + 1 - true_positives) / (~positive).sum()
    return pd.DataFrame({"threshold": values[order][last_of_tie], "recall": recall, "false_positive_rate": fpr})


def area_under(rates: pd.DataFrame) -> float:
    """AUC from the rates of `rates_by_threshold`, 0 to 1.

    Trapezoidal rule from (0, 0); on all distinct scores it equals the Mann-Whitney statistic with ties counted half.
    """
    recall, fpr = (np.concatenate([[0.0], rates[name].to_numpy()]) for name in ("recall", "false_positive_rate"))
    return float(np.sum(np.diff(fpr) * (recall[1:] + recall[:-1]) / 2))


def thinned(rates: pd.DataFrame, max_points: int) -> pd.DataFrame:
    """At most `max_points` rows of a curve for drawing: rows with hardly any change are dropped, the ends stay."""
    if max_points < 2:
        raise ValueError("A curve needs at least two points.")
    if len(rates) <= max_points:
        return rates
    # By path length, not row number: many negatives in a row must not displace the few steps of positives.
    path = (rates["recall"] + rates["false_positive_rate"]).to_numpy()
    wanted = np.linspace(path[0], path[-1], max_points)
    return rates.iloc[np.unique(np.searchsorted(path, wanted).clip(max=len(path) - 1))].reset_index(drop=True)
