"""Gains of each method over the cross-entropy baseline, with tests against chance and seed noise."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from closecall.analysis.intervals import Estimate, holm, p_from_interval
from closecall.analysis.metrics.outcomes import predicted
from closecall.analysis.metrics.ranking import auc_difference, placements
from closecall.analysis.ratio.decomposition import MIN_FALSE_POSITIVES, Validation, decompose_drop
from closecall.analysis.remedies.methods import Labels, Method, common_thresholds
from closecall.analysis.validation import Bools, Floats, both_classes

NOISE_MULTIPLE = 2.0
"""A difference counts only when it exceeds this multiple of the seed noise, about 95 % of what noise alone gives."""
ALPHA = 0.05


@dataclass(frozen=True)
class Gain:
    """A method minus the baseline, over the seeds that both have.

    `auc`: difference in AUC. `recall`: difference in recall at the baseline's false-positive rate at threshold 0.50,
    with thresholds chosen on validation. `auc_p`, `recall_p`: p values after Holm over the family. `auc_noise`,
    `recall_noise`: standard error of a mean gain over so many seeds from the seeds alone, nan for one seed.
    `recall_at_half`: the method's recall at threshold 0.50. `baseline_recall`: the baseline's recall with its threshold
    moved to the method's false-positive rate there; `baseline_lead`: baseline_recall - recall_at_half.
    `false_positives`: the baseline's validation false positives at threshold 0.50, on which the common rate rests, mean
    over seeds.
    """

    name: str
    title: str
    fine_tunes: bool
    n_seeds: int
    auc: Estimate
    auc_p: float
    recall: Estimate
    recall_p: float
    auc_noise: float
    recall_noise: float
    recall_at_half: float
    baseline_recall: float
    baseline_lead: Estimate
    false_positives: float

    @property
    def auc_moved(self) -> bool:
        """Whether the difference in AUC exceeds chance and seed noise."""
        return _beyond(self.auc.value, self.auc_p, self.auc_noise)

    @property
    def recall_moved(self) -> bool:
        """Whether the difference in recall exceeds chance and seed noise."""
        return _beyond(self.recall.value, self.recall_p, self.recall_noise)

    @property
    def helps(self) -> bool:
        """Whether AUC or recall at the common false-positive rate rises beyond chance and seed noise."""
        return (self.auc_moved and self.auc.value > 0) or (self.recall_moved and self.recall.value > 0)

    @property
    def harms(self) -> bool:
        """Whether one of the two falls beyond chance and seed noise, and neither rises."""
        return (self.auc_moved or self.recall_moved) and not self.helps

    @property
    def few_false_positives(self) -> bool:
        """Whether the common false-positive rate rests on fewer than MIN_FALSE_POSITIVES examples."""
        return self.false_positives < MIN_FALSE_POSITIVES


def gains_over_baseline(labels: Labels, baseline: Method, methods: Sequence[Method], *, draws: int = 500) -> list[Gain]:
    """What does each method gain over the baseline in AUC and in recall at its false-positive rate?

    Methods that share no seed with the baseline are left out; pass no collapsed runs. Intervals: DeLong's for
    AUC; for recall a paired bootstrap over examples, stratified by class, with thresholds chosen again in each draw.
    Both are widened for seeds (`analysis.seeds`). p: from the width of the
    interval (Altman and Bland 2011), Holm over both measures of all methods. Few seeds estimate their own spread badly.
    The seed noise is therefore pooled over all methods that fine-tune, and separately over those that do not, where no
    shared seed cancels the baseline's noise.
    """
    shared = {method.name: [seed for seed in baseline.seeds if seed in method.seeds] for method in methods}
    pairs = [
        (baseline.only(shared[method.name]), method.only(shared[method.name]))
        for method in methods
        if shared[method.name]
    ]
    raw = [_gain(labels, one, method, draws=draws) for one, method in pairs]
    noise = {kind: _noises(labels, pairs, kind) for kind in (True, False)}
    adjusted = holm([p for gain in raw for p in (gain.auc_p, gain.recall_p)]) if raw else np.empty(0)
    return [
        replace(
            gain,
            auc_p=float(adjusted[2 * i]),
            recall_p=float(adjusted[2 * i + 1]),
            auc_noise=_noise(noise[gain.fine_tunes][0], gain.n_seeds),
            recall_noise=_noise(noise[gain.fine_tunes][1], gain.n_seeds),
        )
        for i, gain in enumerate(raw)
    ]


def seed_noise(values: Sequence[Floats]) -> float:
    """Pooled standard deviation over seeds, sqrt of the mean variance; nan unless a method has two seeds.

    `values` holds one array (seeds,) for each method.
    """
    variances = [np.var(one, ddof=1) for one in values if len(one) > 1]
    return float(np.sqrt(np.mean(variances))) if variances else float("nan")


def fixed_and_broken(labels: np.ndarray, baseline_right: Bools, method_right: Bools) -> tuple[Bools, Bools]:
    """Which examples does a method get right that the baseline gets wrong in most seeds, and vice versa? Each (n,).

    `labels` (n,); `baseline_right`, `method_right` (seeds, n), paired or not. With two seeds both must agree. Raises
    ValueError for other shapes.
    """
    if baseline_right.shape[1:] != labels.shape or method_right.shape[1:] != labels.shape:
        raise ValueError("Both methods need one column for each label.")
    baseline, method = (side.mean(axis=0) for side in (baseline_right, method_right))
    return (baseline < 0.5) & (method > 0.5), (baseline > 0.5) & (method < 0.5)


def _gain(labels: Labels, baseline: Method, method: Method, *, draws: int) -> Gain:
    """The gain with unadjusted p values and without seed noise."""
    validation = Validation(labels.validation, baseline.val_pos_probs, method.val_pos_probs)
    parts = decompose_drop(labels.test, baseline.pos_probs, method.pos_probs, validation=validation, draws=draws)
    recall = -parts.ranking
    area = auc_difference(labels.test, method.pos_probs, baseline.pos_probs)
    return Gain(
        method.name,
        method.title,
        method.fine_tunes,
        len(method.seeds),
        auc=Estimate(area.value, area.low, area.high),
        auc_p=area.p,
        recall=recall,
        recall_p=p_from_interval(recall),
        auc_noise=float("nan"),
        recall_noise=float("nan"),
        recall_at_half=parts.recall_b,
        baseline_recall=parts.recall_b + parts.ranking_other.value,
        baseline_lead=parts.ranking_other,
        false_positives=parts.false_positives_a,
    )


def _noises(labels: Labels, pairs: Sequence[tuple[Method, Method]], fine_tunes: bool) -> tuple[float, float]:
    """Pooled standard deviations over seeds of the gains in AUC and in recall, for one kind of method."""
    by_seed = [
        _gains_by_seed(labels, baseline, method) for baseline, method in pairs if method.fine_tunes == fine_tunes
    ]
    return seed_noise([one[0] for one in by_seed]), seed_noise([one[1] for one in by_seed])


def _gains_by_seed(labels: Labels, baseline: Method, method: Method) -> tuple[Floats, Floats]:
    """Gain per seed in AUC and in recall at the false-positive rate of the baseline's run; each (seeds,)."""
    positive = both_classes(labels.test)
    thresholds = [common_thresholds(labels.validation, baseline, one) for one in (baseline, method)]
    areas = [placements(positive, one.pos_probs)[0].mean(axis=1) for one in (baseline, method)]
    recalls = [
        predicted(one.pos_probs, threshold)[:, positive].mean(axis=1)
        for one, threshold in zip((baseline, method), thresholds, strict=True)
    ]
    return areas[1] - areas[0], recalls[1] - recalls[0]


def _noise(deviation: float, seeds: int) -> float:
    return deviation / np.sqrt(seeds) if seeds > 1 else float("nan")


def _beyond(value: float, p: float, noise: float) -> bool:
    return bool(p < ALPHA and abs(value) > NOISE_MULTIPLE * noise)
