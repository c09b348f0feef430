"""Precision, F1, accuracy, alerts and average precision at the user's own prevalence."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score, precision_score

from closecall.analysis.metrics.outcomes import confusion
from closecall.analysis.metrics.prevalence import (
    average_precision_at,
    f1_at,
    precision_at,
    precision_recall_curve_at,
    predicted_positive_rate_at,
)
from closecall.analysis.metrics.ranking import class_weights

# A busy machine must not fail a property by its clock.
quick = settings(deadline=None, max_examples=30)


def sample(n=400, seed=0):
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.3).astype(int)
    return labels, np.round(rng.normal(size=n) + 2 * labels, 1)


def test_the_worked_figures_at_one_in_eleven_and_at_one_half():
    recall, fpr = [0.80, 0.92], [0.02, 0.08]
    assert precision_at(recall, fpr, q=1 / 11) == pytest.approx([0.80, 0.535], abs=5e-4)
    assert f1_at(recall, fpr, q=1 / 11) == pytest.approx([0.80, 0.676], abs=5e-4)
    assert precision_at(recall, fpr, q=0.5) == pytest.approx([0.976, 0.92], abs=5e-4)
    assert f1_at(recall, fpr, q=0.5) == pytest.approx([0.879, 0.92], abs=5e-4)
    assert predicted_positive_rate_at(recall, fpr, q=1 / 11) == pytest.approx([1 / 11, 1.72 / 11])


@quick
@given(st.floats(0.02, 0.98))
def test_metrics_at_a_prevalence_are_scikit_learns_with_weights(q):
    labels, scores = sample()
    probs = 1 / (1 + np.exp(-scores))
    counts, weights = confusion(labels, probs), class_weights(labels, q=q)
    rates = (counts.recall, counts.false_positive_rate)
    preds = probs >= 0.5
    assert precision_at(*rates, q=q) == pytest.approx(precision_score(labels, preds, sample_weight=weights))
    assert f1_at(*rates, q=q) == pytest.approx(f1_score(labels, preds, sample_weight=weights))
    assert predicted_positive_rate_at(*rates, q=q) == pytest.approx(np.average(preds, weights=weights))
    expected = average_precision_score(labels, scores, sample_weight=weights)
    assert average_precision_at(labels, scores, q=q) == pytest.approx(expected)


def test_precision_without_predicted_positives_is_nan():
    assert np.isnan(precision_at(0, 0, q=0.1)) and f1_at(0, 0, q=0.1) == 0
    assert np.isnan(f1_at(0, 0, q=0))


def test_a_random_order_scores_q():
    rng = np.random.default_rng(1)
    labels = np.repeat([1, 0], [2000, 2000])
    assert average_precision_at(labels, rng.random(4000), q=0.1) == pytest.approx(0.1, abs=0.02)
    assert average_precision_at(labels, np.zeros(4000), q=0.1) == pytest.approx(0.1)


def test_the_curve_holds_every_operating_point():
    labels, scores = sample()
    curve = precision_recall_curve_at(labels, scores, q=labels.mean())
    assert len(curve) == len(np.unique(scores))
    for row in curve.iloc[::7].itertuples():
        called = scores >= row.threshold
        assert row.recall == pytest.approx(called[labels == 1].mean())
        assert row.false_positive_rate == pytest.approx(called[labels == 0].mean())
        assert row.precision == pytest.approx(labels[called].mean())


def test_a_thinned_curve_keeps_its_ends_and_stays_close():
    rng = np.random.default_rng(2)
    labels = rng.random(50_000) < 0.05
    scores = rng.normal(size=50_000) + 2 * labels
    whole = precision_recall_curve_at(labels, scores, q=0.05)
    thin = precision_recall_curve_at(labels, scores, q=0.05, max_points=2000)
    assert len(thin) <= 2000
    assert thin.iloc[[0, -1]].to_numpy() == pytest.approx(whole.iloc[[0, -1]].to_numpy())
    assert np.abs(np.diff(thin["recall"])).max() < 0.005
    assert (np.diff(thin["recall"]) >= 0).all()


@pytest.mark.parametrize("q", [0, 1, -0.2, 3])
def test_a_prevalence_must_be_a_share(q):
    with pytest.raises(ValueError, match="prevalence"):
        average_precision_at([0, 1], [0.1, 0.2], q=q)


def test_rates_must_be_shares():
    with pytest.raises(ValueError, match="Recall"):
        precision_at(1.2, 0.1, q=0.5)
