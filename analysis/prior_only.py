"""What an honest classifier would lose by the ratio alone, and what was lost beyond that."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.bootstrap import percentile_interval, resampled_means
from analysis.checks import Floats, as_probs, as_runs, both_classes
from analysis.intervals import Estimate


def prior_only_curve(
    labels: ArrayLike, logits: ArrayLike, ratios: ArrayLike, *, reference_ratio: float = 1.0
) -> pd.DataFrame:
    """Which rates would the reference run show had only its prior moved to each ratio? (derived)

    Recall: share of positives whose calibrated logit exceeds ln(r/r0); true-negative rate: share of negatives at or
    below it. Assumes calibrated logits at the reference ratio r0 and nothing else changed by the extra negatives.
    `logits` (n,) or (seeds, n), averaged over seeds. Columns `ratio, recall, true_negative_rate`.
    """
    positive = both_classes(labels)
    runs = as_runs(logits, len(positive), name="logits")
    levels = np.atleast_1d(np.asarray(ratios, dtype=np.float64))
    shifts = _shifts(levels, reference_ratio)
    above = [runs > shift for shift in shifts]
    recall = [called[:, positive].mean() for called in above]
    kept = [1 - called[:, ~positive].mean() for called in above]
    return pd.DataFrame({"ratio": levels, "recall": recall, "true_negative_rate": kept})


def _shifts(ratios: Floats, reference_ratio: float) -> Floats:
    if not ((ratios > 0).all() and reference_ratio > 0):
        raise ValueError("Ratios must be above 0.")
    return np.log(ratios / reference_ratio)


def excess_drop(
    labels: ArrayLike,
    reference_logits: ArrayLike,
    pos_probs: ArrayLike,
    *,
    ratio: float,
    reference_ratio: float = 1.0,
    threshold: float = 0.5,
    draws: int = 1000,
    seed: int = 0,
) -> Estimate:
    """How much more recall was lost at a ratio than its prior explains? (derived)

    Prior-only recall less observed recall. About 0: the model is honest, choose a threshold; above 0: something else
    broke (sparsity, regularisation, collapse); below 0: it moved less than its prior says. `reference_logits` are
    calibrated, (seeds, n) or (n,), rows paired by seed with `pos_probs`. Bootstrap over the positives, the same draw
    for both, crossed with seeds; the calibration is held fixed, so the interval leaves its error out.
    """
    positive = both_classes(labels)
    reference = as_runs(reference_logits, len(positive), name="reference_logits")
    probs = as_probs(pos_probs, len(positive))
    if reference.shape != probs.shape:
        raise ValueError(f"Both sides need the same seeds; there are {len(reference)} and {len(probs)} runs.")
    (shift,) = _shifts(np.array([ratio], dtype=np.float64), reference_ratio)
    expected, observed = reference[:, positive] > shift, probs[:, positive] >= threshold
    excess = expected.astype(np.float64) - observed
    return percentile_interval(float(excess.mean()), resampled_means(excess[None], draws=draws, seed=seed)[0])
