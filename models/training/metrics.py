"""What metrics.json says of one split or one epoch: both classes apart."""

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


# A look at the validation set at the end of each epoch, cheap enough to be always on.

SHARE = 0.2
"""The look reads at most this share of the number of training examples: about 5 % of an epoch's time."""


def epoch_validation_rows(validation: pd.DataFrame, n_training: int) -> pd.DataFrame:
    """The validation examples that are looked at: half of each class, as far as there are enough.

    Drawn once, the same for every epoch and run of one size. A run with few training examples gets a small and noisy
    look; the whole validation set is predicted after training.
    """
    half = max(1, int(n_training * SHARE / 2))
    parts = [rows.sample(n=min(half, len(rows)), random_state=0) for _, rows in validation.groupby("label")]
    return pd.concat(parts) if parts else validation


def make_epoch_validation(
    rows: pd.DataFrame, tokens: Tokens, *, prior: float, watch: ProgressReporter
) -> Callable[[nn.Module], dict[str, Any]]:
    """A function that says how a model does on `rows` now, for the epoch's record."""
    places = rows["place"].to_numpy()
    labels = rows["label"].to_numpy()

    def seen(number: int, tokens: int, examples: int) -> None:
        watch.count("forward", tokens=tokens, examples=examples)
        watch.check()

    def probe(model: nn.Module) -> dict[str, Any]:
        if not len(places):
            return {}
        readings = run_inference(model, tokens, places, embed=False, on_batch=seen)
        assert readings.logits is not None
        log_odds = np.diff(readings.logits.astype(np.float64), axis=1)[:, 0]
        return {"validation": class_metrics(labels, sigmoid(log_odds), prior=prior)}

    return probe
