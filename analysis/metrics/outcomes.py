"""Outcomes of predictions at a threshold: confusion counts, rates, collapsed runs and runs at chance level."""

from dataclasses import dataclass
from math import nan

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from closecall.analysis.formatting import probability_text, ratio_text
from closecall.analysis.intervals import wilson
from closecall.analysis.metrics.ranking import auc_interval
from closecall.analysis.validation import Bools, Floats, as_labels, as_probs, per_run

OUTCOMES = ("tn", "fp", "fn", "tp")
"""Outcome codes at index 2 * label + predicted class, used in tables, links and exported files."""
OUTCOME_NAME = {"fn": "false negative", "fp": "false positive", "tp": "true positive", "tn": "true negative"}
OUTCOME_NAMES = {code: f"{name}s" for code, name in OUTCOME_NAME.items()}
OUTCOME_MARKS = {"fn": "✕", "fp": "▲", "tp": "◆", "tn": "●"}
"""A sign for each outcome, shown beside its colour."""
ONE_CLASS_SHARE = 0.02
"""A run predicts one class when at most this share of the examples of each class gets the other prediction."""
CHANCE_AUC = 0.6
"""Below this AUC, or with an interval that holds 0.5, scores hardly tell the classes apart."""


@dataclass(frozen=True)
class Confusion:
    """Confusion counts of one run at one threshold. Rates are 0 to 1, nan where undefined."""

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
        """True-positive rate, tp / (tp + fn)."""
        return _share(self.tp, self.n_positives)

    @property
    def specificity(self) -> float:
        """Specificity, tn / (tn + fp)."""
        return _share(self.tn, self.n_negatives)

    @property
    def false_positive_rate(self) -> float:
        """fp / (tn + fp) = 1 - specificity."""
        return _share(self.fp, self.n_negatives)

    @property
    def precision(self) -> float:
        """tp / (tp + fp), at this sample's prevalence."""
        return _share(self.tp, self.tp + self.fp)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 2 tp / (2 tp + fp + fn), at this sample's prevalence."""
        return _share(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def accuracy(self) -> float:
        """(tp + tn) / n, at this sample's prevalence."""
        return _share(self.tp + self.tn, self.n_positives + self.n_negatives)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else nan


def predicted(pos_probs: NDArray[np.float64], threshold: ArrayLike) -> Bools:
    """Which examples does each run predict as positive: probability >= threshold?

    `pos_probs` (runs, n), `threshold` () or (runs,); answer (runs, n). Raises ValueError for other shapes.
    """
    thresholds = np.asarray(per_run(threshold, runs=len(pos_probs))[0], dtype=np.float64)
    return pos_probs >= thresholds[:, None]


def outcomes(labels: ArrayLike, pos_probs: ArrayLike, *, threshold: ArrayLike = 0.5) -> NDArray[np.str_]:
    """The outcome of each example: "tp", "fn", "fp" or "tn".

    Predicted positive: probability >= threshold. `labels` (n,); `pos_probs` (n,) or (runs, n); `threshold` one value or
    one for each run. The answer has the shape of `pos_probs`.
    """
    positive = as_labels(labels)
    predictions = predicted(as_probs(pos_probs, len(positive)), threshold)
    names = np.array(OUTCOMES)[2 * positive[None, :] + predictions]
    return np.asarray(names.reshape(np.shape(pos_probs)))


def confusion(labels: ArrayLike, pos_probs: ArrayLike, *, threshold: float = 0.5) -> Confusion:
    """Confusion counts of one run. Shapes (n,); raises ValueError for several runs."""
    if np.ndim(pos_probs) != 1:
        raise ValueError("A confusion matrix is made from one run; pos_probs must have one value for each label.")
    positive = as_labels(labels)
    predictions = predicted(as_probs(pos_probs, len(positive)), threshold)[0]
    counts = np.bincount(2 * positive + predictions, minlength=4)
    tn, fp, fn, tp = (int(count) for count in counts)
    return Confusion(tp=tp, fn=fn, fp=fp, tn=tn)


def outcome_table(labels: ArrayLike, pos_probs: ArrayLike, *, threshold: ArrayLike = 0.5) -> pd.DataFrame:
    """Confusion counts and rates of each run.

    `labels` (n,), `pos_probs` (runs, n), `threshold` one value or one for each run. One row for each run, in order:
    `threshold, tp, fn, fp, tn, recall, recall_low, recall_high, specificity, specificity_low, specificity_high,
    precision, f1, accuracy, collapsed`. Intervals: Wilson, 95 %. Precision, F1 and accuracy are at the
    sample's prevalence.
    """
    positive = as_labels(labels)
    probs = as_probs(pos_probs, len(positive))
    predictions = predicted(probs, threshold)
    tp, fp = predictions[:, positive].sum(1), predictions[:, ~positive].sum(1)
    tables = [
        Confusion(int(t), int(positive.sum() - t), int(f), int((~positive).sum() - f))
        for t, f in zip(tp, fp, strict=True)
    ]
    names = ("tp", "fn", "fp", "tn", "recall", "specificity", "precision", "f1", "accuracy")
    frame = pd.DataFrame({name: [getattr(table, name) for table in tables] for name in names})
    frame.insert(0, "threshold", per_run(threshold, runs=len(probs))[0])
    low, high = wilson(tp, np.full(len(tp), positive.sum()))
    frame.insert(6, "recall_low", low)
    frame.insert(7, "recall_high", high)
    low, high = wilson(frame["tn"].to_numpy(), np.full(len(tp), (~positive).sum()))
    frame.insert(9, "specificity_low", low)
    frame.insert(10, "specificity_high", high)
    frame["collapsed"] = _collapsed(positive, probs, predictions)
    return frame


def collapsed(labels: ArrayLike, pos_probs: ArrayLike, *, threshold: ArrayLike = 0.5) -> Bools:
    """Which runs predict one class at the threshold and hardly tell the classes apart at any threshold? Shape (runs,).

    One class: at most ONE_CLASS_SHARE of the positives and of the negatives get the other prediction. Hardly: the 95 %
    interval of the AUC (`auc_interval`) holds 0.5, or the AUC is below CHANCE_AUC. A run with a good AUC and no
    predicted positives needs another threshold; it has not collapsed. Report the number of collapsed runs and leave
    them out of every average (Mosbach et al. 2021 on unstable fine-tuning). `labels` (n,), `pos_probs` (runs, n),
    `threshold` one value or one for each run. Without both classes no run counts as collapsed.
    """
    positive = as_labels(labels)
    probs = as_probs(pos_probs, len(positive))
    return _collapsed(positive, probs, predicted(probs, threshold))


def _collapsed(positive: Bools, probs: Floats, predictions: Bools) -> Bools:
    one_class = _one_class(positive, predictions)
    return np.array([run and any(_holds_half(positive, row)) for run, row in zip(one_class, probs, strict=True)], bool)


def _one_class(positive: Bools, predictions: Bools) -> Bools:
    """Which runs give the same prediction to nearly all examples of each class; all of them without both classes."""
    if positive.all() or not positive.any():
        return np.ones(len(predictions), dtype=np.bool_)
    true_positives, n_positives = (predictions & positive).sum(axis=1), int(positive.sum())
    false_positives, n_negatives = predictions.sum(axis=1) - true_positives, len(positive) - n_positives
    shares = np.stack([true_positives / n_positives, false_positives / n_negatives])
    return np.asarray((shares <= ONE_CLASS_SHARE).all(axis=0) | (shares >= 1 - ONE_CLASS_SHARE).all(axis=0))


def _holds_half(positive: Bools, probs: Floats) -> tuple[bool, bool]:
    """Does the interval of the AUC hold 0.5, and is the AUC below CHANCE_AUC? Neither without both classes."""
    if positive.all() or not positive.any():
        return False, False
    area = auc_interval(positive, probs)
    return area.low <= 0.5 <= area.high, area.value < CHANCE_AUC


def error_reason(label: int, pos_prob: float, *, ratio: float, threshold: float) -> str:
    """Why an example is on the hard-case list: "false negative at 1:10 (probability 0.12, threshold 0.50)"."""
    outcome = OUTCOME_NAME[OUTCOMES[2 * int(label) + int(pos_prob >= threshold)]]
    values = f"probability {probability_text(pos_prob)}, threshold {probability_text(threshold)}"
    return f"{outcome} at {ratio_text(ratio)} ({values})"
