"""The metrics that metrics.json holds for one split or one epoch, by class."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from torch import nn

from closecall.analysis.metrics.outcomes import confusion
from closecall.analysis.metrics.prevalence import average_precision_at
from closecall.analysis.metrics.ranking import auc
from closecall.models.encoders.inference import run_inference
from closecall.models.encoders.tokenization import Tokens
from closecall.models.runtime.progress import ProgressReporter

MIN_PROBABILITY = 1e-7
EPOCH_VALIDATION_SHARE = 0.2
"""Validation examples per epoch, at most, as a share of the training examples: about 5 % of an epoch's time."""


def split_metrics(labels: ArrayLike, logits: ArrayLike) -> dict[str, Any]:
    """Counts, recall and specificity at threshold 0.50, AUC, average precision, and the mean NLL of each class.

    `labels` and `logits` (log-odds of the positive class) have the shape (n,). A metric that a missing class makes
    undefined is None. Average precision is at the split's own prevalence.
    """
    labels, logits = np.asarray(labels), np.asarray(logits, dtype=np.float64)
    both = 0 < labels.sum() < len(labels)
    return {
        **class_metrics(labels, sigmoid(logits)),
        "auc": float(auc(labels, logits)[0]) if both else None,
        "average_precision": float(average_precision_at(labels, logits, q=float(labels.mean()))) if both else None,
    }


def class_metrics(labels: ArrayLike, pos_probs: ArrayLike, *, prior: float | None = None) -> dict[str, Any]:
    """Counts, recall and specificity at threshold 0.50, and the mean of -ln p(true class) of each class.

    With `prior`, the share of positives in training, recall and specificity at that threshold too, which corrects for
    the prior. Examples whose probability is nan were not seen and do not count.
    """
    probs = np.asarray(pos_probs, dtype=np.float64)
    seen = ~np.isnan(probs)
    labels, probs = np.asarray(labels)[seen], probs[seen]
    counts = confusion(labels, probs)
    metrics: dict[str, Any] = {
        "n_positives": counts.n_positives,
        "n_negatives": counts.n_negatives,
        "recall": _none_if_nan(counts.recall),
        "true_negative_rate": _none_if_nan(counts.specificity),
        "nll_positives": _mean_nll(probs[labels == 1]),
        "nll_negatives": _mean_nll(1 - probs[labels == 0]),
    }
    if prior is not None:
        at_prior = confusion(labels, probs, threshold=prior)
        metrics["recall_at_prior"] = _none_if_nan(at_prior.recall)
        metrics["true_negative_rate_at_prior"] = _none_if_nan(at_prior.specificity)
    return metrics


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """The probability for log-odds, without overflow."""
    return np.exp(-np.logaddexp(0.0, -logits))


def epoch_validation_rows(validation: pd.DataFrame, n_training: int) -> pd.DataFrame:
    """The validation examples that are evaluated after each epoch: half from each class, if there are enough.

    Drawn once, the same for every epoch and for every run of one size. A run with few training examples gets a small
    and noisy sample; the whole validation set is predicted after training.
    """
    half = max(1, int(n_training * EPOCH_VALIDATION_SHARE / 2))
    parts = [rows.sample(n=min(half, len(rows)), random_state=0) for _, rows in validation.groupby("label")]
    return pd.concat(parts) if parts else validation


def make_epoch_validation(
    rows: pd.DataFrame, tokens: Tokens, *, prior: float, reporter: ProgressReporter
) -> Callable[[nn.Module], dict[str, Any]]:
    """A function that returns a model's metrics on `rows`, for the record of an epoch."""
    places = rows["place"].to_numpy()
    labels = rows["label"].to_numpy()

    def count(number: int, tokens: int, examples: int) -> None:
        reporter.count("forward", tokens=tokens, examples=examples)
        reporter.check()

    def validate(model: nn.Module) -> dict[str, Any]:
        if not len(places):
            return {}
        result = run_inference(model, tokens, places, embed=False, on_batch=count)
        assert result.logits is not None
        log_odds = np.diff(result.logits.astype(np.float64), axis=1)[:, 0]
        return {"validation": class_metrics(labels, sigmoid(log_odds), prior=prior)}

    return validate


def _mean_nll(true_probs: np.ndarray) -> float | None:
    return float(-np.log(np.clip(true_probs, MIN_PROBABILITY, None)).mean()) if len(true_probs) else None


def _none_if_nan(number: float) -> float | None:
    return None if np.isnan(number) else number
