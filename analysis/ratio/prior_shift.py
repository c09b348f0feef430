"""What an honest classifier would lose by the ratio alone, and what was lost beyond that."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from closecall.analysis.bootstrap import percentile_interval, resample_counts
from closecall.analysis.intervals import Estimate
from closecall.analysis.metrics.calibration import log_odds, slopes
from closecall.analysis.seeds import over_seeds, seed_reach
from closecall.analysis.validation import Bools, Floats, as_probs, as_runs, both_classes


def prior_shift_curve(
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
    """How much more recall was lost at a ratio than its prior explains? (derived)

    Prior-only recall less observed recall. About 0: the model is honest, choose a threshold; above 0: something else
    broke (sparsity, regularisation, collapse); below 0: it moved less than its prior says. The probabilities of the
    reference runs (seeds, n) are calibrated by one temperature each on validation: `calibrated_on` is its labels (m,)
    and the reference runs' probabilities there (seeds, m). Rows are paired by seed. Bootstrap over the positives, the
    same draw for both; the slopes are drawn from their normal approximation in each draw; widened to other seeds.
    """
    positive = both_classes(labels)
    reference = as_probs(reference_pos_probs, len(positive), name="reference_pos_probs")
    probs = as_probs(pos_probs, len(positive))
    val_positive = both_classes(calibrated_on[0])
    chosen = as_probs(calibrated_on[1], len(val_positive), name="The validation probabilities")
    if not len(reference) == len(probs) == len(chosen):
        raise ValueError(f"All need the same seeds; there are {len(reference)}, {len(probs)} and {len(chosen)} runs.")
    (shift,) = _shifts(np.array([ratio], dtype=np.float64), reference_ratio)
    slope, spread = slopes(val_positive, log_odds(chosen), q=1 / (1 + reference_ratio))
    logits, observed = log_odds(reference[:, positive]), probs[:, positive] >= threshold
    by_seed = ((logits * slope[:, None] > shift).astype(np.float64) - observed).mean(axis=1)
    rng = np.random.default_rng(seed)
    # Runs that agree make the covariance singular, which rounding may take for indefinite.
    drawn = rng.multivariate_normal(slope, spread, size=draws, method="eigh", check_valid="ignore")
    excess = _excess_draws(logits, observed, shift / np.maximum(drawn, 1e-3), rng)
    return over_seeds(percentile_interval(float(by_seed.mean()), excess), seed_reach(by_seed, runs=2))


def _excess_draws(logits: Floats, observed: Bools, cuts: Floats, rng: np.random.Generator) -> Floats:
    """The mean excess over seeds in each draw of positives and cuts (draws, seeds); shape (draws,)."""
    draws, seeds = cuts.shape
    n, start, found = logits.shape[1], 0, np.zeros(draws)
    for counts in resample_counts(n, draws, rng=rng):
        here = slice(start, start + len(counts))
        for run in range(seeds):
            excess = (logits[run] > cuts[here, run, None]).astype(np.float64) - observed[run]
            found[here] += np.einsum("dn,dn->d", counts, excess) / (n * seeds)
        start += len(counts)
    return found
