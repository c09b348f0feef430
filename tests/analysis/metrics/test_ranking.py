"""AUC with DeLong's variance, and recall at a false-alarm rate or an alert budget."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import norm
from scipy.stats import t as student
from sklearn.metrics import roc_auc_score

from closecall.analysis.metrics.ranking import (
    auc,
    auc_difference,
    auc_interval,
    class_weights,
    delong,
    placements,
    recall_at_fpr,
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


def test_an_area_without_variance_is_a_share_of_the_smaller_class():
    # Two positives above two negatives: (.05 / 2)^(1/2) = .158.
    four = auc_interval([1, 1, 0, 0], [4, 3, 2, 1])
    assert (four.value, four.low, four.high) == pytest.approx((1, 0.025**0.5, 1))
    tied = auc_interval([1] * 30 + [0] * 40, np.full(70, 0.5))
    assert tied.value == 0.5 and tied.low < 0.35 and tied.high > 0.65
    alone = auc_interval([1, 0, 0], [0.9, 0.2, 0.1])
    assert (alone.low, alone.high) == pytest.approx((0.025, 1))


def test_the_mean_area_over_seeds():
    rng = np.random.default_rng(4)
    labels, one = normal_scores(rng, 60, 120, 2.0)
    same = auc_interval(labels, [one, one, one])
    assert (same.value, same.low, same.high) == pytest.approx(tuple(vars(auc_interval(labels, one)).values()))
    worse = one - 1.2 * labels
    apart = auc_interval(labels, [one, one, worse])
    assert apart.value == pytest.approx(auc(labels, [one, one, worse]).mean())
    assert apart.high - apart.low > 2 * (same.high - same.low) and 0 <= apart.low <= apart.high <= 1


@pytest.mark.parametrize(
    ("a", "b"), [([4, 3, 2, 1], [1, 2, 3, 4]), ([4, 3, 2, 1], [3, 4, 1, 2]), ([4, 3, 2, 1], [4, 1, 3, 2]),
                 ([4, 3, 2, 1], [1, 1, 1, 1])]
)  # fmt: skip
def test_four_examples_prove_nothing(a, b):
    """A permutation test of two against two cannot be below 1/6."""
    found = auc_difference([1, 1, 0, 0], a, b)
    assert found.p >= 0.05 and found.low <= 0 <= found.high and found.low >= -1 and found.high <= 1


@quick
@given(st.lists(st.integers(0, 6), min_size=1, max_size=12), st.lists(st.integers(0, 6), min_size=1, max_size=12))
def test_placements_are_shares_of_the_other_class_below_with_ties_half(of_pos, of_neg):
    labels = [1] * len(of_pos) + [0] * len(of_neg)
    above, below = placements(labels, [[*of_pos, *of_neg], [*of_neg[:1] * len(of_pos), *of_neg]])

    def share(score, others):
        return np.mean([(other < score) + 0.5 * (other == score) for other in others])

    assert above[0] == pytest.approx([share(one, of_neg) for one in of_pos])
    assert below[0] == pytest.approx([1 - share(one, of_pos) for one in of_neg])
    assert above.mean(axis=1) == pytest.approx(below.mean(axis=1))


def test_few_examples_have_students_t():
    """Two of each class. Placements of positives differ by 0 and 1, of negatives by .5 twice: 1 degree of freedom."""
    found = auc_difference([1, 1, 0, 0], [4, 3, 2, 1], [4, 1, 2, 3])
    above, below = (one[0] - one[1] for one in placements([1, 1, 0, 0], [[4, 3, 2, 1], [4, 1, 2, 3]]))
    variances = [one.var(ddof=1) / 2 for one in (above, below)]
    freedom = sum(variances) ** 2 / sum(own**2 for own in variances)
    half_width = student.ppf(0.975, freedom) * sum(variances) ** 0.5
    assert freedom == 1 and half_width == pytest.approx(12.706 * 0.5, rel=1e-4)
    assert (found.low, found.high) == (-1, 1) and found.p == pytest.approx(2 * norm.sf(1.959964 * 0.5 / half_width))


def test_a_reversal_shows_with_more_examples():
    """As the permutation test: two-sided p 2/20 at three against three, 2/70 at four against four, then ever less."""
    p = []
    for n in (2, 3, 4, 10, 40):
        scores = np.arange(2 * n)
        p.append(auc_difference(np.repeat([0, 1], n), scores, -scores).p)
    assert p[1] >= 0.05 > p[2] > p[3] > p[4] > 0 and p == sorted(p, reverse=True)


@quick
@given(samples)
def test_p_is_below_the_level_where_the_interval_leaves_out_zero(sample):
    labels, scores = sample
    found = auc_difference(labels, *scores)
    assert 0 < found.p <= 1
    assert (found.p < 0.05) == (not found.low <= 0 <= found.high)
    back = auc_difference(labels, *scores[::-1])
    assert (back.value, back.low, back.high, back.p) == pytest.approx((-found.value, -found.high, -found.low, found.p))


def test_a_difference_over_seeds_is_the_mean_and_wider_where_they_disagree():
    rng = np.random.default_rng(5)
    shared = rng.normal(size=300)
    labels, strong = normal_scores(rng, 100, 200, 2.6, shared=shared)
    _, weak = normal_scores(rng, 100, 200, 2.0, shared=shared)
    one = auc_difference(labels, strong, weak)
    same = auc_difference(labels, [strong] * 3, [weak] * 3)
    assert tuple(vars(same).values()) == pytest.approx(tuple(vars(one).values()))
    mixed = auc_difference(labels, [strong, strong, weak], [weak] * 3)
    assert mixed.value == pytest.approx(2 / 3 * one.value) and mixed.high - mixed.low > one.high - one.low
    with pytest.raises(ValueError, match="same seeds"):
        auc_difference(labels, [strong, strong], [weak])


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


def roc_recall(labels, scores, fpr):
    """Recall by brute force: on the corners of the ROC curve, halfway up its vertical steps."""
    corners = [(0.0, 0.0)]
    for threshold in np.unique(scores)[::-1]:
        called = scores >= threshold
        corners.append((called[labels == 0].mean(), called[labels == 1].mean()))
    rates = np.unique([rate for rate, _ in corners])
    steps = [[found for rate, found in corners if rate == one] for one in rates]
    middles = [(min(step) + max(step)) / 2 for step in steps]
    middles[0], middles[-1] = max(steps[0]), 1.0
    return np.interp(fpr, rates, middles)


@quick
@given(samples, st.floats(0, 1))
def test_recall_at_a_false_positive_rate_is_on_the_roc_curve(sample, fpr):
    labels, scores = sample
    found = recall_at_fpr(labels, scores, fpr=fpr)
    assert found == pytest.approx([roc_recall(labels, row, fpr) for row in scores])
    # Only ranks count: neither a scale nor saturation that keeps the order matters.
    assert (recall_at_fpr(labels, np.exp(scores / 3.0), fpr=fpr) == found).all()


def test_ties_are_split_fairly():
    """One score for all: any rate has the same recall. A threshold alone finds none of them."""
    labels = np.repeat([1, 0], [10, 30])
    assert recall_at_fpr(labels, np.full(40, 0.3), fpr=0.2) == pytest.approx([0.2 * 1.0 + 0.0])
    assert (np.full(40, 0.3) >= threshold_at_fpr(labels, np.full(40, 0.3), fpr=0.2)).sum() == 0
    # Two of four negatives are tied with one of two positives: halfway through the tie, half of that positive.
    assert recall_at_fpr([1, 1, 0, 0, 0, 0], [9, 5, 5, 5, 1, 0], fpr=0.25) == pytest.approx([0.75])


def test_logits_rank_what_float32_probabilities_do_not():
    rng = np.random.default_rng(6)
    labels = np.repeat([1, 0], 500)
    logits = rng.normal(size=1000) + 2 * labels + 20
    saturated = (1 / (1 + np.exp(-logits))).astype(np.float32)
    assert auc(labels, saturated)[0] < auc(labels, logits)[0] - 0.02
    assert auc(labels, logits) == pytest.approx(auc(labels, logits - 20))


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
