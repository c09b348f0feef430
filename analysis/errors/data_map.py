"""Data map: how training went for each example, from its probabilities over the epochs."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from closecall.analysis.validation import Floats, as_labels

REGIONS = ("hard to learn", "ambiguous", "easy")
EDGE = 1e-7
"""Probabilities are clipped this far from 0 and 1 was_right a logit is taken."""


def data_map(labels: ArrayLike, pos_probs: ArrayLike) -> pd.DataFrame:
    """Data map statistics of each training example (Swayamdipta et al. 2020), with ranks within the class.

    `labels` (n,), `pos_probs` (epochs, n): positive probability during training, nan where not seen. p: the probability
    of the example's own class. One row for each example: `confidence` mean of p over epochs, 0 to 1; `variability` its
    population standard deviation, 0 to 0.5; `correctness` share of epochs with a correct prediction at threshold 0.50;
    `forgetting` number of changes from correct to wrong; `margin` mean of ln p/(1-p), after the area under the margin
    of Pleiss et al. 2020; `confidence_rank`, `variability_rank` (see `class_ranks`); `region` one of REGIONS or "" (see
    `regions`). nan and "" for an example never seen. Raises ValueError for other shapes or no epoch.
    """
    positive = as_labels(labels)
    probs = _epochs(pos_probs, len(positive))
    own = np.where(positive, probs, 1 - probs)
    seen = ~np.isnan(own)
    epochs_seen = seen.sum(axis=0)
    right = seen & ((probs >= 0.5) == positive)
    confidence = _mean(own, epochs_seen)
    columns = {
        "confidence": confidence,
        "variability": np.sqrt(_mean((own - confidence) ** 2, epochs_seen)),
        "correctness": np.where(epochs_seen > 0, right.sum(axis=0) / np.maximum(epochs_seen, 1), np.nan),
        "forgetting": np.where(epochs_seen > 0, _forgetting_events(right, seen), np.nan),
        "margin": _mean(_logit(own), epochs_seen),
    }
    frame = pd.DataFrame(columns)
    frame["confidence_rank"] = class_ranks(positive, frame["confidence"])
    frame["variability_rank"] = class_ranks(positive, frame["variability"])
    frame["region"] = regions(frame["confidence_rank"], frame["variability_rank"])
    return frame


def class_ranks(labels: ArrayLike, values: ArrayLike) -> Floats:
    """Rank of each value within its class, (rank - 1/2) / n; ties share their mean rank.

    Within the class, because at 1:10 the lowest third of all examples is mostly positives. Strictly between 0 and 1;
    nan for a missing value. Shapes (n,).
    """
    positive, numbers = as_labels(labels), np.asarray(values, dtype=np.float64)
    ranks = np.full(len(numbers), np.nan)
    for label in (True, False):
        rows = np.flatnonzero((positive == label) & ~np.isnan(numbers))
        ranks[rows] = (pd.Series(numbers[rows]).rank().to_numpy() - 0.5) / max(len(rows), 1)
    return ranks


def regions(confidence_rank: ArrayLike, variability_rank: ArrayLike) -> np.ndarray:
    """Region of the data map of each example, by thirds of its class.

    Ambiguous: the third with the highest variability. Of the others, hard to learn: the third with the lowest
    confidence; easy: the third with the highest. "" for the rest and for nan.
    """
    confidence, variability = np.asarray(confidence_rank, float), np.asarray(variability_rank, float)
    named = np.full(len(confidence), "", dtype=object)
    named[confidence < 1 / 3] = "hard to learn"
    named[confidence > 2 / 3] = "easy"
    named[variability > 2 / 3] = "ambiguous"
    return named


def confidence_change(confidences: ArrayLike) -> pd.DataFrame:
    """Change of each positive's confidence from the smallest to the largest ratio.

    `confidences` (ratios, n): ratios increasing, columns the same examples. One row for each: `first`, `last`, `change`
    (last - first), `first_rank`, `last_rank`, `rank_change`. Ranks are among these examples (see `class_ranks`): a
    lower rank is a fall beyond that of the others. Raises ValueError for fewer than two ratios.
    """
    by_ratio = np.asarray(confidences, dtype=np.float64)
    if by_ratio.ndim != 2 or len(by_ratio) < 2:
        raise ValueError(f"A change needs the confidences of two ratios or more; the shape is {by_ratio.shape}.")
    first, last = by_ratio[0], by_ratio[-1]
    one_class = np.ones(by_ratio.shape[1], dtype=bool)
    ranks = [class_ranks(one_class, one) if by_ratio.shape[1] else one for one in (first, last)]
    return pd.DataFrame({
        "first": first, "last": last, "change": last - first,
        "first_rank": ranks[0], "last_rank": ranks[1], "rank_change": ranks[1] - ranks[0],
    })  # fmt: skip


def _epochs(pos_probs: ArrayLike, n: int) -> Floats:
    probs = np.asarray(pos_probs, dtype=np.float64)
    if probs.ndim != 2 or probs.shape[1] != n or not len(probs):
        raise ValueError(f"pos_probs must have the shape (epochs, {n}) with at least one epoch; it is {probs.shape}.")
    if len(probs) and (np.nanmin(probs, initial=0) < 0 or np.nanmax(probs, initial=1) > 1):
        raise ValueError("pos_probs must lie between 0 and 1.")
    return probs


def _mean(values: Floats, epochs_seen: np.ndarray) -> Floats:
    """Mean over the epochs that have a value, nan where none has."""
    return np.where(epochs_seen > 0, np.nansum(values, axis=0) / np.maximum(epochs_seen, 1), np.nan)


def _forgetting_events(right: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """How often an example is wrong right after it was right, over the epochs in which it was seen."""
    events, was_right = np.zeros(right.shape[1]), np.zeros(right.shape[1], dtype=bool)
    for now, seen_now in zip(right, seen, strict=True):
        events += was_right & seen_now & ~now
        was_right = np.where(seen_now, now, was_right)
    return events


def _logit(probs: Floats) -> Floats:
    inner = np.clip(probs, EDGE, 1 - EDGE)
    return np.log(inner) - np.log1p(-inner)
