"""What two rates alone can tell, when the scores behind them are normal with equal variance."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

from closecall.analysis.validation import Floats


@dataclass(frozen=True)
class RatesDecomposition:
    """A drop in recall parted in two, in both orders, and their mean. `ranking + threshold` is `drop` in each."""

    drop: float
    ranking: float
    threshold: float
    ranking_other_order: float
    threshold_other_order: float

    @property
    def mean_ranking(self) -> float:
        return (self.ranking + self.ranking_other_order) / 2

    @property
    def mean_threshold(self) -> float:
        return (self.threshold + self.threshold_other_order) / 2


def _inside(*rates: ArrayLike) -> list[Floats]:
    arrays = [np.asarray(rate, dtype=np.float64) for rate in rates]
    for array in arrays:
        if not ((array > 0) & (array < 1)).all():
            raise ValueError("Normal scores give rates strictly between 0 and 1; a rate of 0 or 1 has no distance.")
    return arrays


def d_prime(recall: ArrayLike, fpr: ArrayLike) -> Floats:
    """How far apart do two rates say that the classes are? d' = z(TPR) - z(FPR) in standard deviations.

    .92 and .08 give 2.810; .80 and .02 give 2.895. Rates strictly between 0 and 1 (Green and Swets 1966).
    """
    found, alarms = _inside(recall, fpr)
    return norm.ppf(found) - norm.ppf(alarms)


def criterion(recall: ArrayLike, fpr: ArrayLike) -> Floats:
    """How reluctant is the cut? c = -(z(TPR) + z(FPR))/2: 0 treats both classes alike, above 0 finds fewer."""
    found, alarms = _inside(recall, fpr)
    return -(norm.ppf(found) + norm.ppf(alarms)) / 2


def binormal_auc(d: ArrayLike) -> Floats:
    """Which AUC goes with a distance d'? Phi(d'/sqrt 2)."""
    return norm.cdf(np.asarray(d, dtype=np.float64) / np.sqrt(2))


def recall_at_fpr_normal(d: ArrayLike, fpr: ArrayLike) -> Floats:
    """Which recall goes with a distance d' at this false-positive rate? Phi(d' + z(FPR))."""
    (alarms,) = _inside(fpr)
    return norm.cdf(np.asarray(d, dtype=np.float64) + norm.ppf(alarms))


def prior_only_rates(d: ArrayLike, ratios: ArrayLike) -> tuple[Floats, Floats]:
    """Which recall and true-negative rate does an honest classifier show that was trained at 1:r and cut at .5?

    TPR = Phi(d'/2 - ln r/d'), TNR = Phi(d'/2 + ln r/d') with the d' of one balanced run. Raises ValueError unless d'
    and the ratios are above 0.
    """
    distance, ratio = np.asarray(d, dtype=np.float64), np.asarray(ratios, dtype=np.float64)
    if not ((distance > 0).all() and (ratio > 0).all()):
        raise ValueError("The distance d' and the ratios must be above 0.")
    shift = np.log(ratio) / distance
    return norm.cdf(distance / 2 - shift), norm.cdf(distance / 2 + shift)


def decompose_rates(recall_a: float, fpr_a: float, recall_b: float, fpr_b: float) -> RatesDecomposition:
    """How much of a drop in recall from a to b would a threshold give back, going by four rates alone?

    R_a - R_b = [R_a - R_b@f_a] (ranking) + [R_b@f_a - R_b] (threshold); other order [R_a@f_b - R_b] + [R_a - R_a@f_b],
    the recalls at the other's false-positive rate read off normal curves. Nothing tests the normality here.
    """
    b_at_a = float(recall_at_fpr_normal(d_prime(recall_b, fpr_b), fpr_a))
    a_at_b = float(recall_at_fpr_normal(d_prime(recall_a, fpr_a), fpr_b))
    return RatesDecomposition(
        recall_a - recall_b, recall_a - b_at_a, b_at_a - recall_b, a_at_b - recall_b, recall_a - a_at_b
    )


def decompose_counts(
    right_pos_a: int, right_neg_a: int, right_pos_b: int, right_neg_b: int, *, n_pos: int, n_neg: int
) -> RatesDecomposition:
    """`decompose_rates` for someone who has counts only: positives and negatives right in a and in b.

    A count of none or of all is moved by half an example (Macmillan and Kaplan 1985), for normal curves never reach it.
    """
    counts = [(right_pos_a, n_pos), (right_neg_a, n_neg), (right_pos_b, n_pos), (right_neg_b, n_neg)]
    if any(not 0 <= right <= n or n < 1 for right, n in counts):
        raise ValueError("Each count right must lie between 0 and the number of examples of its class.")
    pos_a, neg_a, pos_b, neg_b = (min(max(right, 0.5), n - 0.5) / n for right, n in counts)
    return decompose_rates(pos_a, 1 - neg_a, pos_b, 1 - neg_b)


def rates_from_accuracy_and_f1(accuracy: ArrayLike, f1: ArrayLike) -> tuple[Floats, Floats]:
    """Which recall and false-positive rate hide behind accuracy and F1 on a balanced test set?

    d = 2 acc - 1, s = (d - F1)/(F1 - 1), TPR = (s + d)/2, FPR = (s - d)/2. Raises ValueError where no two rates
    give these figures (an F1 of 1 with less than perfect accuracy, say).
    """
    difference = 2 * np.asarray(accuracy, dtype=np.float64) - 1
    score = np.asarray(f1, dtype=np.float64)
    perfect = (score == 1) & (difference == 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        total = np.where(perfect, 1.0, (difference - score) / (score - 1))
    recall, fpr = (total + difference) / 2, (total - difference) / 2
    if not np.all((recall >= -1e-9) & (recall <= 1 + 1e-9) & (fpr >= -1e-9) & (fpr <= 1 + 1e-9)):
        raise ValueError("No recall and false-positive rate on a balanced test set give this accuracy and F1.")
    return recall.clip(0, 1), fpr.clip(0, 1)
