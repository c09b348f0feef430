"""Changes between ratios: against scikit-learn and scipy, by property, and the coverage of their intervals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import roc_auc_score, roc_curve

from closecall.analysis.metrics.ranking import delong
from closecall.analysis.ratio.changes import (
    above_rate,
    auc_contributions,
    change,
    false_positive_contributions,
    matched_recall_contributions,
    recall_contributions,
    roc_slope,
)


def scores(rng, n_pos=80, n_neg=160, runs=3, digits=None):
    positive = np.repeat([True, False], [n_pos, n_neg])
    x = rng.normal(size=(runs, n_pos + n_neg)) + 1.5 * positive
    probs = norm.cdf(x)
    return positive, probs if digits is None else probs.round(digits)


@pytest.mark.parametrize("digits", [None, 1])
def test_auc_and_matched_recall_agree_with_scikit_learn(digits):
    positive, probs = scores(np.random.default_rng(0), digits=digits)
    areas = auc_contributions(probs, positive)
    rates = np.array([0.031, 0.07, 0.4])
    matched = matched_recall_contributions(probs, positive, rates, None)
    for row, run in enumerate(probs):
        assert areas.values[row] == pytest.approx(roc_auc_score(positive, run))
        assert areas.negatives[row].mean() == pytest.approx(areas.values[row])
        fpr, tpr, _ = roc_curve(positive, run, drop_intermediate=False)
        ends = [np.interp(rates[row] + step, fpr, tpr) for step in (-1e-9, 1e-9)]
        assert matched.values[row] == pytest.approx(np.mean(ends), abs=1e-6)


def test_the_variance_of_an_auc_difference_is_that_of_delong():
    positive, probs = scores(np.random.default_rng(1), runs=2)
    found = change(*(auc_contributions(run[None], positive) for run in probs), paired=True, pseudo=0.0, seed_sd=0.0)
    areas, covariance = delong(positive, probs)
    n_pos, n_neg = int(positive.sum()), int((~positive).sum())
    scaled = found.variances["test positives"] * n_pos / (n_pos - 1)
    scaled += found.variances["test negatives"] * n_neg / (n_neg - 1)
    assert found.value == pytest.approx(areas[0] - areas[1])
    assert scaled == pytest.approx(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])


def test_a_paired_difference_of_recalls_by_hand():
    """Of 10 positives 3 are found by a only and 1 by b only: difference 0.2, variance (0.4 - 0.04) / 10."""
    positive = np.repeat([True, False], [10, 2])
    a, b = np.zeros((2, 1, 12))
    a[0, :6], b[0, 3:7] = 1, 1
    found = change(
        recall_contributions(a, positive), recall_contributions(b, positive), paired=True, pseudo=0.0, seed_sd=0.0
    )
    assert found.value == pytest.approx(0.2)
    assert found.variance == pytest.approx(0.036)


@given(st.integers(0, 10_000), st.sampled_from([None, 2, 1]), st.floats(0.2, 5))
def test_a_monotone_transform_changes_no_ranking(seed, digits, power):
    """At most by half of the positives that score between two neighbouring negatives."""
    positive, probs = scores(np.random.default_rng(seed), n_pos=20, n_neg=30, runs=1, digits=digits)
    wrong, recall = false_positive_contributions(probs, positive), recall_contributions(probs, positive)
    matched = matched_recall_contributions(probs**power, positive, wrong.values, wrong.negatives)
    again = matched_recall_contributions(probs, positive, wrong.values, wrong.negatives)
    assert matched.values[0] == pytest.approx(again.values[0], abs=1e-12)
    below = probs[0, ~positive] < 0.5
    low, high = probs[0, ~positive][below].max(initial=0), probs[0, ~positive][~below].min(initial=1)
    between = np.mean((probs[0, positive] >= low) & (probs[0, positive] <= high))
    assert abs(change(recall, matched, paired=True).value) <= between / 2 + 1e-9


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.floats(0, 1))
def test_the_negatives_above_make_the_wanted_rate(values, rate):
    negatives = np.array(values, dtype=np.float64)
    assert above_rate(negatives, np.sort(negatives), rate).mean() == pytest.approx(rate, abs=1e-6)


def test_the_slope_of_a_roc_curve():
    """Equal-variance normals: the slope at a false-positive rate is the likelihood ratio at its threshold."""
    quantiles = norm.ppf((np.arange(40_000) + 0.5) / 40_000)
    for rate in (0.05, 0.2, 0.5):
        ratio = norm.pdf(norm.isf(rate) - 1.5) / norm.pdf(norm.isf(rate))
        assert roc_slope(quantiles + 1.5, quantiles, rate) == pytest.approx(ratio, rel=0.02)


def simulated(rng, seeds, spread, *, paired=True):
    """Two runs per seed that rank alike in the population; run by run the threshold moves with SD `spread`."""
    positive = np.repeat([True, False], [200, 400])
    shared = rng.normal(size=600)
    pairs = []
    for shift in (0.0, -0.8):
        noise = 0.3 * rng.normal(size=(seeds, 600)) + spread * rng.normal(size=(seeds, 1)) + shift
        pairs.append(norm.cdf(0.95 * shared + noise + np.where(positive, 1.4, -1.4)))
    a, b = pairs
    wrong = false_positive_contributions(a, positive)
    matched = matched_recall_contributions(b, positive, wrong.values, wrong.negatives)
    return change(recall_contributions(a, positive), matched, paired=paired)


@pytest.mark.parametrize(("seeds", "spread"), [(2, 0.0), (3, 0.3), (5, 0.6)])
def test_intervals_cover_no_loss_of_ranking(seeds, spread):
    """At least 90 % of 150: the binomial chance of fewer at 95 % coverage is below 1 %."""
    rng = np.random.default_rng(7)
    covered = [simulated(rng, seeds, spread).estimate() for _ in range(150)]
    assert np.mean([one.low <= 0 <= one.high for one in covered]) >= 0.9


def test_one_seed_and_few_seeds_are_never_taken_as_certain():
    rng = np.random.default_rng(8)
    assert simulated(rng, 1, 0.0).seed_reach() == pytest.approx(norm.ppf(0.975) * 0.02)
    positive, probs = scores(rng, runs=2)
    moved = np.stack([probs[0] ** 3, probs[1] ** 0.2])
    two = change(recall_contributions(probs, positive), recall_contributions(moved, positive), paired=True)
    assert two.variances["seeds"] > 0 and two.seed_reach() > two.seed_reach(few_seeds=False)


def test_different_seeds_are_compared_unpaired():
    positive, probs = scores(np.random.default_rng(9), runs=5)
    a, b = recall_contributions(probs[:2], positive), recall_contributions(probs[2:], positive)
    found = change(a, b, paired=False)
    assert found.value == pytest.approx(a.values.mean() - b.values.mean()) and found.n_seeds == 2
