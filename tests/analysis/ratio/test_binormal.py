"""What two rates alone tell: d', criterion, prior-only rates, the drop from four rates, rates from accuracy and F1."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from closecall.analysis.ratio.binormal import (
    binormal_recall_at_fpr,
    criterion,
    d_prime,
    decompose_counts,
    decompose_rates,
    prior_shift_rates,
    rates_from_accuracy_and_f1,
)

# A busy machine must not fail a property by its clock.
quick = settings(deadline=None, max_examples=30)

rates = st.floats(0.01, 0.99)


def test_the_two_points_of_the_question():
    distance = d_prime([0.92, 0.80], [0.08, 0.02])
    assert distance == pytest.approx([2.810, 2.895], abs=5e-4)
    assert criterion([0.92, 0.80], [0.08, 0.02]) == pytest.approx([0, 0.61], abs=5e-3)
    assert binormal_recall_at_fpr(distance[1], 0.08) == pytest.approx(0.932, abs=5e-4)


def test_prior_shift_curve_of_the_motivating_question():
    recall, specificity = prior_shift_rates(2.81, [1, 2, 3, 5, 10])
    assert recall == pytest.approx([0.920, 0.877, 0.845, 0.797, 0.721], abs=5e-4)
    assert specificity == pytest.approx([0.920, 0.951, 0.964, 0.976, 0.987], abs=5e-4)


def test_the_drop_of_the_question_is_threshold_alone():
    parts = decompose_counts(368, 368, 320, 392, n_pos=400, n_neg=400)
    assert parts == decompose_rates(0.92, 1 - 368 / 400, 0.80, 1 - 392 / 400)
    assert parts.drop == pytest.approx(0.12)
    assert parts.ranking == pytest.approx(0.92 - 0.932, abs=5e-4) and parts.ranking_other_order < 0
    assert parts.mean_threshold > 0.12


@quick
@given(rates, rates, rates, rates)
def test_the_parts_sum_to_the_drop_in_both_orders(recall_a, fpr_a, recall_b, fpr_b):
    parts = decompose_rates(recall_a, fpr_a, recall_b, fpr_b)
    for pair in (
        (parts.ranking, parts.threshold),
        (parts.ranking_other_order, parts.threshold_other_order),
        (parts.mean_ranking, parts.mean_threshold),
    ):
        assert sum(pair) == pytest.approx(recall_a - recall_b)


@quick
@given(rates, rates)
def test_distance_and_criterion_give_the_rates_back(recall, fpr):
    distance, cut = d_prime(recall, fpr), criterion(recall, fpr)
    assert binormal_recall_at_fpr(distance, fpr) == pytest.approx(recall)
    # Along one curve the criterion moves both rates: c = 0 is the point where they sum to 1.
    assert (cut > 0) == (recall + fpr < 1) or cut == pytest.approx(0, abs=1e-9)


GOBBLI = {
    # training ratio: accuracy and F1 with all published digits; TPR, TNR, excess, ranking, threshold as derived
    1: (0.88172, 0.881933, 0.884, 0.880),
    2.03: (0.86916, 0.861157, 0.812, 0.927, 0.000, 0.006, 0.066),
    3: (0.8538, 0.839475, 0.765, 0.943, 0.000, 0.013, 0.106),
    9: (0.77224, 0.712075, 0.563, 0.981, 0.038, 0.027, 0.293),
    19: (0.7092, 0.597319, 0.431, 0.987, 0.045, 0.073, 0.379),
    99: (0.56296, 0.226204, 0.128, 0.998, 0.097, 0.160, 0.596),
}
DIGITS = {"abs": 5.01e-4}


@pytest.mark.parametrize("ratio", GOBBLI)
def test_the_published_table_is_rebuilt_from_accuracy_and_f1(ratio):
    accuracy, f1, tpr, tnr = GOBBLI[ratio][:4]
    recall, fpr = rates_from_accuracy_and_f1(accuracy, f1)
    assert (recall, 1 - fpr) == pytest.approx((tpr, tnr), **DIGITS)


@pytest.mark.parametrize("ratio", list(GOBBLI)[1:])
def test_the_published_decompositions(ratio):
    (found, alarms), (first, first_alarms) = (rates_from_accuracy_and_f1(*GOBBLI[r][:2]) for r in (ratio, 1))
    expected, _ = prior_shift_rates(d_prime(first, first_alarms), ratio)
    parts = decompose_rates(float(first), float(first_alarms), float(found), float(alarms))
    assert (expected - found, parts.ranking, parts.threshold) == pytest.approx(GOBBLI[ratio][4:], **DIGITS)


@quick
@given(rates, rates)
def test_accuracy_and_f1_of_a_balanced_test_hide_its_rates(recall, fpr):
    accuracy, f1 = (recall + 1 - fpr) / 2, 2 * recall / (recall + fpr + 1)
    assert rates_from_accuracy_and_f1(accuracy, f1) == pytest.approx((recall, fpr), abs=1e-6)


def test_a_perfect_score_is_a_perfect_score():
    assert rates_from_accuracy_and_f1(1, 1) == (1, 0)


def test_impossible_values_raise():
    with pytest.raises(ValueError, match="No recall"):
        rates_from_accuracy_and_f1(0.9, 1.0)
    with pytest.raises(ValueError, match="strictly between"):
        d_prime(1.0, 0.1)
    with pytest.raises(ValueError, match="above 0"):
        prior_shift_rates(-1, 2)
    with pytest.raises(ValueError, match="Each count"):
        decompose_counts(5, 1, 1, 1, n_pos=4, n_neg=4)


def test_counts_of_all_or_none_stay_finite():
    parts = decompose_counts(10, 10, 0, 10, n_pos=10, n_neg=10)
    assert np.isfinite([parts.ranking, parts.threshold, parts.ranking_other_order]).all()
