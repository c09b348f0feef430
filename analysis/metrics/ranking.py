"""Ranking quality without a threshold (AUC and its tests), and the rates at every threshold."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit, logit
from scipy.stats import norm, rankdata
from scipy.stats import t as student

from closecall.analysis.intervals import Estimate, exact_share, independent_difference, z_value
from closecall.analysis.seeds import widen_for_seeds, within
from closecall.analysis.validation import Bools, Floats, as_labels, as_runs, as_scores, as_share, both_classes


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
    return _areas(*placements(labels, scores))


def _areas(above_negatives: Floats, below_positives: Floats) -> tuple[Floats, Floats]:
    n_pos, n_neg = above_negatives.shape[1], below_positives.shape[1]
    covariance = _covariance(above_negatives) / n_pos + _covariance(below_positives) / n_neg
    return above_negatives.mean(axis=1), covariance


def placements(labels: ArrayLike, scores: ArrayLike) -> tuple[Floats, Floats]:
    """DeLong's placement values: the share of negatives below each positive, and of positives above each negative.

    Shapes (runs, n+) and (runs, n-), ties counted half; the mean of either is the AUC of a run. `scores` (runs, n).
    """
    positive = both_classes(labels)
    runs = as_runs(scores, len(positive), name="scores")
    pairs = [_placements(run[positive], run[~positive]) for run in runs]
    return np.array([above for above, _ in pairs]), np.array([below for _, below in pairs])


def _placements(of_pos: Floats, of_neg: Floats) -> tuple[Floats, Floats]:
    """Those of one run. Searching for sorted scores is several times faster than ranking all of them."""
    above, below = _shares_below(of_pos, of_neg), _shares_below(of_neg, of_pos)
    return above, 1 - below


def _shares_below(scores: Floats, others: Floats) -> Floats:
    """The share of `others` below each score, ties counted half. Shape of `scores`."""
    order = np.argsort(scores)
    rising, points = np.sort(others), scores[order]
    shares = np.empty(len(scores))
    counts = np.searchsorted(rising, points, side="left") + np.searchsorted(rising, points, side="right")
    shares[order] = counts / (2 * len(others))
    return shares


def _covariance(placements: Floats) -> Floats:
    runs, n = placements.shape
    if runs == 1 and n > 1:
        return np.asarray(placements.var(axis=1, ddof=1, keepdims=True))
    return np.cov(placements).reshape(runs, runs) if n > 1 else np.full((runs, runs), np.nan)


def auc_interval(labels: ArrayLike, scores: ArrayLike, *, level: float = 0.95) -> Estimate:
    """AUC of one run, or the mean over seeds, with a confidence interval over examples and seeds.

    DeLong's variance of the mean on the log-odds of the AUC, which keeps the bounds inside 0 to 1 (Pepe 2003); widened
    for seeds (`analysis.seeds`). Where the examples show no variance (perfect separation, all scores equal, one example
    of a class) the interval is Clopper and Pearson's for a share AUC of m, m the size of the smaller class. `labels`
    (n,), `scores` (n,) or (seeds, n) of any scale.
    """
    return placement_interval(*placements(labels, scores), level=level)


def placement_interval(above_negatives: Floats, below_positives: Floats, *, level: float = 0.95) -> Estimate:
    """`auc_interval` from the placement values of the runs, see `placements`."""
    areas, covariance = _areas(above_negatives, below_positives)
    area, error = float(areas.mean()), float(np.sqrt(covariance.mean()))
    if not error > 0:
        examples = _exact_area(area, min(above_negatives.shape[1], below_positives.shape[1]), level)
    else:
        half_width = z_value(level) * error / (area * (1 - area))
        examples = Estimate(area, float(expit(logit(area) - half_width)), float(expit(logit(area) + half_width)))
    return within(widen_for_seeds(examples, areas, level=level), 0.0, 1.0)


def _exact_area(area: float, smaller: int, level: float) -> Estimate:
    """`smaller`: the number of examples of the smaller class."""
    return exact_share(min(area * smaller, smaller), smaller, level=level)


def auc_difference(
    labels: ArrayLike, scores_a: ArrayLike, scores_b: ArrayLike, *, level: float = 0.95
) -> AucDifference:
    """Difference in AUC of a and b on the same examples, with DeLong's paired interval and two-sided p.

    Student's t with Satterthwaite's degrees of freedom, from the variances over positives and over negatives: it
    matters with few examples only. Several seeds: the mean difference, widened for seeds (`analysis.seeds`). Equal
    rankings: 0 to 0, p = 1. Where the examples show no variance otherwise (both separate perfectly, or one of them in
    reverse), the interval is that of two independent AUCs, each as in `auc_interval` without variance. p belongs to the
    bound next to 0: it is below 1 - level exactly where the interval leaves out 0. `labels` (n,); both
    scores (n,) or (seeds, n) of any scale, rows paired by seed. Raises ValueError for different numbers of seeds.
    """
    positive = both_classes(labels)
    a, b = (as_runs(one, len(positive), name=name) for one, name in ((scores_a, "scores_a"), (scores_b, "scores_b")))
    if len(a) != len(b):
        raise ValueError(f"Both need the same seeds; there are {len(a)} and {len(b)} runs.")
    by_seed, examples = _paired_areas(positive, a, b, level)
    estimate = widen_for_seeds(examples, by_seed, level=level)
    distance = estimate.value - estimate.low if estimate.value > 0 else estimate.high - estimate.value
    p = 1.0 if estimate.value == 0 else float(2 * norm.sf(z_value(level) * abs(estimate.value) / distance))
    kept = within(estimate, -1.0, 1.0)
    return AucDifference(kept.value, kept.low, kept.high, p)


def _paired_areas(positive: Bools, a: Floats, b: Floats, level: float) -> tuple[Floats, Estimate]:
    """Difference in AUC of each seed, and the mean with its interval over examples alone."""
    seeds = len(a)
    above, below = placements(positive, np.concatenate([a, b]))
    by_seed = above[:seeds].mean(axis=1) - above[seeds:].mean(axis=1)
    value = float(by_seed.mean())
    if (rankdata(a, axis=1) == rankdata(b, axis=1)).all():
        return by_seed, Estimate(0.0, 0.0, 0.0)
    parts = [one[:seeds].mean(axis=0) - one[seeds:].mean(axis=0) for one in (above, below)]
    if min(len(one) for one in parts) < 2 or all(np.ptp(one) < 1e-12 for one in parts):
        areas = (float(above[rows].mean()) for rows in (slice(seeds), slice(seeds, None)))
        return by_seed, independent_difference(*(_exact_area(area, min(map(len, parts)), level) for area in areas))
    variances = [float(one.var(ddof=1)) / len(one) for one in parts]
    total = sum(variances)
    freedom = total**2 / sum(own**2 / (len(one) - 1) for own, one in zip(variances, parts, strict=True))
    half_width = float(student.ppf(0.5 + as_share(level, name="The level") / 2, freedom) * np.sqrt(total))
    return by_seed, Estimate(value, value - half_width, value + half_width)


def weighted_threshold(scores: Floats, weights: Floats, share: float) -> float:
    """The lowest threshold at which at most `share` of the weight scores at or above it. Both arrays (n,).

    It is halfway between the lowest score above and the highest score below. Examples without weight between the two
    (the positives, at a matched false-positive rate) then favour neither side.
    """
    order = np.argsort(scores)[::-1]
    ordered = scores[order]
    cumulative = np.cumsum(weights[order])
    first_below = int(np.searchsorted(cumulative, share * cumulative[-1] * (1 + 1e-9), side="right"))
    if first_below == len(ordered):
        return -np.inf
    highest_below = ordered[first_below]
    just_above = np.nextafter(highest_below, np.inf)
    above = len(ordered) - int(np.searchsorted(ordered[::-1], highest_below, side="right"))
    if above == 0 or cumulative[above - 1] == 0:
        return float(just_above)
    # The first index at which the cumulative weight reaches its value is the last entry with weight above 0.
    last_above = int(np.searchsorted(cumulative, cumulative[above - 1], side="left"))
    return float(max((ordered[last_above] + highest_below) / 2, just_above))


def threshold_at_fpr(labels: ArrayLike, scores: ArrayLike, *, fpr: float) -> float:
    """The threshold of one run at which at most a share `fpr` of the negatives is predicted positive.

    Predicted positive: score >= threshold; it is halfway between two negatives. Tied negatives stay together, so the
    rate can be below `fpr`; `recall_at_fpr` splits them. Shapes (n,), `fpr` 0 to 1. Raises ValueError without a
    negative.
    """
    negative = ~as_labels(labels)
    if not negative.any():
        raise ValueError("A false-positive rate needs at least one negative example.")
    values = as_scores(scores, len(negative))[negative]
    return weighted_threshold(
        values, np.ones(len(values)), as_share(fpr, name="The false-positive rate", inclusive=True)
    )


def recall_at_fpr(labels: ArrayLike, scores: ArrayLike, *, fpr: float) -> Floats:
    """Recall of each run at a false-positive rate, on its ROC curve, (runs,); only ranks count.

    The curve goes through the middle of each of its vertical steps, the last score of each distinct negative, and is
    linear between them, so tied scores are split fairly. At a rate of 0: the share of positives above every negative.
    `labels` (n,), `scores` (n,) or (runs, n) of any scale, `fpr` 0 to 1. Needs both classes.
    """
    positive = both_classes(labels)
    runs = as_runs(scores, len(positive), name="scores")
    rate = as_share(fpr, name="The false-positive rate", inclusive=True)
    return np.array([_recall_on_curve(row[positive], row[~positive], rate) for row in runs])


def _recall_on_curve(positives: Floats, negatives: Floats, fpr: float) -> float:
    distinct, counts = np.unique(-negatives, return_counts=True)
    rising = np.sort(-positives)
    at_least, above = (np.searchsorted(rising, distinct, side=side) / len(rising) for side in ("right", "left"))
    # A step: from the recall at one distinct negative to the recall above the next.
    middles = (at_least + np.append(above[1:], 1.0)) / 2
    middles[-1] = 1.0
    rates = np.concatenate([[0.0], np.cumsum(counts) / len(negatives)])
    return float(np.interp(fpr, rates, np.concatenate([[above[0]], middles])))


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
