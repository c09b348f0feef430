"""The threshold desk: every rule against a brute-force search, chosen on validation and shown on test."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import expit
from sklearn.metrics import f1_score

from closecall.analysis.intervals import wilson
from closecall.analysis.metrics.calibration import log_odds
from closecall.analysis.metrics.thresholds import (
    balanced_threshold,
    cost_threshold,
    f1_interval,
    precision_threshold,
    recall_threshold,
    threshold_table,
)

# A busy machine must not fail a property by its clock.
quick = settings(deadline=None, max_examples=30)


def sample(seed, n=600, share=0.3):
    rng = np.random.default_rng(seed)
    labels = rng.random(n) < share
    return labels, expit(2 * (rng.normal(size=n) + np.where(labels, 1, -1)))


small = st.integers(4, 30).flatmap(
    lambda n: st.tuples(
        hnp.arrays(np.int64, n, elements=st.integers(0, 1)).filter(lambda y: 0 < y.sum() < len(y)),
        hnp.arrays(np.float64, n, elements=st.sampled_from(np.linspace(0, 1, 11).tolist())),
    )
)


def rates(labels, probs, threshold):
    return (probs >= threshold)[labels == 1].mean(), (probs >= threshold)[labels == 0].mean()


@quick
@given(small)
def test_balanced_threshold_is_the_best(run):
    labels, probs = run
    found, alarms = rates(labels, probs, balanced_threshold(labels, probs))
    best = max(r - f for r, f in (rates(labels, probs, threshold) for threshold in np.unique(probs)))
    assert found - alarms == pytest.approx(best)


@quick
@given(small, st.floats(0, 1))
def test_recall_threshold_has_the_fewest_false_positives(run, wanted):
    labels, probs = run
    found, alarms = rates(labels, probs, recall_threshold(labels, probs, recall=wanted))
    assert found >= wanted - 1e-9
    assert alarms == min(
        f for r, f in (rates(labels, probs, threshold) for threshold in np.unique(probs)) if r >= wanted - 1e-12
    )


@quick
@given(small, st.floats(0, 1), st.floats(0.05, 0.95))
def test_precision_threshold_has_the_highest_recall(run, wanted, q):
    labels, probs = run

    def precision(found, alarms):
        return q * found / (q * found + (1 - q) * alarms)

    threshold = precision_threshold(labels, probs, precision=wanted, q=q)
    reached = [r for r, f in (rates(labels, probs, t) for t in np.unique(probs)) if precision(r, f) >= wanted - 1e-12]
    if np.isnan(threshold):
        assert not reached
    else:
        found, alarms = rates(labels, probs, threshold)
        assert precision(found, alarms) >= wanted - 1e-9 and found == max(reached)


def test_cost_threshold_is_cheapest_with_calibrated_probabilities():
    rng = np.random.default_rng(1)
    n, d_prime, q = 200_000, 2.0, 0.2
    labels = rng.random(n) < q
    x = rng.normal(size=n) + np.where(labels, d_prime / 2, -d_prime / 2)
    balanced = expit(d_prime * x)  # what a run trained at one half would say
    threshold = cost_threshold(cost_fp=1, cost_fn=5, trained_at=0.5, q=q)
    costs = {
        t: ((balanced >= t) & ~labels).mean() + 5 * ((balanced < t) & labels).mean()
        for t in (threshold, 0.2, 0.35, 0.7)
    }
    assert costs[threshold] <= min(costs.values()) + 1e-3
    assert cost_threshold(cost_fp=1, cost_fn=5, trained_at=q, q=q) == pytest.approx(1 / 6)


def test_cost_threshold_follows_the_temperature():
    sure = cost_threshold(cost_fp=1, cost_fn=5, trained_at=0.5, q=0.5, temperature=2.0)
    assert log_odds(sure) == pytest.approx(2 * log_odds(1 / 6))


def test_equal_costs_at_the_training_prevalence_are_the_usual_half():
    assert cost_threshold(cost_fp=3, cost_fn=3, trained_at=0.1, q=0.1) == pytest.approx(0.5)


def test_threshold_table_chooses_on_validation():
    val, test = sample(2), sample(3)
    desk = threshold_table(*val, *test, trained_at=0.1, q=0.2, min_recall=0.95, cost_fn=4)
    assert desk["rule"].tolist() == [
        "one half",
        "prior",
        "balanced accuracy",
        "recall of 0.95",
        "precision of 0.8",
        "least cost",
    ]
    assert desk.loc[1, "threshold"] == 0.1
    assert desk.loc[2, "threshold"] == balanced_threshold(*val)
    for row in desk.itertuples():
        found, alarms = rates(test[0], test[1], row.threshold)
        assert (row.recall, 1 - row.specificity) == pytest.approx((found, alarms))
        assert row.f1_at_q == pytest.approx(f1_of(found, alarms, 1, 1, 0.2)) and row.f1_low < row.f1_at_q < row.f1_high
        assert row.precision_at_q == pytest.approx(0.2 * found / (0.2 * found + 0.8 * alarms))
        assert row.predicted_positive_rate_at_q == pytest.approx(0.2 * found + 0.8 * alarms)
        assert (row.recall_low, row.recall_high) == pytest.approx(
            [float(end) for end in wilson(row.tp, row.tp + row.fn)]
        )


@pytest.mark.filterwarnings("error")
def test_a_precision_out_of_reach_is_nan():
    labels, probs = [0, 1, 0, 1], [0.9, 0.8, 0.7, 0.6]
    desk = threshold_table(labels, probs, labels, probs, trained_at=0.5, q=0.1, min_precision=0.9)
    row = desk.iloc[4]
    assert np.isnan(row.threshold) and np.isnan(row.recall) and np.isnan(row.precision_at_q)
    assert desk.drop(index=4)["recall"].notna().all()


def test_a_threshold_between_neighbouring_numbers_keeps_the_lower_out():
    """Halfway between two floats next to each other rounds to one of them."""
    high = 0.7
    for low in (np.nextafter(high, 0), np.nextafter(high, 1)):
        upper, lower = max(high, low), min(high, low)
        threshold = balanced_threshold([1, 0], [upper, lower])
        assert lower < threshold <= upper


def f1_of(tp, fp, n_pos, n_neg, q):
    recall, fpr = tp / n_pos, fp / n_neg
    return 2 * q * recall / (q * recall + (1 - q) * fpr + q)


def test_the_interval_of_f1_agrees_with_a_bootstrap_over_examples():
    rng = np.random.default_rng(4)
    labels, probs = sample(5)
    n_pos, n_neg = int(labels.sum()), int((~labels).sum())
    tp, fp = int((probs[labels] >= 0.5).sum()), int((probs[~labels] >= 0.5).sum())
    found = f1_interval(tp, fp, n_positives=n_pos, n_negatives=n_neg, q=labels.mean())
    assert found.value == pytest.approx(f1_score(labels, probs >= 0.5))
    called = [
        (probs[own] >= 0.5)[rng.integers(0, own.sum(), (4000, own.sum()))].sum(axis=1) for own in (labels, ~labels)
    ]
    drawn = f1_of(*called, n_pos, n_neg, labels.mean())
    assert (found.low, found.high) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.006)


def test_the_interval_of_f1_covers_the_truth_and_widens_for_seeds():
    rng = np.random.default_rng(5)
    tp, fp = rng.binomial(60, 0.8, size=400), rng.binomial(300, 0.02, size=400)
    truth = f1_of(0.8 * 60, 0.02 * 300, 60, 300, 1 / 11)
    held = [
        f1_interval(t, f, n_positives=60, n_negatives=300, q=1 / 11, draws=300) for t, f in zip(tp, fp, strict=True)
    ]
    assert 0.92 <= np.mean([one.low <= truth <= one.high for one in held]) <= 0.99
    same, apart = (f1_interval(t, [6, 6, 6], n_positives=60, n_negatives=300, q=0.1) for t in ([48] * 3, [38, 48, 58]))
    assert same.low > apart.low and same.high < apart.high and same.value == apart.value


@quick
@given(st.integers(0, 30), st.integers(0, 50), st.floats(0.01, 0.99))
def test_f1_is_within_its_interval(tp, fp, q):
    found = f1_interval(tp, fp, n_positives=30, n_negatives=50, q=q, draws=100)
    assert 0 <= found.low <= found.value <= found.high <= 1 and found.low < found.high
    assert found.value == pytest.approx(f1_of(tp, fp, 30, 50, q))


def test_costs_and_shares_are_checked():
    with pytest.raises(ValueError, match="costs"):
        cost_threshold(cost_fp=0, cost_fn=1, trained_at=0.5, q=0.5)
    with pytest.raises(ValueError, match="recall asked for"):
        recall_threshold([0, 1], [0.1, 0.2], recall=1.2)
    with pytest.raises(ValueError, match="Counts"):
        f1_interval([3, 5], [0, 0], n_positives=4, n_negatives=9, q=0.1)
