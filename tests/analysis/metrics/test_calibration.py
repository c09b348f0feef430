"""Temperature, Platt, reliability, change of prior, undoing of under-sampling."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression

from closecall.analysis.metrics.calibration import (
    calibration_error,
    calibration_slopes,
    log_odds,
    platt,
    probabilities,
    reliability_table,
    shift_prior,
    temperature,
)

# A busy machine must not fail a property by its clock.
quick = settings(deadline=None, max_examples=30)


def calibrated(rng, n, *, share=0.5, d_prime=2.5):
    """Labels and the logits that say just what they mean, at the sample's prevalence."""
    labels = rng.random(n) < share
    x = rng.normal(size=n) + np.where(labels, d_prime / 2, -d_prime / 2)
    return labels, d_prime * x + np.log(share / (1 - share))


def test_temperature_recovers_the_scale_of_the_logits():
    labels, logits = calibrated(np.random.default_rng(0), 20_000)
    assert temperature(labels, logits) == pytest.approx(1, abs=0.05)
    assert temperature(labels, 3 * logits) == pytest.approx(3, rel=0.05)


def test_temperature_at_another_validation_prevalence():
    # Honest when balanced, and lopsided: the run is sure of its negatives only. Most positives are then left out.
    rng = np.random.default_rng(1)
    logits = np.concatenate([rng.normal(-4, 1, 40_000), rng.normal(1, 0.5, 60_000)])
    labels = rng.random(len(logits)) < probabilities(logits)
    kept = ~labels | (rng.random(len(labels)) < 0.1)
    prevalence = labels.mean()
    assert temperature(labels[kept], logits[kept], q=prevalence) == pytest.approx(1, abs=0.05)
    assert abs(temperature(labels[kept], logits[kept]) - 1) > 0.1


def test_platt_agrees_with_unpenalised_logistic_regression():
    rng = np.random.default_rng(2)
    labels, logits = calibrated(rng, 3000, share=0.3)
    spoiled = 2 * logits - 1
    model = LogisticRegression(C=np.inf, tol=1e-10).fit(spoiled[:, None], labels)
    assert platt(labels, spoiled) == pytest.approx((model.coef_[0, 0], model.intercept_[0]), abs=2e-3)


def test_platt_corrects_a_shifted_prior():
    labels, logits = calibrated(np.random.default_rng(3), 20_000, share=0.1)
    slope, intercept = platt(labels, shift_prior(logits, trained_at=0.1, q=0.5))
    assert (slope, intercept) == pytest.approx((1, np.log(1 / 9)), abs=0.1)


@quick
@given(st.integers(0, 10**6), st.sampled_from([4, 10, 20]))
def test_reliability_agrees_with_scikit_learn(seed, bins):
    rng = np.random.default_rng(seed)
    labels, probs = rng.random(60) < 0.4, rng.random(60)
    table = reliability_table(labels, probs, bins=bins)
    share, mean = calibration_curve(labels, probs, n_bins=bins)
    assert table["positive_share"].to_numpy() == pytest.approx(share)
    assert table["mean_prob"].to_numpy() == pytest.approx(mean)
    assert table["n"].sum() == 60


def test_calibration_error_by_hand_and_by_prediction():
    labels = [0, 0, 0, 0, 1, 1, 0, 0]
    probs = [0.1, 0.1, 0.1, 0.1, 0.9, 0.9, 0.9, 0.9]
    error = calibration_error(labels, probs)
    assert (error.predicted_negative, error.predicted_positive) == pytest.approx((0.1, 0.4))
    assert error.overall == pytest.approx(0.25)
    assert np.isnan(calibration_error([0, 1], [0.1, 0.2]).predicted_positive)


def test_calibrated_probabilities_have_little_error():
    labels, logits = calibrated(np.random.default_rng(4), 50_000)
    assert calibration_error(labels, probabilities(logits)).overall < 0.02
    assert reliability_table([1, 0], [1.0, 0.0])["gap"].tolist() == [0, 0]


@quick
@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.floats(-20, 20))
def test_a_change_of_prior_is_bayes_rule_and_can_be_undone(pi, q, logit):
    p = probabilities(logit)
    moved = shift_prior(logit, trained_at=pi, q=q)
    bayes = p * q / pi / (p * q / pi + (1 - p) * (1 - q) / (1 - pi))
    assert probabilities(moved) == pytest.approx(bayes)
    assert shift_prior(moved, trained_at=q, q=pi) == pytest.approx(logit, abs=1e-9)


def test_log_odds_stay_finite():
    assert np.isfinite(log_odds([0, 1])).all()


@pytest.mark.parametrize(
    "call",
    [
        lambda: calibration_error([0, 1], [0.1, 0.2], bins=7),
        lambda: reliability_table([0, 1], [0.1, 0.2], bins=1),
        lambda: shift_prior([0.2], trained_at=1, q=0.5),
        lambda: temperature([1, 1], [0.1, 0.2]),
    ],
)
def test_bad_settings_are_refused(call):
    with pytest.raises(ValueError, match=r"must|needs"):
        call()


def test_slopes_vary_as_under_resampling():
    rng = np.random.default_rng(11)
    labels, logits = calibrated(rng, 800)
    both = np.stack([logits, logits + rng.normal(scale=0.8, size=800)])
    found, covariance = calibration_slopes(labels, both, q=0.5)
    assert found == pytest.approx([1 / temperature(labels, row, q=0.5) for row in both])
    draws = []
    for _ in range(300):
        rows = np.concatenate([rng.choice(np.flatnonzero(labels == one), (labels == one).sum()) for one in (1, 0)])
        draws.append([1 / temperature(labels[rows], row[rows], q=0.5) for row in both])
    assert np.sqrt(np.diag(covariance)) == pytest.approx(np.std(draws, axis=0), rel=0.15)
    assert covariance[0, 1] == pytest.approx(np.cov(np.array(draws).T)[0, 1], rel=0.3)
