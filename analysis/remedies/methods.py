"""Methods (loss, sampling or model) measured like the cross-entropy baseline, at three thresholds."""

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
    shift_prior,
    temperature,
)
from closecall.analysis.metrics.outcomes import predicted
from closecall.analysis.metrics.prevalence import precision_at
from closecall.analysis.metrics.ranking import auc_interval, threshold_at_fpr
from closecall.analysis.metrics.thresholds import balanced_threshold, precision_threshold, recall_threshold
from closecall.analysis.seeds import share_over_seeds, widen_for_seeds, within
from closecall.analysis.validation import Bools, Floats, both_classes

RULES = ("best balanced accuracy", "recall 90 %", "precision 80 %")
"""How a method's own threshold is chosen on validation; precision is at the deployment prevalence."""
_OLD_RULES = dict(zip(("best mean of both recalls", "finds 90 %", "8 of 10 alerts right"), RULES, strict=True))


class Method(NamedTuple):
    """Runs of one method, one row for each seed: probabilities on test (seeds, n) and on validation (seeds, m).

    `fine_tunes`: the method trains the encoder, so its seeds are noisy and may collapse. `moves_prior`: its
    probabilities are not those of the training prevalence; they are calibrated by slope and intercept instead of one
    temperature.
    """

    name: str
    title: str
    seeds: tuple[int, ...]
    pos_probs: Floats
    val_pos_probs: Floats
    fine_tunes: bool = True
    moves_prior: bool = True

    def only(self, seeds: Sequence[int]) -> "Method":
        """The method with these seeds only, in this order."""
        rows = [self.seeds.index(seed) for seed in seeds]
        return self._replace(seeds=tuple(seeds), pos_probs=self.pos_probs[rows], val_pos_probs=self.val_pos_probs[rows])


class Labels(NamedTuple):
    """Labels of the test (n,) and of the validation examples (m,); each needs both classes."""

    test: ArrayLike
    validation: ArrayLike


@dataclass(frozen=True)
class OperatingPoint:
    """Means over seeds at one choice of threshold, with intervals over examples and seeds; precision at q."""

    recall: Estimate
    specificity: Estimate
    precision: Estimate
    threshold: float


@dataclass(frozen=True)
class Measures:
    """All measures of one method on test.

    `at_half`: at threshold 0.50. `at_own`: at the method's own validation threshold. `at_common`: at the validation
    false-positive rate of the baseline's run of the same seed at threshold 0.50. `ece`: expected calibration error of
    the probabilities; `ece_calibrated`: after calibration on validation. Both after a shift of the prior from the
    training prevalence to that of the test set.
    """

    name: str
    title: str
    seeds: tuple[int, ...]
    at_half: OperatingPoint
    at_own: OperatingPoint
    at_common: OperatingPoint
    auc: Estimate
    average_precision: Estimate
    ece: CalibrationError
    ece_calibrated: CalibrationError


def current_rule(name: str) -> str:
    """The present name of a threshold rule; names from links made before RULES were renamed stay readable."""
    return _OLD_RULES.get(name, name)


def own_threshold(labels: ArrayLike, pos_probs: ArrayLike, *, rule: str = RULES[0], q: float = 0.5) -> float:
    """The threshold that a rule of RULES gives for one run, from its validation predictions.

    Shapes (m,); `q`: deployment prevalence, for precision. nan when the precision is never reached. Raises ValueError
    for an unknown rule.
    """
    if rule == RULES[0]:
        return balanced_threshold(labels, pos_probs)
    if rule == RULES[1]:
        return recall_threshold(labels, pos_probs, recall=0.9)
    if rule == RULES[2]:
        return precision_threshold(labels, pos_probs, precision=0.8, q=q)
    raise ValueError(f"{rule!r} is not a rule. Rules are {', '.join(RULES)}.")


def common_thresholds(labels: ArrayLike, baseline: Method, method: Method) -> Floats:
    """Thresholds (seeds,) at which a method has the baseline's validation false-positive rate at threshold 0.50.

    Both need the same seeds in the same order; `labels` (m,) are those of validation.
    """
    negative = ~both_classes(labels)
    shares = (baseline.val_pos_probs[:, negative] >= 0.5).mean(axis=1)
    return np.array(
        [threshold_at_fpr(labels, row, fpr=share) for row, share in zip(method.val_pos_probs, shares, strict=True)]
    )


def measure_method(
    labels: Labels, baseline: Method, method: Method, *, ratio: float, q: float, rule: str = RULES[0], draws: int = 500
) -> Measures:
    """How good is a method on test, at three thresholds and at prevalence q? `ratio`: its training ratio.

    Intervals: recall and specificity, Wilson's; AUC, DeLong's; the others, a bootstrap over examples, stratified by
    class. All are widened for seeds (`analysis.seeds`). `baseline` and `method` need the same seeds.
    """
    positive = both_classes(labels.test)
    own = np.array([own_threshold(labels.validation, row, rule=rule, q=q) for row in method.val_pos_probs])
    thresholds = (np.full(len(method.seeds), 0.5), own, common_thresholds(labels.validation, baseline, method))
    called = np.stack([predicted(method.pos_probs, threshold) for threshold in thresholds])
    true_positives, false_positives = called[:, :, positive], called[:, :, ~positive]
    drawn = stratified_means(true_positives, false_positives, draws=draws)
    points = [
        _point(
            true_positives[i],
            false_positives[i],
            (drawn[0][i], drawn[1][i]),
            q=q,
            threshold=float(thresholds[i].mean()),
        )
        for i in range(3)
    ]
    half, at_own, at_common = points
    return Measures(
        method.name,
        method.title,
        method.seeds,
        half,
        at_own,
        at_common,
        auc_interval(positive, method.pos_probs),
        average_precision_interval(positive, method.pos_probs, q=q, draws=draws),
        ece=_calibration_error(labels, method, ratio=ratio, calibrated=False),
        ece_calibrated=_calibration_error(labels, method, ratio=ratio, calibrated=True),
    )


def _point(
    true_positives: Bools, false_positives: Bools, drawn: tuple[Floats, Floats], *, q: float, threshold: float
) -> OperatingPoint:
    recall, specificity = (
        share_over_seeds(right.sum(axis=1), right.shape[1]) for right in (true_positives, ~false_positives)
    )
    with np.errstate(invalid="ignore"):
        value = float(precision_at(true_positives.mean(), false_positives.mean(), q=q))
        resampled = precision_at(*drawn, q=q)
        by_seed = precision_at(true_positives.mean(axis=1), false_positives.mean(axis=1), q=q)
    resampled, by_seed = resampled[~np.isnan(resampled)], by_seed[~np.isnan(by_seed)]
    precision = Estimate(value, np.nan, np.nan)
    if len(resampled):
        precision = within(widen_for_seeds(percentile_interval(value, resampled), by_seed), 0.0, 1.0)
    return OperatingPoint(recall, specificity, precision, threshold)


def _calibration_error(labels: Labels, method: Method, *, ratio: float, calibrated: bool) -> CalibrationError:
    """Mean over seeds, at the test set's own prevalence; nan for a part that has no examples in any seed."""
    trained_at, test_prevalence = 1 / (1 + ratio), float(np.mean(np.asarray(labels.test)))
    errors = []
    for row, chosen in zip(method.pos_probs, method.val_pos_probs, strict=True):
        slope, intercept = 1.0, 0.0
        if calibrated and method.moves_prior:
            slope, intercept = platt(labels.validation, log_odds(chosen), q=trained_at)
        elif calibrated:
            slope = 1 / temperature(labels.validation, log_odds(chosen), q=trained_at)
        logits = shift_prior(slope * log_odds(row) + intercept, trained_at=trained_at, q=test_prevalence)
        errors.append(calibration_error(labels.test, probabilities(logits)))
    parts = [(one.overall, one.predicted_positive, one.predicted_negative) for one in errors]
    means = np.ma.masked_invalid(np.array(parts)).mean(axis=0).filled(np.nan)
    return CalibrationError(*map(float, means))
