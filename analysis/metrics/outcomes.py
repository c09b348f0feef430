"""What happened to each example in a run, and what that adds up to."""

from dataclasses import dataclass
from math import nan

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from closecall.analysis.intervals import wilson
from closecall.analysis.validation import Bools, as_labels, as_probs, same_runs

OUTCOMES = ("tn", "fp", "fn", "tp")
"""Codes of the outcomes, at 2 * label + predicted: the one vocabulary of tables, links and exported files."""
OUTCOME_NAME = {"fn": "false negative", "fp": "false positive", "tp": "true positive", "tn": "true negative"}
OUTCOME_NAMES = {code: f"{name}s" for code, name in OUTCOME_NAME.items()}
OUTCOME_MARKS = {"fn": "✕", "fp": "▲", "tp": "◆", "tn": "●"}
"""A sign for each outcome, so that colour never stands alone."""
COLLAPSED_RECALL = 0.02


@dataclass(frozen=True)
class Confusion:
    """How many examples met each outcome: true positives, misses, false alarms, true negatives. nan: undefined."""

    tp: int
    fn: int
    fp: int
    tn: int

    @property
    def n_positives(self) -> int:
        return self.tp + self.fn

    @property
    def n_negatives(self) -> int:
        return self.fp + self.tn

    @property
    def recall(self) -> float:
        """Share of positives found, tp / (tp + fn)."""
        return _share(self.tp, self.n_positives)

    @property
    def true_negative_rate(self) -> float:
        """Share of negatives left alone, tn / (tn + fp)."""
        return _share(self.tn, self.n_negatives)

    @property
    def false_positive_rate(self) -> float:
        """Share of negatives that raise a false alarm, fp / (tn + fp)."""
        return _share(self.fp, self.n_negatives)

    @property
    def precision(self) -> float:
        """Share of alerts that are right, tp / (tp + fp), at this sample's own prevalence."""
        return _share(self.tp, self.tp + self.fp)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 2 tp / (2 tp + fp + fn), at this sample's own prevalence."""
        return _share(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def accuracy(self) -> float:
        """Share of all examples that are right, at this sample's own prevalence."""
        return _share(self.tp + self.tn, self.n_positives + self.n_negatives)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else nan


def predicted(pos_probs: NDArray[np.float64], threshold: ArrayLike) -> Bools:
    """Which examples each run calls positive: probability >= threshold. Shapes (runs, n) and () or (runs,)."""
    cuts = np.asarray(same_runs(threshold, runs=len(pos_probs))[0], dtype=np.float64)
    return pos_probs >= cuts[:, None]


def outcomes(labels: ArrayLike, pos_probs: ArrayLike, *, threshold: ArrayLike = 0.5) -> NDArray[np.str_]:
    """What happened to each example: "tp", "fn" (miss), "fp" (false alarm) or "tn".

    An example is called positive when its probability is at least the threshold. `pos_probs` is (n,) or (runs, n),
    `threshold` one value or one for each run; the answer has the shape of `pos_probs`.
    """
    positive = as_labels(labels)
    called = predicted(as_probs(pos_probs, len(positive)), threshold)
    names = np.array(OUTCOMES)[2 * positive[None, :] + called]
    return names.reshape(np.shape(pos_probs))


def confusion(labels: ArrayLike, pos_probs: ArrayLike, *, threshold: float = 0.5) -> Confusion:
    """How many examples of one run met each outcome. `labels` and `pos_probs` have the shape (n,)."""
    if np.ndim(pos_probs) != 1:
        raise ValueError("A confusion matrix is made from one run; pos_probs must have one value for each label.")
    positive = as_labels(labels)
    called = predicted(as_probs(pos_probs, len(positive)), threshold)[0]
    counts = np.bincount(2 * positive + called, minlength=4)
    tn, fp, fn, tp = (int(count) for count in counts)
    return Confusion(tp=tp, fn=fn, fp=fp, tn=tn)


def class_recalls(labels: ArrayLike, pos_probs: ArrayLike, *, threshold: float = 0.5) -> pd.DataFrame:
    """How many of each class does one run get right, and how sure is that?

    Two rows, positives (label 1) first: `label, right, n, recall, low, high`, with Wilson's 95 % interval.
    """
    counts = confusion(labels, pos_probs, threshold=threshold)
    right = np.array([counts.tp, counts.tn])
    n = np.array([counts.n_positives, counts.n_negatives])
    low, high = wilson(right, n)
    recall = [counts.recall, counts.true_negative_rate]
    return pd.DataFrame({"label": [1, 0], "right": right, "n": n, "recall": recall, "low": low, "high": high})


def outcome_table(labels: ArrayLike, pos_probs: ArrayLike, *, threshold: ArrayLike = 0.5) -> pd.DataFrame:
    """How does each run do, all runs side by side?

    `pos_probs` is (runs, n), `threshold` one value or one for each run. One row for each run, in order: `threshold, tp,
    fn, fp, tn, recall, recall_low, recall_high, true_negative_rate, tnr_low, tnr_high, precision, f1, accuracy,
    collapsed`; Wilson's 95 % intervals; precision, f1 and accuracy at the sample's own prevalence.
    """
    positive = as_labels(labels)
    probs = as_probs(pos_probs, len(positive))
    called = predicted(probs, threshold)
    tp, fp = called[:, positive].sum(1), called[:, ~positive].sum(1)
    tables = [
        Confusion(int(t), int(positive.sum() - t), int(f), int((~positive).sum() - f))
        for t, f in zip(tp, fp, strict=True)
    ]
    names = ("tp", "fn", "fp", "tn", "recall", "true_negative_rate", "precision", "f1", "accuracy")
    frame = pd.DataFrame({name: [getattr(table, name) for table in tables] for name in names})
    frame.insert(0, "threshold", same_runs(threshold, runs=len(probs))[0])
    low, high = wilson(tp, np.full(len(tp), positive.sum()))
    frame.insert(6, "recall_low", low)
    frame.insert(7, "recall_high", high)
    low, high = wilson(frame["tn"].to_numpy(), np.full(len(tp), (~positive).sum()))
    frame.insert(9, "tnr_low", low)
    frame.insert(10, "tnr_high", high)
    frame["collapsed"] = _collapsed(positive, called)
    return frame


def collapsed(labels: ArrayLike, pos_probs: ArrayLike, *, threshold: ArrayLike = 0.5) -> Bools:
    """Which runs learned nothing: predict one class only, or find at most 2 % of the positives. Shape (runs,).

    Report how many collapsed and leave them out of every average (Mosbach et al. 2021 on unstable fine-tuning).
    """
    positive = as_labels(labels)
    return _collapsed(positive, predicted(as_probs(pos_probs, len(positive)), threshold))


def _collapsed(positive: Bools, called: Bools) -> Bools:
    alerts = called.sum(axis=1)
    nothing_learned = (alerts == 0) | (alerts == called.shape[1])
    if positive.any():
        nothing_learned |= called[:, positive].mean(axis=1) <= COLLAPSED_RECALL
    return nothing_learned
