"""How well scores order the two classes, whatever the threshold."""

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
    """AUC of a less AUC of b on the same examples, its interval, and the p of "no difference"."""

    value: float
    low: float
    high: float
    p: float


def auc(labels: ArrayLike, scores: ArrayLike) -> Floats:
    """How often does a random positive score above a random negative? Ties count half.

    `scores` is (n,) or (runs, n); the answer (runs,), each 0 to 1, .5 for chance. Needs both classes.
    """
    positive = both_classes(labels)
    n_pos, n_neg = positive.sum(), (~positive).sum()
    ranks = rankdata(as_runs(scores, len(positive), name="scores"), axis=1)
    return (ranks[:, positive].sum(axis=1) - n_pos * (n_pos + 1) / 2) / (n_pos * n_neg)


def delong(labels: ArrayLike, scores: ArrayLike) -> tuple[Floats, Floats]:
    """What are the AUCs of several runs on the same examples, and how do they vary together?

    AUCs (runs,) and their covariance (runs, runs), by mid-ranks: DeLong et al. 1988 in the fast form of Sun and Xu
    2014. `scores` is (runs, n). Needs two positives and two negatives for a finite covariance.
    """
    above_negatives, below_positives = placements(labels, scores)
    n_pos, n_neg = above_negatives.shape[1], below_positives.shape[1]
    covariance = _covariance(above_negatives) / n_pos + _covariance(below_positives) / n_neg
    return above_negatives.mean(axis=1), covariance


def placements(labels: ArrayLike, scores: ArrayLike) -> tuple[Floats, Floats]:
    """Which share of the negatives does each positive score above, and which of the positives is above each negative?

    Shapes (runs, n+) and (runs, n-), ties half; the mean of either is a run's AUC. `scores` is (runs, n).
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
    """Between which bounds does the AUC of one run lie?

    DeLong's variance on the log-odds of the AUC, which keeps the bounds inside 0 to 1 (Pepe 2003). Scores that separate
    the classes without a fault have variance 0; the bound is then Wilson's for m right of m, m the smaller class.
    """
    positive = both_classes(labels)
    areas, covariance = delong(positive, as_scores(scores, len(positive)))
    area = float(areas[0])
    smaller = int(min(positive.sum(), (~positive).sum()))
    if area in (0.0, 1.0):
        low = float(wilson(smaller, smaller, level=level)[0])
        return Estimate(area, low, 1.0) if area == 1 else Estimate(area, 0.0, 1 - low)
    reach = z_value(level) * np.sqrt(covariance[0, 0]) / (area * (1 - area))
    return Estimate(area, float(expit(logit(area) - reach)), float(expit(logit(area) + reach)))


def auc_difference(
    labels: ArrayLike, scores_a: ArrayLike, scores_b: ArrayLike, *, level: float = 0.95
) -> AucDifference:
    """Does a rank better than b on the same examples? AUC_a - AUC_b, DeLong's paired interval and two-sided p."""
    positive = both_classes(labels)
    n = len(positive)
    pair = np.stack([as_scores(scores_a, n, name="scores_a"), as_scores(scores_b, n, name="scores_b")])
    areas, covariance = delong(positive, pair)
    value = float(areas[0] - areas[1])
    error = float(np.sqrt(max(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1], 0.0)))
    if error == 0:
        return AucDifference(value, value, value, 1.0 if value == 0 else 0.0)
    reach = z_value(level) * error
    return AucDifference(
        value, max(value - reach, -1.0), min(value + reach, 1.0), float(2 * norm.sf(abs(value) / error))
    )


def weighted_cut(scores: Floats, weights: Floats, share: float) -> float:
    """The lowest cut at which at most `share` of the weight scores at or above it. Both arrays (n,), sorted or not.

    The cut lies halfway between the lowest score let in and the highest kept out, so that examples without weight that
    fall between the two (the positives, at a matched false-alarm rate) are favoured by neither side.
    """
    order = np.argsort(scores)[::-1]
    return sorted_cut(scores[order], weights[order], share)


def sorted_cut(scores: Floats, weights: Floats, share: float, *, total: float | None = None) -> float:
    """`weighted_cut` for scores that already fall from high to low; entries of weight 0 are passed over.

    With `total`, the weight of all, these may be the highest scores only; nan where the cut lies below them.
    """
    let_in = np.cumsum(weights)
    allowed = share * (let_in[-1] if total is None else total) * (1 + 1e-9)
    first_out = int(np.searchsorted(let_in, allowed, side="right"))
    if first_out == len(scores):
        return -np.inf if total is None else float("nan")
    kept_out = scores[first_out]
    just_above = np.nextafter(kept_out, np.inf)
    higher = len(scores) - int(np.searchsorted(scores[::-1], kept_out, side="right"))
    if higher == 0 or let_in[higher - 1] == 0:
        return float(just_above)
    # The first place where the running weight has its value is the last entry that weighs anything.
    last_in = int(np.searchsorted(let_in, let_in[higher - 1], side="left"))
    return float(max((scores[last_in] + kept_out) / 2, just_above))


def threshold_at_fpr(labels: ArrayLike, scores: ArrayLike, *, fpr: float) -> float:
    """Where must one run be cut so that at most a share `fpr` of the negatives raises a false alarm?

    Scores at or above the answer are called positive; it lies halfway between two negatives. Shapes (n,).
    """
    negative = ~as_labels(labels)
    if not negative.any():
        raise ValueError("A false-positive rate needs at least one negative example.")
    values = as_scores(scores, len(negative))[negative]
    return weighted_cut(values, np.ones(len(values)), as_share(fpr, name="The false-positive rate", closed=True))


def recall_at_fpr(labels: ArrayLike, scores: ArrayLike, *, fpr: float) -> float:
    """Which share of the positives is found when at most a share `fpr` of the negatives raises a false alarm?"""
    positive = both_classes(labels)
    cut = threshold_at_fpr(positive, scores, fpr=fpr)
    return float((as_scores(scores, len(positive))[positive] >= cut).mean())


def threshold_at_alert_rate(
    labels: ArrayLike, scores: ArrayLike, *, alert_rate: float, q: float | None = None
) -> float:
    """Where must one run be cut so that at most a share `alert_rate` of all posts is flagged?

    The share of alerts is q TPR + (1 - q) FPR at deployment prevalence q (None: the sample's own). Shapes (n,).
    """
    positive = both_classes(labels)
    values = as_scores(scores, len(positive))
    weights = class_weights(positive, q=q)
    return weighted_cut(values, weights, as_share(alert_rate, name="The alert rate", closed=True))


def recall_at_alert_rate(labels: ArrayLike, scores: ArrayLike, *, alert_rate: float, q: float | None = None) -> float:
    """Which share of the positives is found when at most a share `alert_rate` of all posts can be looked at?"""
    positive = both_classes(labels)
    cut = threshold_at_alert_rate(positive, scores, alert_rate=alert_rate, q=q)
    return float((as_scores(scores, len(positive))[positive] >= cut).mean())


def class_weights(labels: ArrayLike, *, q: float | None = None) -> Floats:
    """What must each example weigh for positives to make up a share q? They sum to 1; q None keeps the sample's own."""
    positive = both_classes(labels)
    share = positive.mean() if q is None else as_share(q, name="The prevalence")
    return np.where(positive, share / positive.sum(), (1 - share) / (~positive).sum())


# What every threshold of one run gives: found once by sorting, read by many questions.


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
