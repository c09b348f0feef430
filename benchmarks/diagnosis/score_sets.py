"""Generated scores of runs at 1:1, 1:3 and 1:10; each set has one known cause."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from closecall.analysis.intervals import smallest_detectable_drop
from closecall.analysis.metrics.calibration import probabilities

RATIOS = (1, 3, 10)
SIZES = (25, 100, 400, 1000)
SEEDS = (1, 3, 5)
# A run's classes lie d' apart; the prior moves its logits by -ln(ratio) unless `moved` is 0.
KINDS = {
    "prior shift": ((2.81, 2.81, 2.81), 1.0),
    "small ranking loss": ((2.81, 2.6, 2.4), 1.0),
    "medium ranking loss": ((2.81, 2.5, 2.1), 1.0),
    "large ranking loss": ((2.81, 2.2, 1.6), 1.0),
    "ranking loss, no shift": ((2.81, 2.3, 1.8), 0.0),
    "collapse": ((2.81, 2.81, 2.81), 1.0),
    "nothing wrong, far classes": ((5.5, 5.5, 5.5), 1.0),
    "nothing wrong, no shift": ((2.81, 2.81, 2.81), 0.0),
}
PLANTED = {
    "prior shift": {"threshold"},
    "small ranking loss": {"threshold", "ranking"},
    "medium ranking loss": {"threshold", "ranking"},
    "large ranking loss": {"threshold", "ranking"},
    "ranking loss, no shift": {"ranking"},
    "collapse": {"optimisation", "threshold"},
    "nothing wrong, far classes": {"nothing wrong"},
    "nothing wrong, no shift": {"nothing wrong"},
}
# Standard deviation over seeds of a run's d' and of its threshold, in standard deviations of the scores: about one
# point of recall, as in published repetitions of fine-tuning.
SEED_SPREAD = 0.05
SHARED = 0.95
"""Correlation of two runs' noise on the same example."""


@dataclass(frozen=True)
class Case:
    """One experiment: arrays for `analysis.causes.evidence.gather_evidence`, and the planted causes.

    `detectable`: whether this many positives can show the planted effect.
    """

    kind: str
    n_positives: int
    n_seeds: int
    labels: np.ndarray
    pos_probs: np.ndarray
    val_labels: np.ndarray
    val_pos_probs: np.ndarray
    detectable: bool

    @property
    def planted(self) -> set[str]:
        return PLANTED[self.kind]


def make_case(kind: str, n_positives: int, n_seeds: int, *, seed: int) -> Case:
    """Three negatives for each test positive; validation half as large."""
    rng = np.random.default_rng([seed, n_positives, n_seeds, list(KINDS).index(kind)])
    runs = _runs(rng, kind, n_seeds)
    labels, val_labels = (np.repeat([1, 0], [n, 3 * n]) for n in (n_positives, n_positives // 2 + 1))
    probs, val_probs = _scores(rng, labels, runs), _scores(rng, val_labels, runs)
    if kind == "collapse":
        collapsed_run = int(rng.integers(2 * n_seeds, 3 * n_seeds))
        for table in (probs, val_probs):
            table[collapsed_run] = 0.01 + 0.001 * rng.random(table.shape[1])
    return Case(
        kind, n_positives, n_seeds, labels, probs, val_labels, val_probs, _effect(kind) > _smallest(n_positives)
    )


def _runs(rng: np.random.Generator, kind: str, n_seeds: int) -> list[tuple[float, float, float]]:
    """The slope, d' and shift of each run."""
    distances, moved = KINDS[kind]
    return [
        (d, d + SEED_SPREAD * rng.normal(), SEED_SPREAD * rng.normal() - moved * np.log(ratio) / d)
        for d, ratio in zip(distances, RATIOS, strict=True)
        for _ in range(n_seeds)
    ]


def _scores(rng: np.random.Generator, labels: np.ndarray, runs: list[tuple[float, float, float]]) -> np.ndarray:
    shared, half = rng.normal(size=len(labels)), np.where(labels == 1, 0.5, -0.5)
    own = np.sqrt(1 - SHARED**2)
    return np.array(
        [
            probabilities(slope * (SHARED * shared + own * rng.normal(size=len(labels)) + half * distance + shift))
            for slope, distance, shift in runs
        ]
    )


def _effect(kind: str) -> float:
    """The smallest difference in recall, in the population, that the test set must detect to name the cause.

    Loss of ranking: the ranking part. Threshold only: half the drop, since the ranking part must be smaller. Nothing
    wrong: five points, since the drop must be smaller. Collapse: any test set shows it.
    """
    if kind == "collapse":
        return 1.0
    if kind.startswith("nothing"):
        return 0.05
    (d_a, _, d_b), moved = KINDS[kind]
    tpr_a, fpr_a = norm.cdf(d_a / 2), norm.cdf(-d_a / 2)
    shift = moved * np.log(RATIOS[-1]) / d_b
    tpr_b, fpr_b = norm.cdf(d_b / 2 - shift), norm.cdf(-d_b / 2 - shift)
    if kind == "prior shift":
        return float(tpr_a - tpr_b) / 2
    ranking = tpr_a - norm.cdf(d_b + norm.ppf(fpr_a))
    other = norm.cdf(d_a + norm.ppf(fpr_b)) - tpr_b
    return float(ranking + other) / 2


def _smallest(n_positives: int) -> float:
    return smallest_detectable_drop(n_positives)
