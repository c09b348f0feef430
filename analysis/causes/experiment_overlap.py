"""Overlap for the experiment: do the classes overlap so much that no method separates them?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from closecall.analysis.causes.separability import Answer, examples_needed
from closecall.analysis.intervals import Estimate
from closecall.analysis.ratio.changes import (
    AUC_SEED_SD,
    SEED_SD,
    Contributions,
    auc_contributions,
    change,
    false_positive_contributions,
    matched_recall_contributions,
)
from closecall.analysis.seeds import within
from closecall.analysis.validation import Bools, Floats, as_probs, as_runs, both_classes

SEPARATED_AUC, SEPARATED_LOW = 0.98, 0.95
"""An AUC of at least the first, with an interval above the second, separates the classes."""
LOW_RECALL = 0.80
"""Recall below this at the smallest ratio's false-positive rate is low."""
AUC_DROP = 0.01
"""The smallest loss of AUC from the smallest ratio that counts as lost ranking."""
ARM_MARGIN = 0.02
"""A method that may rank better by this AUC or more is not excluded."""
RECALL_MARGIN = 0.05
AUC_PSEUDO = 0.02
"""The squared difference in AUC of one added example, as in the comparison of ratios."""


@dataclass(frozen=True)
class Arm:
    """Another method on the same test examples. `gain`: its AUC minus that of the fine-tuned baseline."""

    title: str
    auc: float
    gain: Estimate


@dataclass(frozen=True)
class RatioSeparation:
    """How well the runs of one ratio separate the classes. `recall`: at the smallest ratio's false-positive rate."""

    ratio: float
    auc: Estimate
    recall: Estimate


@dataclass(frozen=True)
class ExperimentOverlap:
    """Whether no method separates the classes, and what decided it.

    `because`: "separated", "arm", "positives" or "recall" with "absent"; "arms" or "positives" with "not measurable";
    "recall", "arms" or "positives" with "too few", "" with "present". `rate`: the smallest ratio's false-positive rate.
    `auc_drop`: AUC of the smallest ratio minus that of the chosen one, None at the smallest. `needed`: with "too few",
    the test positives that would decide; for "positives", training positives.
    """

    answer: Answer
    because: str
    rate: float
    ratios: tuple[RatioSeparation, ...]
    auc_drop: Estimate | None
    arms: tuple[Arm, ...]
    needed: int | None

    @property
    def ranking_lost(self) -> bool:
        """Whether the chosen ratio ranks worse than the smallest, by AUC_DROP and by its interval."""
        return self.auc_drop is not None and self.auc_drop.low > 0 and self.auc_drop.value >= AUC_DROP

    @property
    def best(self) -> Arm | None:
        """The method with the largest gain in AUC, among those that rank better where there are any."""
        return max(self.arms, key=lambda arm: (arm.gain.low > 0, arm.gain.value), default=None)


def compare_arms(labels: ArrayLike, methods: Mapping[str, tuple[ArrayLike, ArrayLike]]) -> tuple[Arm, ...]:
    """The paired gain in AUC of each method over the fine-tuned baseline.

    `methods`: title to the scores of the method and of the baseline, both (n,) or (seeds, n), rows paired. Interval at
    level 1 - 0.05/k for k methods (Bonferroni), because the best of them decides: DeLong's variance and that of the
    seeds, with the usual spread of seeds assumed where they are few (`ratio.changes`).
    """
    positive = both_classes(labels)
    level, arms = 1 - 0.05 / max(len(methods), 1), []
    for title, pair in methods.items():
        own, baseline = (auc_contributions(as_runs(one, len(positive)), positive) for one in pair)
        gain = change(own, baseline, paired=True, pseudo=AUC_PSEUDO, seed_sd=AUC_SEED_SD)
        arms.append(Arm(title, float(own.values.mean()), gain.estimate(level, few_seeds=False)))
    return tuple(arms)


def experiment_overlap(
    labels: ArrayLike,
    runs: Mapping[float, tuple[ArrayLike, Sequence[int]]],
    *,
    ratio: float,
    arms: Sequence[Arm],
    more_positives: str,
    positives_needed: int | None = None,
    threshold: float = 0.5,
) -> ExperimentOverlap:
    """Does no method separate the classes?

    Present: ranking was lost from the smallest ratio to `ratio`, or recall at the smallest ratio's false-positive rate
    is below LOW_RECALL at every ratio; and more positives would not help; and no method ranks better by ARM_MARGIN.
    Absent: AUC at every ratio is at least SEPARATED_AUC, a method ranks better, more positives would help, or recall is
    not low and ranking not lost. Every comparison is by its interval. Else too few, or not measurable without another
    method or the curve.

    `runs`: ratio to the probabilities (seeds, n) and seeds of its baseline. `arms`: as `compare_arms` at `ratio`.
    `more_positives`: the answer of the curve of `sparsity.more_positives`, and what it needs.
    """
    positive = both_classes(labels)
    probs = {one: as_probs(found, len(positive)) for one, (found, _) in sorted(runs.items())}
    areas = {one: auc_contributions(own, positive) for one, own in probs.items()}
    first = min(probs)
    rate = float(false_positive_contributions(probs[first], positive, threshold=threshold).values.mean())
    ratios = tuple(_separation(one, own, areas[one], positive, rate) for one, own in probs.items())
    drop = None if ratio == first else _auc_drop(areas[first], areas[ratio], runs[first][1], runs[ratio][1])
    found = ExperimentOverlap("absent", "", rate, ratios, drop, tuple(arms), None)
    answer, because, needed = _decide(found, more_positives, positives_needed, int(positive.sum()))
    return replace(found, answer=answer, because=because, needed=needed)


def _separation(ratio: float, probs: Floats, areas: Contributions, positive: Bools, rate: float) -> RatioSeparation:
    found = matched_recall_contributions(probs, positive, np.full(len(probs), rate), None)
    auc = _alone(areas, pseudo=AUC_PSEUDO, seed_sd=AUC_SEED_SD)
    return RatioSeparation(ratio, auc, _alone(found, pseudo=1.0, seed_sd=SEED_SD))


def _alone(found: Contributions, *, pseudo: float, seed_sd: float) -> Estimate:
    """A quantity of some runs with its interval: its change from nothing."""
    values, positives, negatives = map(np.zeros_like, (found.values, found.positives, found.negatives))
    nothing = Contributions(values, positives, negatives)
    estimate = change(found, nothing, paired=True, pseudo=pseudo, seed_sd=seed_sd).estimate(few_seeds=False)
    return within(estimate, 0.0, 1.0)


def _auc_drop(a: Contributions, b: Contributions, seeds_a: Sequence[int], seeds_b: Sequence[int]) -> Estimate:
    """AUC of a minus AUC of b, over the seeds that both have, or unpaired where they share none."""
    _, at_a, at_b = np.intersect1d(seeds_a, seeds_b, return_indices=True)
    paired = len(at_a) > 0
    pair = (a.of_runs(at_a), b.of_runs(at_b)) if paired else (a, b)
    drop = change(*pair, paired=paired, pseudo=AUC_PSEUDO, seed_sd=AUC_SEED_SD)
    return drop.estimate(few_seeds=False)


def _decide(
    found: ExperimentOverlap, more_positives: str, positives_needed: int | None, n_positives: int
) -> tuple[Answer, str, int | None]:
    """The answer, what decided it, and how many examples would decide."""
    if all(one.auc.value >= SEPARATED_AUC and one.auc.low >= SEPARATED_LOW for one in found.ratios):
        return "absent", "separated", None
    if any(arm.gain.low > 0 for arm in found.arms):
        return "absent", "arm", None
    if more_positives == "present":
        return "absent", "positives", None
    if not found.ranking_lost and any(one.recall.low >= LOW_RECALL for one in found.ratios):
        return "absent", "recall", None
    if not found.arms:
        return "not measurable", "arms", None
    if more_positives == "not measurable":
        return "not measurable", "positives", None
    if not found.ranking_lost and any(one.recall.high >= LOW_RECALL for one in found.ratios):
        highest = max((one.recall for one in found.ratios), key=lambda one: one.value)
        away = Estimate(*(value - LOW_RECALL for value in (highest.value, highest.low, highest.high)))
        return "too few", "recall", examples_needed(away, n_positives, margin=RECALL_MARGIN)
    widest = max(found.arms, key=lambda arm: arm.gain.high)
    if widest.gain.high >= ARM_MARGIN:
        return "too few", "arms", examples_needed(widest.gain, n_positives, margin=ARM_MARGIN)
    if more_positives == "too few":
        return "too few", "positives", positives_needed
    return "present", "", None
