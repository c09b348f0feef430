"""Hidden over-fitting: do the positives over-fit more than the negatives, which accuracy can't show?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from closecall.analysis.causes.separability import Answer, decide
from closecall.analysis.intervals import Estimate, independent_difference, wilson
from closecall.analysis.seeds import widen_for_seeds
from closecall.analysis.validation import Bools, Floats, both_classes

MARGIN = 0.10
"""How far the gap of the positives must exceed that of the negatives."""
_CLASSES = (("positives", "recall_at_prior"), ("negatives", "true_negative_rate_at_prior"))
_SPLITS = ("train", "validation")


def gaps_of_history(history: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The frame of `class_gaps` from the records of each epoch that a run's metrics have under "history".

    Each record has "epoch" and, under "train" and "validation", `n_positives, n_negatives, recall_at_prior,
    true_negative_rate_at_prior, nll_positives, nll_negatives`. Training values are from the forward passes of the
    epoch's own steps, with dropout, so they lag: gaps are too small, for both classes. Epochs without validation or
    without one of the classes are left out.
    """
    rows = [_record_row(record) for record in history]
    return _with_gaps([row for row in rows if row is not None])


def _record_row(record: Mapping[str, Any]) -> dict[str, float] | None:
    row: dict[str, float] = {"epoch": record["epoch"]}
    for split in _SPLITS:
        metrics = record.get(split, {})
        for kind, recall in _CLASSES:
            n, share = metrics.get(f"n_{kind}", 0), metrics.get(recall)
            if not n or share is None:
                return None
            row[f"{split}_{kind}"], row[f"{split}_{kind}_right"] = n, round(share * n)
            row[f"{split}_nll_{kind}"] = metrics.get(f"nll_{kind}", np.nan)
    return row


def class_gaps(
    train_logits: ArrayLike,
    train_labels: ArrayLike,
    val_logits: ArrayLike,
    val_labels: ArrayLike,
    *,
    threshold: float | None = None,
) -> pd.DataFrame:
    """By how much is recall higher on training texts than on validation texts, for each class and epoch?

    One row for each epoch: `epoch` (from 1); `gap_positives`, recall on training minus on validation, and
    `gap_negatives`, the same of specificity; `excess`, the difference of both gaps, each with `_low, _high`; the mean
    loss of each class, `train_nll_positives` and so on; and the counts. Right: a positive's logit above `threshold`, a
    negative's at or below it; by default ln(n+/n-) of training, which corrects for the prior. Intervals: Wilson limits
    of four independent shares, joined by `independent_difference`. `train_logits` (epochs, n), nan where not seen;
    `val_logits` (epochs, m). For the finished model alone give one row of each. Raises ValueError for other shapes.
    """
    train, validation = both_classes(train_labels), both_classes(val_labels)
    at = float(np.log(train.sum() / (~train).sum())) if threshold is None else threshold
    seen = _epochs(train_logits, len(train), "train_logits"), _epochs(val_logits, len(validation), "val_logits")
    if len(seen[0]) != len(seen[1]):
        raise ValueError(f"Logits must be of the same epochs; there are {len(seen[0])} and {len(seen[1])}.")
    rows = []
    for epoch, logits in enumerate(zip(*seen, strict=True), start=1):
        row: dict[str, float] = {"epoch": epoch}
        for split, positive, values in zip(_SPLITS, (train, validation), logits, strict=True):
            row |= _counts(split, positive, values, at)
        rows.append(row)
    return _with_gaps(rows)


def _epochs(logits: ArrayLike, n: int, name: str) -> Floats:
    table = np.asarray(logits, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != n or not len(table):
        raise ValueError(f"{name} must have the shape (epochs, {n}) with at least one epoch; it is {table.shape}.")
    return table


def _counts(split: str, positive: Bools, logits: Floats, threshold: float) -> dict[str, float]:
    row: dict[str, float] = {}
    for kind, mask, sign in (("positives", positive, 1), ("negatives", ~positive, -1)):
        values = logits[mask & ~np.isnan(logits)]
        right = values > threshold if sign > 0 else values <= threshold
        if not len(values):
            raise ValueError(f"No {kind[:-1]} of {split} was seen in an epoch.")
        row[f"{split}_{kind}"], row[f"{split}_{kind}_right"] = len(values), int(right.sum())
        row[f"{split}_nll_{kind}"] = float(np.logaddexp(0.0, -sign * values).mean())
    return row


def _with_gaps(rows: list[dict[str, float]]) -> pd.DataFrame:
    """Adds gaps and their difference with intervals to the counts of each epoch."""
    for row in rows:
        gaps = {}
        for kind, _ in _CLASSES:
            train, validation = (_recall(row, split, kind) for split in _SPLITS)
            gaps[f"gap_{kind}"] = independent_difference(train, validation)
        gaps["excess"] = independent_difference(gaps["gap_positives"], gaps["gap_negatives"])
        for name, gap in gaps.items():
            row |= {name: gap.value, f"{name}_low": gap.low, f"{name}_high": gap.high}
    return pd.DataFrame(rows)


def _recall(row: Mapping[str, float], split: str, kind: str) -> Estimate:
    right, n = row[f"{split}_{kind}_right"], row[f"{split}_{kind}"]
    low, high = wilson(right, n)
    return Estimate(right / n, float(low), float(high))


def loss_turns(gaps: pd.DataFrame) -> bool:
    """Whether the validation loss of the positives rises for two epochs in a row while their training loss falls.

    `gaps`: frame of one run with one row for each epoch.
    """
    if len(gaps) < 3:
        return False
    validation, train = np.diff(gaps["validation_nll_positives"]), np.diff(gaps["train_nll_positives"])
    turned = (validation > 0) & (train < 0)
    return bool((turned[1:] & turned[:-1]).any())


@dataclass(frozen=True)
class HiddenOverfitting:
    """`excess`: gap of the positives minus gap of the negatives in the last epoch; `by_gap`, `by_loss`: which rule.

    `needed`: validation positives that would decide about the gap, only with "too few".
    """

    answer: Answer
    excess: Estimate | None
    by_gap: bool
    by_loss: bool
    needed: int | None


def hidden_overfitting(
    final: Sequence[pd.DataFrame], epochs: Sequence[pd.DataFrame] = (), *, margin: float = MARGIN
) -> HiddenOverfitting:
    """Do the positives over-fit where the negatives do not? For the runs of one ratio and remedy, one frame a seed.

    By gap: the excess in the last row of `final`, averaged over the seeds, is at least `margin`, and its interval,
    widened for seeds, excludes 0. By loss: `loss_turns` in more than half of the runs; `epochs` has the frames with one
    row for each epoch, by default `final`. Not measurable without a row.
    """
    last = [frame.iloc[-1] for frame in final if len(frame)]
    curves = [frame for frame in (epochs or final) if len(frame)]
    by_loss = 2 * sum(map(loss_turns, curves)) > len(curves) if curves else False
    if not last:
        return HiddenOverfitting("present" if by_loss else "not measurable", None, False, by_loss, None)
    values = np.array([[row["excess"], row["excess_low"], row["excess_high"]] for row in last])
    excess = widen_for_seeds(Estimate(*map(float, values.mean(axis=0))), values[:, 0])
    n = int(np.mean([row["validation_positives"] for row in last]))
    answer, needed = decide(excess, n, margin=margin)
    by_gap = answer == "present"
    return HiddenOverfitting("present" if by_loss else answer, excess, by_gap, by_loss, None if by_loss else needed)
