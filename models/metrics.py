"""What metrics.json says of one split or one epoch: both classes apart."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from analysis.outcomes import confusion
from analysis.prevalence import average_precision_at
from analysis.ranking import auc

SMALLEST_PROB = 1e-7


def split_metrics(labels: ArrayLike, logits: ArrayLike) -> dict[str, Any]:
    """How good are these predictions? Counts, recalls at .5, AUC and average precision, and the mean NLL of a class.

    `labels` and `logits` (log-odds of the positive class) have the shape (n,). What a missing class makes undefined is
    None. Average precision is at the split's own prevalence.
    """
    labels, logits = np.asarray(labels), np.asarray(logits, dtype=np.float64)
    both = 0 < labels.sum() < len(labels)
    return {
        **class_metrics(labels, sigmoid(logits)),
        "auc": float(auc(labels, logits)[0]) if both else None,
        "average_precision": float(average_precision_at(labels, logits, q=float(labels.mean()))) if both else None,
    }


def class_metrics(labels: ArrayLike, pos_probs: ArrayLike, *, prior: float | None = None) -> dict[str, Any]:
    """How does each class fare? Counts, recalls at .5, and the mean of -ln p(true class).

    With `prior`, the share of positives trained on, the recalls at that threshold too: the cut that undoes the prior.
    Examples whose probability is nan were not seen and do not count.
    """
    probs = np.asarray(pos_probs, dtype=np.float64)
    seen = ~np.isnan(probs)
    labels, probs = np.asarray(labels)[seen], probs[seen]
    counts = confusion(labels, probs)
    metrics: dict[str, Any] = {
        "n_positives": counts.n_positives,
        "n_negatives": counts.n_negatives,
        "recall": _none(counts.recall),
        "true_negative_rate": _none(counts.true_negative_rate),
        "nll_positives": _mean_nll(probs[labels == 1]),
        "nll_negatives": _mean_nll(1 - probs[labels == 0]),
    }
    if prior is not None:
        at_prior = confusion(labels, probs, threshold=prior)
        metrics["recall_at_prior"] = _none(at_prior.recall)
        metrics["true_negative_rate_at_prior"] = _none(at_prior.true_negative_rate)
    return metrics


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """The probability for log-odds, without overflow."""
    return np.exp(-np.logaddexp(0.0, -logits))


def _mean_nll(true_probs: np.ndarray) -> float | None:
    return float(-np.log(np.clip(true_probs, SMALLEST_PROB, None)).mean()) if len(true_probs) else None


def _none(number: float) -> float | None:
    return None if np.isnan(number) else number
