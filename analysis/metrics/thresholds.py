"""Thresholds of one run, chosen on validation and evaluated on test."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit, logit

from closecall.analysis.metrics.calibration import log_odds, temperature
from closecall.analysis.metrics.outcomes import outcome_table
from closecall.analysis.metrics.prevalence import (
    f1_at,
    precision_at,
    precision_recall_curve_at,
    predicted_positive_rate_at,
)
from closecall.analysis.validation import as_probs, as_share, both_classes


def _choices(labels: ArrayLike, pos_probs: ArrayLike, q: float) -> pd.DataFrame:
    """Every operating point, with its threshold halfway to the next lower score."""
    positive = both_classes(labels)
    probs = as_probs(pos_probs, len(positive))[0]
    curve = precision_recall_curve_at(positive, probs, q=q)
    scores = curve["threshold"].to_numpy()
    curve["threshold"] = (scores + np.append(scores[1:], scores[-1])) / 2
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
    Wilson's 95 % intervals), and `precision_at_q, f1_at_q, predicted_positive_rate_at_q`. Rule "prior" is the training
    prevalence, the choice without tuning (Johnson and Khoshgoftaar 2019). "least cost" applies to probabilities
    calibrated by one temperature. A precision that validation never reaches has threshold nan and no results. One run:
    shapes (m,) and (n,).
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
    recall, fpr = frame["recall"].to_numpy(), 1 - frame["specificity"].to_numpy()
    frame["precision_at_q"] = precision_at(recall, fpr, q=q)
    frame["f1_at_q"] = f1_at(recall, fpr, q=q)
    frame["predicted_positive_rate_at_q"] = predicted_positive_rate_at(recall, fpr, q=q)
    frame.insert(0, "rule", list(chosen))
    frame.loc[np.isnan(thresholds), frame.columns[2:]] = np.nan
    return frame
