"""Whether validation resembles test, so that a threshold chosen on validation holds on test."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import kolmogorov
from scipy.stats import fisher_exact

from closecall.analysis.formatting import percent_text
from closecall.analysis.intervals import holm
from closecall.analysis.validation import Floats, as_probs, both_classes

DIFFERENT_SCORES = 0.15
"""Smallest Kolmogorov-Smirnov distance between the scores of two splits that counts as a difference."""
DIFFERENT_ODDS = 1.5
"""Smallest ratio of the odds of a positive in two splits, in either direction, that counts as a difference."""
ALPHA = 0.01


@dataclass(frozen=True)
class SplitCheck:
    """Whether validation resembles test.

    `share`, `test_share`: positives in validation and in test. `classes` names the classes whose scores differ: a
    distance of at least DIFFERENT_SCORES, Kolmogorov-Smirnov test with Holm's correction at ALPHA. `prevalence_p`:
    two-sided p of Fisher's exact test that the shares are equal. `prevalence_differs`: p is at most ALPHA, and the odds
    differ by more than DIFFERENT_ODDS.
    """

    n_positives: int
    n_negatives: int
    test_positives: int
    test_negatives: int
    share: float
    test_share: float
    classes: tuple[str, ...]
    prevalence_p: float
    prevalence_differs: bool

    @property
    def usable(self) -> bool:
        """Whether a threshold chosen on validation by recall and false-positive rate holds on test.

        Both rates are of one class, so another share of positives changes nothing.
        """
        return not self.classes


def check_splits(
    labels: ArrayLike, pos_probs: ArrayLike, val_labels: ArrayLike, val_pos_probs: ArrayLike
) -> SplitCheck:
    """Compare validation with test, for runs in the same order: labels (n,), (m,), probabilities (runs, n), (runs, m).

    The score of an example is its mean probability over the runs. Without runs only the shares of positives are
    compared. Raises ValueError unless both splits have both classes.
    """
    test, validation = both_classes(labels), both_classes(val_labels)
    runs, val_runs = np.atleast_2d(np.asarray(pos_probs)), np.atleast_2d(np.asarray(val_pos_probs))
    compared = [(0.0, 1.0), (0.0, 1.0)]
    if len(runs):
        runs, val_runs = as_probs(runs, len(test)), as_probs(val_runs, len(validation), name="val_pos_probs")
        scores, val_scores = runs.mean(axis=0), val_runs.mean(axis=0)
        compared = [_distance(scores[test == one], val_scores[validation == one]) for one in (True, False)]
    adjusted = holm([p for _, p in compared])
    names = ("positives", "negatives")
    differ = [
        name
        for name, (distance, _), p in zip(names, compared, adjusted, strict=True)
        if distance >= DIFFERENT_SCORES and p <= ALPHA
    ]
    counts = [(int(one.sum()), int((~one).sum())) for one in (validation, test)]
    p, differs = _prevalence(*counts)
    return SplitCheck(*counts[0], *counts[1], float(validation.mean()), float(test.mean()), tuple(differ), p, differs)


def _distance(first: Floats, second: Floats) -> tuple[float, float]:
    """Kolmogorov-Smirnov distance of two samples, and its p from the limiting distribution (Smirnov 1939)."""
    points = np.concatenate([first, second])
    shares = [np.searchsorted(np.sort(one), points, side="right") / len(one) for one in (first, second)]
    distance = float(np.abs(shares[0] - shares[1]).max())
    size = len(first) * len(second) / len(points)
    return distance, float(kolmogorov(np.sqrt(size) * distance))


def _prevalence(validation: tuple[int, int], test: tuple[int, int]) -> tuple[float, bool]:
    odds = validation[0] * test[1] / (validation[1] * test[0])
    p = float(fisher_exact([validation, test]).pvalue)
    return p, p <= ALPHA and max(odds, 1 / odds) > DIFFERENT_ODDS


def scores_sentences(check: SplitCheck) -> tuple[str, ...]:
    """Which scores differ, and what follows. Empty where none do."""
    if check.usable:
        return ()
    return (
        f"The scores of the {' and '.join(check.classes)} differ between validation and test, so that a threshold "
        "chosen on validation does not hold on test.",
        "Draw both from the same texts.",
    )


def prevalence_sentences(check: SplitCheck) -> tuple[str, ...]:
    """The shares of positives where they differ, and which thresholds depend on them. Empty where they agree."""
    if not check.prevalence_differs:
        return ()
    shares = (
        f"Positives are {percent_text(check.share)} of validation ({check.n_positives:,}/"
        f"{check.n_positives + check.n_negatives:,}) and {percent_text(check.test_share)} of test "
        f"({check.test_positives:,}/{check.test_positives + check.test_negatives:,})."
    )
    if not check.usable:
        return (shares,)
    return (
        shares,
        "The scores of each class agree, so a threshold chosen on validation by recall or false-positive rate holds: "
        "these rates do not depend on the share of positives.",
        "Precision and F1 do. They are reported at the prevalence named beside them, not at that of validation.",
    )
