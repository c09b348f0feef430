"""Does another loss, other draws or another model help? Every arm beside plain cross-entropy, by the same measures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from closecall.analysis.bootstrap import percentile_interval, stratified_means
from closecall.analysis.intervals import Estimate
from closecall.analysis.metrics.average_precision import average_precision_interval
from closecall.analysis.metrics.calibration import (
    CalibrationError,
    calibration_error,
    log_odds,
    platt,
    probabilities,
    temperature,
)
from closecall.analysis.metrics.calibration import shift_prior as carried
from closecall.analysis.metrics.outcomes import collapsed, predicted
from closecall.analysis.metrics.prevalence import precision_at
from closecall.analysis.metrics.ranking import auc_interval, placements, threshold_at_fpr
from closecall.analysis.metrics.thresholds import balanced_threshold, precision_threshold, recall_threshold
from closecall.analysis.seeds import share_over_seeds
from closecall.analysis.validation import Bools, Floats, both_classes

RULES = ("best mean of both recalls", "finds 90 %", "8 of 10 alerts right")
"""How an arm's own threshold is chosen on validation; the last at the deployment prevalence."""


class Method(NamedTuple):
    """The runs of one arm, one row for each seed: test probabilities (seeds, n), validation ones (seeds, m).

    `fine_tunes`: it trains the encoder, so that its seeds are noisy and may collapse. `moves_prior`: its probabilities
    need a slope and an intercept to be mended, not a temperature alone.
    """

    name: str
    title: str
    seeds: tuple[int, ...]
    pos_probs: Floats
    val_pos_probs: Floats
    fine_tunes: bool = True
    moves_prior: bool = True

    def only(self, seeds: Sequence[int]) -> "Method":
        """The same arm with these seeds alone, in this order."""
        rows = [self.seeds.index(seed) for seed in seeds]
        return self._replace(seeds=tuple(seeds), pos_probs=self.pos_probs[rows], val_pos_probs=self.val_pos_probs[rows])


class Labels(NamedTuple):
    """The labels of the test (n,) and of the validation examples (m,); both need both classes."""

    test: ArrayLike
    validation: ArrayLike


@dataclass(frozen=True)
class Point:
    """An arm cut in one way: means over seeds, with intervals over test examples and seeds; precision at q."""

    recall: Estimate
    true_negative_rate: Estimate
    precision: Estimate
    threshold: float


@dataclass(frozen=True)
class Measures:
    """What one arm is worth.

    `at_half`: cut at .5; `at_own`: at its own validation threshold; `at_common`: at the false-alarm rate that the plain
    run of the same seed has at .5 on validation. `ece` is of the probabilities as they come, `mended` after mending on
    validation; both carried from the training prevalence to the test set's own.
    """

    name: str
    title: str
    seeds: tuple[int, ...]
    at_half: Point
    at_own: Point
    at_common: Point
    auc: Estimate
    average_precision: Estimate
    ece: CalibrationError
    mended: CalibrationError


def valid_seeds(labels: ArrayLike, arm: Method, *, prior: float | None = None) -> tuple[int, ...]:
    """The seeds of an arm that did not collapse; what fine-tunes nothing cannot, also when it calls none positive.

    With `prior`, the share of positives in training, a run must have collapsed at that cut too: one whose loss or draws
    moved all probabilities below .5 may rank as well as any.
    """
    if not arm.fine_tunes or not arm.seeds:
        return arm.seeds
    gone = collapsed(labels, arm.pos_probs)
    if prior is not None:
        gone &= collapsed(labels, arm.pos_probs, threshold=prior)
    return tuple(seed for seed, bad in zip(arm.seeds, gone, strict=True) if not bad)


def own_threshold(labels: ArrayLike, pos_probs: ArrayLike, *, rule: str = RULES[0], q: float = 0.5) -> float:
    """Where does a rule of RULES cut one run, given its validation predictions? Shapes (m,); nan: never reached."""
    if rule == RULES[0]:
        return balanced_threshold(labels, pos_probs)
    if rule == RULES[1]:
        return recall_threshold(labels, pos_probs, recall=0.9)
    if rule == RULES[2]:
        return precision_threshold(labels, pos_probs, precision=0.8, q=q)
    raise ValueError(f"{rule!r} is not a rule. Rules are {', '.join(RULES)}.")


def common_thresholds(labels: ArrayLike, plain: Method, arm: Method) -> Floats:
    """Where must each run of an arm be cut to raise as many validation false alarms as plain does at .5? (seeds,)

    Both arms need the same seeds in the same order; `labels` are those of validation.
    """
    negative = ~both_classes(labels)
    shares = (plain.val_pos_probs[:, negative] >= 0.5).mean(axis=1)
    return np.array(
        [threshold_at_fpr(labels, row, fpr=share) for row, share in zip(arm.val_pos_probs, shares, strict=True)]
    )


def measure_method(
    labels: Labels, plain: Method, arm: Method, *, ratio: float, q: float, rule: str = RULES[0], draws: int = 500
) -> Measures:
    """What is an arm worth on test, cut in three ways, at prevalence q? `ratio` is that of its training.

    Intervals: of recalls Wilson's, widened to other seeds (`analysis.seeds`); of the others a bootstrap over examples,
    stratified by class, crossed with seeds; of the AUC of one seed DeLong's. `plain` and `arm` need the same seeds.
    """
    positive = both_classes(labels.test)
    own = np.array([own_threshold(labels.validation, row, rule=rule, q=q) for row in arm.val_pos_probs])
    cuts = (np.full(len(arm.seeds), 0.5), own, common_thresholds(labels.validation, plain, arm))
    called = np.stack([predicted(arm.pos_probs, cut) for cut in cuts])
    above, below = placements(positive, arm.pos_probs)
    hits, alarms = called[:, :, positive], called[:, :, ~positive]
    drawn = stratified_means(np.concatenate([hits, above[None]]), np.concatenate([alarms, below[None]]), draws=draws)
    points = [
        _point(hits[i], alarms[i], (drawn[0][i], drawn[1][i]), q=q, threshold=float(cuts[i].mean())) for i in range(3)
    ]
    area = float(above.mean())
    area_drawn = percentile_interval(area, drawn[0][3] + drawn[1][3] - area)
    half, at_own, at_common = points
    return Measures(
        arm.name,
        arm.title,
        arm.seeds,
        half,
        at_own,
        at_common,
        auc_interval(positive, arm.pos_probs[0]) if len(arm.seeds) == 1 else area_drawn,
        average_precision_interval(positive, arm.pos_probs, q=q, draws=draws),
        ece=_calibration(labels, arm, ratio=ratio, mended=False),
        mended=_calibration(labels, arm, ratio=ratio, mended=True),
    )


def _point(hits: Bools, alarms: Bools, drawn: tuple[Floats, Floats], *, q: float, threshold: float) -> Point:
    found, rejected = (share_over_seeds(right.sum(axis=1), right.shape[1]) for right in (hits, ~alarms))
    with np.errstate(invalid="ignore"):
        value = float(precision_at(hits.mean(), alarms.mean(), q=q))
        told = precision_at(np.clip(drawn[0], 0, 1), np.clip(drawn[1], 0, 1), q=q)
    told = told[~np.isnan(told)]
    precision = percentile_interval(value, told) if len(told) else Estimate(value, np.nan, np.nan)
    return Point(found, rejected, precision, threshold)


def _calibration(labels: Labels, arm: Method, *, ratio: float, mended: bool) -> CalibrationError:
    """Mean over seeds, at the test set's own prevalence; nan for a part without examples in every seed."""
    trained_at, here = 1 / (1 + ratio), float(np.mean(np.asarray(labels.test)))
    errors = []
    for row, chosen in zip(arm.pos_probs, arm.val_pos_probs, strict=True):
        slope, intercept = 1.0, 0.0
        if mended and arm.moves_prior:
            slope, intercept = platt(labels.validation, log_odds(chosen), q=trained_at)
        elif mended:
            slope = 1 / temperature(labels.validation, log_odds(chosen), q=trained_at)
        honest = carried(slope * log_odds(row) + intercept, trained_at=trained_at, q=here)
        errors.append(calibration_error(labels.test, probabilities(honest)))
    parts = [(one.overall, one.predicted_positive, one.predicted_negative) for one in errors]
    told = np.ma.masked_invalid(np.array(parts)).mean(axis=0).filled(np.nan)
    return CalibrationError(*map(float, told))
