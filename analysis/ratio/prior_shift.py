"""What the class prior alone predicts at each ratio, and the drop in recall beyond it."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from closecall.analysis.bootstrap import percentile_interval, resample_counts
from closecall.analysis.intervals import Estimate
from closecall.analysis.metrics.calibration import calibration_slopes, log_odds
from closecall.analysis.seeds import widen_for_seeds
from closecall.analysis.validation import Bools, Floats, as_probs, as_runs, both_classes


def prior_shift_curve(
    labels: ArrayLike, logits: ArrayLike, ratios: ArrayLike, *, reference_ratio: float = 1.0
) -> pd.DataFrame:
    """Recall and specificity that the class prior alone predicts at each ratio (derived).

    Recall: share of positives whose calibrated logit is at least ln(r/r0); specificity: share of negatives below it.
    Assumes calibrated logits at the reference ratio r0, and that additional negatives change nothing else. `logits`
    (n,) or (seeds, n), averaged over seeds. Columns `ratio, recall, specificity`. Raises ValueError unless
    ratios are above 0.
    """
    positive = both_classes(labels)
    runs = as_runs(logits, len(positive), name="logits")
    levels = np.atleast_1d(np.asarray(ratios, dtype=np.float64))
    shifts = _shifts(levels, reference_ratio)
    predictions = [runs >= shift for shift in shifts]
    recall = [one[:, positive].mean() for one in predictions]
    specificity = [1 - one[:, ~positive].mean() for one in predictions]
    return pd.DataFrame({"ratio": levels, "recall": recall, "specificity": specificity})


def _shifts(ratios: Floats, reference_ratio: float) -> Floats:
    if not ((ratios > 0).all() and reference_ratio > 0):
        raise ValueError("Ratios must be above 0.")
    return np.log(ratios / reference_ratio)


def excess_drop(
    labels: ArrayLike,
    reference_pos_probs: ArrayLike,
    pos_probs: ArrayLike,
    *,
    calibrated_on: tuple[ArrayLike, ArrayLike],
    ratio: float,
    reference_ratio: float = 1.0,
    threshold: float = 0.5,
    draws: int = 500,
    seed: int = 0,
) -> Estimate:
    """Drop in recall at a ratio beyond what the class prior alone predicts (derived).

    Recall predicted by the prior minus observed recall. About 0: choose a threshold. Above 0: a loss beyond the prior
    (sparsity, regularisation, collapse). Below 0: less than predicted. The reference runs' probabilities (seeds, n) are
    calibrated by one temperature each on `calibrated_on`: labels (m,) and probabilities (seeds, m) of validation. Rows
    are paired by seed. Bootstrap over positives, the same draws for both, with slopes drawn from their normal
    approximation; widened for seeds. Raises ValueError for other shapes.
    """
    positive = both_classes(labels)
    reference = as_probs(reference_pos_probs, len(positive), name="reference_pos_probs")
    probs = as_probs(pos_probs, len(positive))
    val_positive = both_classes(calibrated_on[0])
    chosen = as_probs(calibrated_on[1], len(val_positive), name="The validation probabilities")
    if not len(reference) == len(probs) == len(chosen):
        raise ValueError(f"All need the same seeds; there are {len(reference)}, {len(probs)} and {len(chosen)} runs.")
    (shift,) = _shifts(np.array([ratio], dtype=np.float64), reference_ratio)
    slope, spread = calibration_slopes(val_positive, log_odds(chosen), q=1 / (1 + reference_ratio))
    logits, observed = log_odds(reference[:, positive]), probs[:, positive] >= threshold
    by_seed = ((logits * slope[:, None] >= shift).astype(np.float64) - observed).mean(axis=1)
    rng = np.random.default_rng(seed)
    # Identical runs make the covariance singular, and rounding may make it indefinite.
    drawn = rng.multivariate_normal(slope, spread, size=draws, method="eigh", check_valid="ignore")
    excess = _excess_draws(logits, observed, shift / np.maximum(drawn, 1e-3), rng)
    return widen_for_seeds(percentile_interval(float(by_seed.mean()), excess), by_seed)


def _excess_draws(logits: Floats, observed: Bools, thresholds: Floats, rng: np.random.Generator) -> Floats:
    """Mean excess over seeds in each draw of positives and thresholds (draws, seeds); shape (draws,)."""
    draws, seeds = thresholds.shape
    n, start, means = logits.shape[1], 0, np.zeros(draws)
    for counts in resample_counts(n, draws, rng=rng):
        here = slice(start, start + len(counts))
        for run in range(seeds):
            excess = (logits[run] >= thresholds[here, run, None]).astype(np.float64) - observed[run]
            means[here] += np.einsum("dn,dn->d", counts, excess) / (n * seeds)
        start += len(counts)
    return means
