"""Measurements of a drop in recall between two ratios of one experiment, the basis of a verdict."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from closecall.analysis.intervals import Estimate, paired_difference
from closecall.analysis.metrics.outcomes import collapsed
from closecall.analysis.ratio.decomposition import Decomposition, Validation, decompose_drop, paired_runs
from closecall.analysis.ratio.prior_shift import excess_drop
from closecall.analysis.seeds import share_over_seeds
from closecall.analysis.validation import Bools, Floats, as_probs, both_classes, per_run


@dataclass(frozen=True)
class Comparison:
    """The smallest ratio against a larger one, over the seeds that both have. `excess` is None without validation.

    `paired`: the drop with each positive counted once, by the majority of seeds, with Newcombe's interval. It has the
    right width where few or no positives change, where a bootstrap shows no spread.
    """

    reference_ratio: float
    ratio: float
    recall_a: Estimate
    recall_b: Estimate
    parts: Decomposition
    paired: Estimate
    excess: Estimate | None


@dataclass(frozen=True)
class Evidence:
    """Numbers of examples and runs, the collapsed runs, and the comparison of the others.

    `comparison` is None when no seed has valid runs at both the smallest and a larger ratio.
    """

    n_positives: int
    n_negatives: int
    n_runs: int
    collapsed_ratios: tuple[float, ...]  # one entry for each collapsed run
    comparison: Comparison | None


def gather_evidence(
    labels: ArrayLike,
    pos_probs: ArrayLike,
    ratios: ArrayLike,
    seeds: ArrayLike,
    *,
    val_labels: ArrayLike | None = None,
    val_pos_probs: ArrayLike | None = None,
    threshold: float = 0.5,
    draws: int = 500,
) -> Evidence:
    """Measures the change of recall between the smallest ratio and the largest that shares a seed with it.

    `pos_probs` (runs, n), `val_pos_probs` (runs, m) in the same order; `ratios`, `seeds` (runs,). Pass runs of the
    cross-entropy baseline, for what the class prior alone predicts. Collapsed runs are counted and left out. Without
    validation predictions, thresholds are chosen on test and there is no excess drop. Raises ValueError with fewer than
    two ratios.
    """
    positive = both_classes(labels)
    probs = as_probs(pos_probs, len(positive))
    (ratio,) = per_run(ratios, runs=len(probs))
    if len(np.unique(ratio)) < 2:
        raise ValueError("A verdict compares ratios; there are runs at one ratio only.")
    failed = collapsed(positive, probs, threshold=threshold)
    pair = _widest_pair(ratio, seeds, failed)
    comparison = None
    if pair is not None:
        larger, a, b = pair
        validation = _validation(val_labels, val_pos_probs, len(probs), a, b)
        comparison = _compare(
            positive,
            (probs[a], probs[b]),
            (float(ratio.min()), larger),
            validation=validation,
            threshold=threshold,
            draws=draws,
        )
    n_positives = int(positive.sum())
    return Evidence(
        n_positives, len(positive) - n_positives, len(probs), tuple(np.sort(ratio[failed]).tolist()), comparison
    )


def _widest_pair(ratio: np.ndarray, seeds: ArrayLike, failed: Bools) -> tuple[float, np.ndarray, np.ndarray] | None:
    """The largest ratio with a valid seed in common with the smallest, and the row numbers of both."""
    sound = np.flatnonzero(~failed)
    if ratio.min() not in ratio[sound]:
        return None
    (seed,) = per_run(seeds, runs=len(ratio))
    pairs = paired_runs(ratio[sound], seed[sound], runs=len(sound))
    if not pairs:
        return None
    larger = max(pairs)
    first, second = pairs[larger]
    return larger, sound[first], sound[second]


def _validation(
    labels: ArrayLike | None, pos_probs: ArrayLike | None, runs: int, a: np.ndarray, b: np.ndarray
) -> Validation | None:
    if labels is None and pos_probs is None:
        return None
    if labels is None or pos_probs is None or len(np.atleast_2d(pos_probs)) != runs:
        raise ValueError("Give validation labels and probabilities together, one row for each run.")
    table = np.atleast_2d(np.asarray(pos_probs))
    return Validation(labels, table[a], table[b])


def _compare(
    positive: Bools,
    pair: tuple[Floats, Floats],
    ratios: tuple[float, float],
    *,
    validation: Validation | None,
    threshold: float,
    draws: int,
) -> Comparison:
    reference, larger = ratios
    recall_a, recall_b = (_recall(one[:, positive] >= threshold) for one in pair)
    parts = decompose_drop(positive, *pair, threshold=threshold, validation=validation, draws=draws)
    excess = None
    if validation is not None:
        excess = excess_drop(
            positive,
            *pair,
            calibrated_on=(validation.labels, validation.pos_probs_a),
            ratio=larger,
            reference_ratio=reference,
            threshold=threshold,
            draws=draws,
        )
    paired = _paired(*((one[:, positive] >= threshold).mean(axis=0) >= 0.5 for one in pair))
    return Comparison(reference, larger, recall_a, recall_b, parts, paired, excess)


def _paired(a: Bools, b: Bools) -> Estimate:
    neither, only_b, only_a, both = np.bincount(2 * a + b, minlength=4).tolist()
    return paired_difference(both, only_a, only_b, neither)


def _recall(true_positives: Bools) -> Estimate:
    return share_over_seeds(true_positives.sum(axis=1), true_positives.shape[1])
