"""What training found easy and what it never learned: each training example by what it was told while training."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from closecall.analysis.validation import Floats, as_labels

REGIONS = ("hard to learn", "ambiguous", "easy")
EDGE = 1e-7
"""Probabilities are read as at least this far from 0 and 1 before a logit is taken."""


def data_map(labels: ArrayLike, pos_probs: ArrayLike) -> pd.DataFrame:
    """How did training go for each example? Data map (Swayamdipta et al. 2020) with ranks within the class.

    `labels` (n,), `pos_probs` (epochs, n): the positive class's probability while training, nan where not seen.
    p is the probability of the example's own class in an epoch. One row for each example:
    `confidence` mean of p over epochs, 0 to 1; `variability` its population standard deviation, 0 to .5;
    `correctness` share of epochs that were right (called positive from .5 on), 0 to 1; `forgetting` turns from right to
    wrong; `margin` mean of ln p/(1-p), the signed margin (after Pleiss et al. 2020: AUM); `confidence_rank` and
    `variability_rank` within the class, 0 lowest to 1 highest (see `class_ranks`); `region` one of REGIONS or "" for
    neither (see `regions`). An example that was never seen has nan and "". ValueError for other shapes or no epoch.
    """
    positive = as_labels(labels)
    probs = _epochs(pos_probs, len(positive))
    own = np.where(positive, probs, 1 - probs)
    seen = ~np.isnan(own)
    times = seen.sum(axis=0)
    right = seen & ((probs >= 0.5) == positive)
    confidence = _mean(own, times)
    columns = {
        "confidence": confidence,
        "variability": np.sqrt(_mean((own - confidence) ** 2, times)),
        "correctness": np.where(times > 0, right.sum(axis=0) / np.maximum(times, 1), np.nan),
        "forgetting": np.where(times > 0, _turns(right, seen), np.nan),
        "margin": _mean(_logit(own), times),
    }
    frame = pd.DataFrame(columns)
    frame["confidence_rank"] = class_ranks(positive, frame["confidence"])
    frame["variability_rank"] = class_ranks(positive, frame["variability"])
    frame["region"] = regions(frame["confidence_rank"], frame["variability_rank"])
    return frame


def class_ranks(labels: ArrayLike, values: ArrayLike) -> Floats:
    """Where does each value stand among those of its own class? (rank - 1/2) / n, equal values share their mean rank.

    Within the class, since at 1:10 the lower third of all examples is mostly positives, whatever they are. Between 0
    and 1, both left out; nan for a missing value. Shapes (n,).
    """
    positive, numbers = as_labels(labels), np.asarray(values, dtype=np.float64)
    ranks = np.full(len(numbers), np.nan)
    for label in (True, False):
        rows = np.flatnonzero((positive == label) & ~np.isnan(numbers))
        ranks[rows] = (pd.Series(numbers[rows]).rank().to_numpy() - 0.5) / max(len(rows), 1)
    return ranks


def regions(confidence_rank: ArrayLike, variability_rank: ArrayLike) -> np.ndarray:
    """Which region of the data map does each example lie in? By thirds of its class.

    Ambiguous: the third of its class with the highest variability. Of the others, hard to learn: in the third with the
    lowest confidence; easy: in the third with the highest. "" for what lies between, and for nan.
    """
    confidence, variability = np.asarray(confidence_rank, float), np.asarray(variability_rank, float)
    named = np.full(len(confidence), "", dtype=object)
    named[confidence < 1 / 3] = "hard to learn"
    named[confidence > 2 / 3] = "easy"
    named[variability > 2 / 3] = "ambiguous"
    return named


def movement(confidences: ArrayLike) -> pd.DataFrame:
    """How does each positive move as negatives come in? From the smallest ratio to the largest.

    `confidences` (ratios, n): its confidence at each ratio, ratios rising, every column the same example. One row for
    each: `first`, `last`, `change` (last - first, below 0: it fell), `first_rank`, `last_rank` and `rank_change`, its
    place among these examples (see `class_ranks`): a fall in rank is a fall beyond what all of them did. ValueError for
    fewer than two ratios.
    """
    told = np.asarray(confidences, dtype=np.float64)
    if told.ndim != 2 or len(told) < 2:
        raise ValueError(f"A movement needs the confidences of two ratios or more; the shape is {told.shape}.")
    first, last = told[0], told[-1]
    same = np.ones(told.shape[1], dtype=bool)
    ranks = [class_ranks(same, one) if told.shape[1] else one for one in (first, last)]
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


def _mean(values: Floats, times: np.ndarray) -> Floats:
    """The mean over the epochs that have a value, nan where none has."""
    return np.where(times > 0, np.nansum(values, axis=0) / np.maximum(times, 1), np.nan)


def _turns(right: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """How often an example that was right is wrong the next time it is seen."""
    turns, before = np.zeros(right.shape[1]), np.zeros(right.shape[1], dtype=bool)
    for now, met in zip(right, seen, strict=True):
        turns += before & met & ~now
        before = np.where(met, now, before)
    return turns


def _logit(probs: Floats) -> Floats:
    inner = np.clip(probs, EDGE, 1 - EDGE)
    return np.log(inner) - np.log1p(-inner)
