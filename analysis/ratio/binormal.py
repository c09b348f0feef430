"""The binormal model with equal variances: distance, criterion and decompositions from rates alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

from closecall.analysis.validation import Floats


@dataclass(frozen=True)
class RatesDecomposition:
    """A drop in recall in two parts, in both orders, and their means. `ranking + threshold` is `drop` in each."""

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
    """Distance of the classes in standard deviations, d' = z(TPR) - z(FPR) (Green and Swets 1966).

    0.92 and 0.08 give 2.810; 0.80 and 0.02 give 2.895. Rates strictly between 0 and 1, else ValueError.
    """
    recalls, rates = _inside(recall, fpr)
    return np.asarray(norm.ppf(recalls) - norm.ppf(rates))


def criterion(recall: ArrayLike, fpr: ArrayLike) -> Floats:
    """Criterion c = -(z(TPR) + z(FPR))/2: 0 is neutral between the classes, above 0 predicts fewer positives."""
    recalls, rates = _inside(recall, fpr)
    return np.asarray(-(norm.ppf(recalls) + norm.ppf(rates)) / 2)


def binormal_recall_at_fpr(d: ArrayLike, fpr: ArrayLike) -> Floats:
    """Recall at a distance d' and a false-positive rate, Phi(d' + z(FPR))."""
    (rates,) = _inside(fpr)
    return np.asarray(norm.cdf(np.asarray(d, dtype=np.float64) + norm.ppf(rates)))


def prior_shift_rates(d: ArrayLike, ratios: ArrayLike) -> tuple[Floats, Floats]:
    """Recall and specificity that the class prior alone predicts for training at 1:r and threshold 0.50.

    TPR = Phi(d'/2 - ln r/d'), TNR = Phi(d'/2 + ln r/d') with d' of a balanced, calibrated run. Raises ValueError unless
    d' and the ratios are above 0.
    """
    distance, ratio = np.asarray(d, dtype=np.float64), np.asarray(ratios, dtype=np.float64)
    if not ((distance > 0).all() and (ratio > 0).all()):
        raise ValueError("The distance d' and the ratios must be above 0.")
    shift = np.log(ratio) / distance
    return norm.cdf(distance / 2 - shift), norm.cdf(distance / 2 + shift)


def decompose_rates(recall_a: float, fpr_a: float, recall_b: float, fpr_b: float) -> RatesDecomposition:
    """Ranking and threshold part of a drop in recall from a to b, from four rates under the binormal model.

    R_a - R_b = [R_a - R_b@f_a] (ranking) + [R_b@f_a - R_b] (threshold); other order [R_a@f_b - R_b] + [R_a - R_a@f_b].
    The recalls at the other's false-positive rate come from normal ROC curves; normality is not tested.
    """
    b_at_a = float(binormal_recall_at_fpr(d_prime(recall_b, fpr_b), fpr_a))
    a_at_b = float(binormal_recall_at_fpr(d_prime(recall_a, fpr_a), fpr_b))
    return RatesDecomposition(
        recall_a - recall_b, recall_a - b_at_a, b_at_a - recall_b, a_at_b - recall_b, recall_a - a_at_b
    )


def decompose_counts(
    right_pos_a: int, right_neg_a: int, right_pos_b: int, right_neg_b: int, *, n_pos: int, n_neg: int
) -> RatesDecomposition:
    """`decompose_rates` from counts: positives and negatives right in a and in b.

    Counts of none or all are moved by half an example (Macmillan and Kaplan 1985), because z of 0 and 1 is infinite.
    Raises ValueError unless 0 <= count <= n.
    """
    counts = [(right_pos_a, n_pos), (right_neg_a, n_neg), (right_pos_b, n_pos), (right_neg_b, n_neg)]
    if any(not 0 <= right <= n or n < 1 for right, n in counts):
        raise ValueError("Each count right must lie between 0 and the number of examples of its class.")
    pos_a, neg_a, pos_b, neg_b = (min(max(right, 0.5), n - 0.5) / n for right, n in counts)
    return decompose_rates(pos_a, 1 - neg_a, pos_b, 1 - neg_b)


def rates_from_accuracy_and_f1(accuracy: ArrayLike, f1: ArrayLike) -> tuple[Floats, Floats]:
    """Recall and false-positive rate from accuracy and F1 on a balanced test set.

    d = 2 acc - 1, s = (d - F1)/(F1 - 1), TPR = (s + d)/2, FPR = (s - d)/2. Raises ValueError where no two rates give
    these values, such as F1 = 1 with accuracy below 1.
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
