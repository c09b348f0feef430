"""Where each run must be cut to stand level with the reference ratio: the runs of one seed compared at one price."""

import numpy as np
from numpy.typing import ArrayLike

from closecall.analysis.metrics.outcomes import predicted
from closecall.analysis.metrics.ranking import weighted_cut
from closecall.analysis.validation import Bools, Floats, as_probs, both_classes, same_runs


def fpr_matched_thresholds(
    labels: ArrayLike, pos_probs: ArrayLike, ratios: ArrayLike, seeds: ArrayLike, *, threshold: ArrayLike = 0.5
) -> Floats:
    """Where must each run be cut to raise as many false alarms as the reference ratio does at its own threshold?

    The reference of a run is the run of the same seed at the smallest ratio, or the mean of all at that ratio where the
    seed has none. `pos_probs` (runs, n); `ratios`, `seeds` (runs,); `threshold` one value or one for each run. Answer
    (runs,); each cut lies halfway between two negatives. Give validation predictions to choose, test ones to look.
    """
    positive = both_classes(labels)
    probs = as_probs(pos_probs, len(positive))
    called = predicted(probs, threshold)[:, ~positive]
    shares = reference_shares(called, ratios, seeds)
    own = probs[:, ~positive]
    return np.array([weighted_cut(row, np.ones(len(row)), share) for row, share in zip(own, shares, strict=True)])


def recall_matched_thresholds(
    labels: ArrayLike, pos_probs: ArrayLike, ratios: ArrayLike, seeds: ArrayLike, *, threshold: ArrayLike = 0.5
) -> Floats:
    """Where must each run be cut to find as many positives as the reference ratio does at its own threshold?

    As `fpr_matched_thresholds`, with the two classes changed over: the cut lies halfway between two positives.
    """
    positive = both_classes(labels)
    probs = as_probs(pos_probs, len(positive))
    missed = ~predicted(probs, threshold)[:, positive]
    shares = reference_shares(missed, ratios, seeds)
    own = -probs[:, positive]
    return np.array([-weighted_cut(row, np.ones(len(row)), share) for row, share in zip(own, shares, strict=True)])


def reference_shares(flags: Bools, ratios: ArrayLike, seeds: ArrayLike) -> Floats:
    """The share of flagged examples in each run's reference run. `flags` (runs, n), the rest (runs,)."""
    own = flags.mean(axis=1)
    ratio, seed = same_runs(ratios, seeds, runs=len(flags))
    reference = np.flatnonzero(ratio == ratio.min())
    by_seed = {seed[run]: own[run] for run in reference}
    return np.array([by_seed.get(s, own[reference].mean()) for s in seed])
