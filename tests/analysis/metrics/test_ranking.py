"""AUC with DeLong's variance, and recall at a false-alarm rate or an alert budget."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import roc_auc_score

from closecall.analysis.metrics.ranking import (
    auc,
    auc_difference,
    auc_interval,
    class_weights,
    delong,
    threshold_at_fpr,
)

# A busy machine must not fail a property by its clock.
quick = settings(deadline=None, max_examples=30)


def normal_scores(rng, n_pos, n_neg, d_prime, *, shared=None):
    labels = np.repeat([1, 0], [n_pos, n_neg])
    noise = rng.normal(size=n_pos + n_neg)
    return labels, (noise if shared is None else 0.6 * noise + 0.8 * shared) + d_prime * labels


def delong_by_pairs(labels, a, b):
    """The covariance of DeLong et al. 1988, written out pair by pair."""
    kernel = []
    for scores in (a, b):
        pos, neg = scores[labels == 1][:, None], scores[labels == 0][None, :]
        kernel.append((pos > neg) + 0.5 * (pos == neg))
    by_pos = np.cov([pairs.mean(axis=1) for pairs in kernel])
    by_neg = np.cov([pairs.mean(axis=0) for pairs in kernel])
    return [pairs.mean() for pairs in kernel], by_pos / (labels == 1).sum() + by_neg / (labels == 0).sum()


def two_class(n):
    return hnp.arrays(np.int64, n, elements=st.integers(0, 1)).filter(lambda y: 1 < y.sum() < n - 1)


samples = st.integers(5, 40).flatmap(
    lambda n: st.tuples(two_class(n), hnp.arrays(np.int64, (2, n), elements=st.integers(-5, 5)))
)


@quick
@given(samples)
def test_auc_agrees_with_scikit_learn_with_ties(sample):
    labels, scores = sample
    assert auc(labels, scores) == pytest.approx([roc_auc_score(labels, row) for row in scores])


@quick
@given(samples)
def test_delong_agrees_with_the_pairwise_definition(sample):
    labels, scores = sample
    areas, covariance = delong(labels, scores)
    expected_areas, expected = delong_by_pairs(labels, *scores)
    assert areas == pytest.approx(expected_areas)
    assert covariance == pytest.approx(expected, abs=1e-12)


def test_auc_interval_covers_the_true_area():
    rng = np.random.default_rng(0)
    true = 0.9765  # Phi(2.81 / sqrt 2)
    estimates = [auc_interval(*normal_scores(rng, 60, 120, 2.81)) for _ in range(400)]
    assert 0.92 <= np.mean([e.low <= true <= e.high for e in estimates]) <= 0.98
    assert all(0 <= e.low <= e.value <= e.high <= 1 for e in estimates)


def test_perfect_separation_does_not_claim_certainty():
    labels = np.repeat([1, 0], [50, 500])
    estimate = auc_interval(labels, labels.astype(float))
    assert (estimate.value, estimate.high) == (1, 1) and 0.9 < estimate.low < 0.95
    assert auc_interval(labels, -labels.astype(float)).high == pytest.approx(1 - estimate.low)


def test_auc_difference_sees_a_real_one_and_not_a_false_one():
    rng = np.random.default_rng(1)
    shared = rng.normal(size=900)
    labels, strong = normal_scores(rng, 300, 600, 2.8, shared=shared)
    _, weak = normal_scores(rng, 300, 600, 2.0, shared=shared)
    found = auc_difference(labels, strong, weak)
    assert found.low > 0 and found.p < 0.001
    same = auc_difference(labels, strong, 3 * strong - 7)
    assert (same.value, same.low, same.high, same.p) == (0, 0, 0, 1)
    back = auc_difference(labels, weak, strong)
    assert (back.value, back.p) == pytest.approx((-found.value, found.p))


def test_auc_difference_keeps_its_level():
    rng = np.random.default_rng(2)
    p_values = []
    for _ in range(300):
        shared = rng.normal(size=200)
        labels, a = normal_scores(rng, 60, 140, 2.0, shared=shared)
        p_values.append(auc_difference(labels, a, normal_scores(rng, 60, 140, 2.0, shared=shared)[1]).p)
    assert 0.02 <= (np.array(p_values) < 0.05).mean() <= 0.09


@quick
@given(samples, st.floats(0, 1))
def test_threshold_at_fpr_is_the_lowest(sample, fpr):
    labels, (scores, _) = sample
    threshold = threshold_at_fpr(labels, scores, fpr=fpr)
    negatives = scores[labels == 0]
    rates = {t: (negatives >= t).mean() for t in [*np.unique(negatives), np.inf]}
    allowed = max(rate for rate in rates.values() if rate <= fpr + 1e-9)
    assert (negatives >= threshold).mean() == pytest.approx(allowed)


def test_threshold_is_halfway_between_two_negatives():
    assert threshold_at_fpr([0, 0, 0, 0, 1], [4.0, 3.0, 1.0, 0.0, 9.0], fpr=0.5) == 2
    assert threshold_at_fpr([0, 0, 1], [0.1, 0.2, 0.3], fpr=1) == -np.inf
    assert threshold_at_fpr([0, 0, 1], [0.1, 0.2, 0.3], fpr=0) == np.nextafter(0.2, 1)


def test_class_weights_sum_to_one_and_give_the_prevalence():
    weights = class_weights([1, 0, 0, 0], q=0.1)
    assert weights.sum() == pytest.approx(1) and weights[0] == pytest.approx(0.1)
    assert class_weights([1, 0, 0, 0]) == pytest.approx([0.25] * 4)


def test_one_class_alone_has_no_ranking():
    with pytest.raises(ValueError, match="at least one positive and one negative"):
        auc([1, 1], [0.2, 0.3])


def test_a_hundred_thousand_examples_take_seconds():
    rng = np.random.default_rng(3)
    labels = rng.random(100_000) < 0.1
    areas, covariance = delong(labels, rng.normal(size=(4, 100_000)) + labels)
    assert areas == pytest.approx(0.760, abs=0.01) and covariance.shape == (4, 4)
