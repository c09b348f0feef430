"""What each arm gains over plain cross-entropy, beyond what chance and other seeds would do."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from closecall.analysis.bootstrap import percentile_interval, stratified_means
from closecall.analysis.intervals import Estimate, holm, p_of
from closecall.analysis.metrics.outcomes import predicted
from closecall.analysis.metrics.ranking import auc_difference, placements
from closecall.analysis.ratio.decomposition import FEW, Validation, decompose_drop
from closecall.analysis.remedies.methods import Labels, Method, common_thresholds
from closecall.analysis.validation import Bools, Floats, both_classes

NOISES = 2.0
"""A difference must be at least so many times the seed noise to be told from it: about 95 % of what noise does."""
ALPHA = 0.05


@dataclass(frozen=True)
class Gain:
    """One arm less plain, over the seeds that both have.

    `auc`, and `recall` at the common false-alarm rate (plain's at .5, chosen on validation); `auc_p`, `recall_p` after
    Holm over the family. The noises say how far a mean gain over so many seeds moves with the seeds alone (one standard
    error, nan for one seed). `found` is the arm's recall at .5, `plain_found` what plain finds with its threshold moved
    to the arm's false alarms there, `plain_ahead` that difference. `alarms` counts plain's validation false alarms at
    .5, which the common rate rests on; mean over seeds.
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
    found: float
    plain_found: float
    plain_ahead: Estimate
    alarms: float

    @property
    def auc_moved(self) -> bool:
        return _beyond(self.auc.value, self.auc_p, self.auc_noise)

    @property
    def recall_moved(self) -> bool:
        return _beyond(self.recall.value, self.recall_p, self.recall_noise)

    @property
    def helps(self) -> bool:
        """Whether AUC or recall at the common false-alarm rate rises beyond chance and seed noise."""
        return (self.auc_moved and self.auc.value > 0) or (self.recall_moved and self.recall.value > 0)

    @property
    def harms(self) -> bool:
        """Whether one of them falls beyond chance and seed noise, and none rises."""
        return (self.auc_moved or self.recall_moved) and not self.helps

    @property
    def few_alarms(self) -> bool:
        """Whether the common rate rests on so few false alarms that recall there is a matter of luck."""
        return self.alarms < FEW


def gains_over_plain(labels: Labels, plain: Method, arms: Sequence[Method], *, draws: int = 500) -> list[Gain]:
    """What does each arm gain over plain? Arms that share no seed with plain are left out; give no collapsed runs.

    Intervals by a paired bootstrap over examples, stratified by class; of the AUC crossed with seeds (one seed:
    DeLong's), of recalls with cuts chosen anew in each draw and widened to other seeds (`analysis.seeds`). p from the
    width of the interval (Altman and Bland 2011), Holm over both measures of all arms. Very few seeds tell little of
    their own spread: hence the seed noise, from that of the gains over seeds, pooled over the arms that fine-tune, and
    over those that do not: there plain alone is noisy, and no shared seed makes it up.
    """
    shared = {arm.name: [seed for seed in plain.seeds if seed in arm.seeds] for arm in arms}
    pairs = [(plain.only(shared[arm.name]), arm.only(shared[arm.name])) for arm in arms if shared[arm.name]]
    raw = [_gain(labels, one, arm, draws=draws) for one, arm in pairs]
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
    """The standard deviation over seeds, pooled over the arms: sqrt of the mean variance; nan without two seeds.

    `values` holds one array (seeds,) for each arm.
    """
    variances = [np.var(one, ddof=1) for one in values if len(one) > 1]
    return float(np.sqrt(np.mean(variances))) if variances else float("nan")


def fixed_and_broken(labels: np.ndarray, plain_right: Bools, arm_right: Bools) -> tuple[Bools, Bools]:
    """Which examples does an arm get right that plain gets wrong in most seeds, and the other way round? Each (n,).

    `plain_right`, `arm_right` (seeds, n), paired or not; with two seeds both must agree.
    """
    if plain_right.shape[1:] != labels.shape or arm_right.shape[1:] != labels.shape:
        raise ValueError("Both arms need one column for each label.")
    plain, arm = (side.mean(axis=0) for side in (plain_right, arm_right))
    return (plain < 0.5) & (arm > 0.5), (plain > 0.5) & (arm < 0.5)


def _gain(labels: Labels, plain: Method, arm: Method, *, draws: int) -> Gain:
    """The gain with raw p and without noise."""
    validation = Validation(labels.validation, plain.val_pos_probs, arm.val_pos_probs)
    parts = decompose_drop(labels.test, plain.pos_probs, arm.pos_probs, validation=validation, draws=draws)
    recall = Estimate(-parts.ranking.value, -parts.ranking.high, -parts.ranking.low)
    area, area_p = _auc_gain(both_classes(labels.test), plain, arm, draws=draws)
    return Gain(
        arm.name,
        arm.title,
        arm.fine_tunes,
        len(arm.seeds),
        auc=area,
        auc_p=area_p,
        recall=recall,
        recall_p=p_of(recall),
        auc_noise=float("nan"),
        recall_noise=float("nan"),
        found=parts.recall_b,
        plain_found=parts.recall_b + parts.ranking_other.value,
        plain_ahead=parts.ranking_other,
        alarms=parts.flagged_a,
    )


def _auc_gain(positive: Bools, plain: Method, arm: Method, *, draws: int) -> tuple[Estimate, float]:
    if len(arm.seeds) == 1:
        one = auc_difference(positive, arm.pos_probs[0], plain.pos_probs[0])
        return Estimate(one.value, one.low, one.high), one.p
    (above, below), (above_plain, below_plain) = (placements(positive, one.pos_probs) for one in (arm, plain))
    rises = above - above_plain, below - below_plain
    drawn = stratified_means(rises[0][None], rises[1][None], draws=draws)
    value = float(rises[0].mean())
    # The mean over positives and that over negatives are the same difference: each brings its own class's chance.
    estimate = percentile_interval(value, drawn[0][0] + drawn[1][0] - value)
    return estimate, p_of(estimate)


def _noises(labels: Labels, pairs: Sequence[tuple[Method, Method]], fine_tunes: bool) -> tuple[float, float]:
    """The pooled deviation of the gains in AUC and in recall over seeds, of one kind of arms."""
    by_seed = [_gains_by_seed(labels, plain, arm) for plain, arm in pairs if arm.fine_tunes == fine_tunes]
    return seed_noise([one[0] for one in by_seed]), seed_noise([one[1] for one in by_seed])


def _gains_by_seed(labels: Labels, plain: Method, arm: Method) -> tuple[Floats, Floats]:
    """What one arm gains with each seed, in AUC and in recall at the false alarms of its plain run; each (seeds,)."""
    positive = both_classes(labels.test)
    cuts = [common_thresholds(labels.validation, plain, one) for one in (plain, arm)]
    areas = [placements(positive, one.pos_probs)[0].mean(axis=1) for one in (plain, arm)]
    recalls = [
        predicted(one.pos_probs, cut)[:, positive].mean(axis=1) for one, cut in zip((plain, arm), cuts, strict=True)
    ]
    return areas[1] - areas[0], recalls[1] - recalls[0]


def _noise(deviation: float, seeds: int) -> float:
    return deviation / np.sqrt(seeds) if seeds > 1 else float("nan")


def _beyond(value: float, p: float, noise: float) -> bool:
    return bool(p < ALPHA and abs(value) > NOISES * noise)
