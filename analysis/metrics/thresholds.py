"""Thresholds of one run, chosen on validation and evaluated on test."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit, logit

from closecall.analysis.bootstrap import percentile_interval
from closecall.analysis.intervals import Estimate
from closecall.analysis.metrics.calibration import log_odds, temperature
from closecall.analysis.metrics.outcomes import outcome_table
from closecall.analysis.metrics.prevalence import (
    f1_at,
    precision_at,
    precision_recall_curve_at,
    predicted_positive_rate_at,
)
from closecall.analysis.seeds import widen_for_seeds, within
from closecall.analysis.validation import as_probs, as_share, both_classes

WITHOUT_VALIDATION = ("one half", "prior")
"""The rules of `threshold_table` that choose no threshold on validation."""


def _choices(labels: ArrayLike, pos_probs: ArrayLike, q: float) -> pd.DataFrame:
    """Every operating point, with its threshold halfway to the next lower score."""
    positive = both_classes(labels)
    probs = as_probs(pos_probs, len(positive))[0]
    curve = precision_recall_curve_at(positive, probs, q=q)
    scores = curve["threshold"].to_numpy()
    below = np.append(scores[1:], scores[-1])
    middle = (scores + below) / 2
    # Halfway between two neighbouring floats is one of them, and must not be the lower.
    curve["threshold"] = np.where(middle > below, middle, scores)
    return curve


def balanced_threshold(labels: ArrayLike, pos_probs: ArrayLike) -> float:
    """The highest threshold with the best balanced accuracy, (TPR + TNR)/2. Shapes (n,)."""
    curve = _choices(labels, pos_probs, 0.5)
    best = (curve["recall"] - curve["false_positive_rate"]).to_numpy().argmax()
    return float(curve["threshold"].iloc[best])


def recall_threshold(labels: ArrayLike, pos_probs: ArrayLike, *, recall: float) -> float:
    """The highest threshold at which recall is at least `recall` (0 to 1). Shapes (n,)."""
    wanted = as_share(recall, name="The recall asked for", inclusive=True)
    curve = _choices(labels, pos_probs, 0.5)
    return float(curve["threshold"][curve["recall"] >= wanted - 1e-12].iloc[0])


def precision_threshold(labels: ArrayLike, pos_probs: ArrayLike, *, precision: float, q: float) -> float:
    """The lowest threshold at which precision at prevalence q is at least `precision`; nan if none. Shapes (n,)."""
    wanted = as_share(precision, name="The precision asked for", inclusive=True)
    curve = _choices(labels, pos_probs, q)
    reached = curve["threshold"][curve["precision"] >= wanted - 1e-12]
    return float(reached.iloc[-1]) if len(reached) else float("nan")


def cost_threshold(*, cost_fp: float, cost_fn: float, trained_at: float, q: float, temperature: float = 1.0) -> float:
    """The threshold with the least expected cost of false positives and false negatives.

    C_fp/(C_fp + C_fn) for probabilities calibrated at q, moved to the training prevalence by prior shift (Elkan 2001,
    Saerens 2002). `temperature`: of the run's logits, which are this factor times the calibrated ones. Raises
    ValueError unless both costs are above 0.
    """
    if not (cost_fp > 0 and cost_fn > 0):
        raise ValueError("Both costs must be above 0.")
    calibrated = logit(cost_fp / (cost_fp + cost_fn))
    old, new = as_share(trained_at, name="The training prevalence"), as_share(q, name="The prevalence")
    return float(expit(temperature * (calibrated + logit(old) - logit(new))))


def f1_interval(
    true_positives: ArrayLike,
    false_positives: ArrayLike,
    *,
    n_positives: int,
    n_negatives: int,
    q: float,
    draws: int = 2000,
) -> Estimate:
    """F1 at prevalence q of one run, or of the mean rates over seeds, with a 95 % interval over examples and seeds.

    `true_positives`, `false_positives`: counts, () or (seeds,), on the same examples. Parametric bootstrap: recall and
    false-positive rate are drawn from Beta(k + 1/2, n - k + 1/2) for k of n (Jeffreys), which leaves a width where a
    resample of the examples has none; widened for seeds. It does not count the choice of the best of several F1. 0 to
    1. Raises ValueError unless 0 <= k <= n and n > 0.
    """
    counts = [np.atleast_1d(np.asarray(one, dtype=np.float64)) for one in (true_positives, false_positives)]
    sizes = n_positives, n_negatives
    if any(n <= 0 or one.min() < 0 or one.max() > n for one, n in zip(counts, sizes, strict=True)):
        raise ValueError("Counts must lie between 0 and the number of examples of their class.")
    rng = np.random.default_rng(0)
    means = [float(one.mean()) for one in counts]
    drawn = [rng.beta(mean + 0.5, n - mean + 0.5, draws) for mean, n in zip(means, sizes, strict=True)]
    value = float(f1_at(means[0] / n_positives, means[1] / n_negatives, q=q))
    examples = percentile_interval(value, f1_at(*drawn, q=q))
    examples = Estimate(value, min(examples.low, value), max(examples.high, value))
    by_seed = f1_at(counts[0] / n_positives, counts[1] / n_negatives, q=q)
    return within(widen_for_seeds(examples, by_seed), 0.0, 1.0)


def threshold_table(
    val_labels: ArrayLike,
    val_pos_probs: ArrayLike,
    labels: ArrayLike,
    pos_probs: ArrayLike,
    *,
    trained_at: float,
    q: float,
    min_recall: float = 0.9,
    min_precision: float = 0.8,
    cost_fp: float = 1.0,
    cost_fn: float = 1.0,
) -> pd.DataFrame:
    """Test results of each rule that chooses a threshold on validation.

    One row for each rule: `rule, threshold`, the columns of `outcome_table` (counts, recall and specificity with
    Wilson's 95 % intervals), and `precision_at_q, f1_at_q, f1_low, f1_high, predicted_positive_rate_at_q`
    (F1 with `f1_interval`). Rule "prior" is the training prevalence, the choice without tuning (Johnson and
    Khoshgoftaar 2019). "least cost" applies to probabilities calibrated by one temperature. A precision that validation
    never reaches has threshold nan and no results. One run: shapes (m,) and (n,).
    """
    fitted = temperature(val_labels, log_odds(np.atleast_2d(np.asarray(val_pos_probs))[0]), q=trained_at)
    chosen = {
        "one half": 0.5,
        "prior": as_share(trained_at, name="The training prevalence"),
        "balanced accuracy": balanced_threshold(val_labels, val_pos_probs),
        f"recall of {min_recall:g}": recall_threshold(val_labels, val_pos_probs, recall=min_recall),
        f"precision of {min_precision:g}": precision_threshold(val_labels, val_pos_probs, precision=min_precision, q=q),
        "least cost": cost_threshold(cost_fp=cost_fp, cost_fn=cost_fn, trained_at=trained_at, q=q, temperature=fitted),
    }
    thresholds = np.array(list(chosen.values()))
    probs = as_probs(pos_probs, len(both_classes(labels)))[:1]
    frame = outcome_table(labels, np.repeat(probs, len(thresholds), axis=0), threshold=thresholds)
    frame = frame.drop(columns=["precision", "f1", "accuracy", "collapsed"])
    _add_prevalence(frame, q)
    frame.insert(0, "rule", list(chosen))
    frame.loc[np.isnan(thresholds), frame.columns[2:]] = np.nan
    return frame


def _add_prevalence(frame: pd.DataFrame, q: float) -> None:
    """Adds the columns at prevalence q to the counts and rates of a table."""
    recall, fpr = frame["recall"].to_numpy(), 1 - frame["specificity"].to_numpy()
    frame["precision_at_q"] = precision_at(recall, fpr, q=q)
    frame["f1_at_q"] = f1_at(recall, fpr, q=q)
    n_positives, n_negatives = int(frame["tp"][0] + frame["fn"][0]), int(frame["fp"][0] + frame["tn"][0])
    ranges = [
        f1_interval(tp, fp, n_positives=n_positives, n_negatives=n_negatives, q=q)
        for tp, fp in zip(frame["tp"], frame["fp"], strict=True)
    ]
    frame["f1_low"], frame["f1_high"] = [one.low for one in ranges], [one.high for one in ranges]
    frame["predicted_positive_rate_at_q"] = predicted_positive_rate_at(recall, fpr, q=q)
