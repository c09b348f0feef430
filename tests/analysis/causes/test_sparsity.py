"""Sparsity: curves that are known, scikit-learn, scipy and R's numbers, and planted and absent sparsity."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import nnls
from scipy.stats import pearsonr
from sklearn.linear_model import LogisticRegression

from closecall.analysis.causes.sparsity import (
    _EXPONENTS,
    PowerLaw,
    cochran_armitage,
    fit_power_law,
    more_positives,
    positive_count_curve,
    predicted_error,
    recall_by_similarity,
)
from closecall.analysis.intervals import wilson
from closecall.analysis.metrics.ranking import threshold_at_fpr


def kinds_of_positives(n_pos: int, n_neg: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Positives of 12 kinds that share nothing, among negatives without a direction."""
    rng = np.random.default_rng(seed)
    centres = 1.5 * np.eye(24)[:12]
    rows = 0.5 * rng.normal(size=(n_pos + n_neg, 24))
    rows[:n_pos] += centres[rng.integers(0, 12, n_pos)]
    return rows, np.arange(n_pos + n_neg) < n_pos


def test_the_curve_is_a_logistic_regression_at_the_full_probes_false_positive_rate() -> None:
    (rows, labels), (test_rows, test) = kinds_of_positives(40, 200, 0), kinds_of_positives(60, 150, 1)
    curve = positive_count_curve(rows, labels, test_rows, test, draws=3)
    assert curve.groupby("positives").size().to_dict() == {5: 3, 10: 3, 20: 3, 40: 1}
    unit, test_unit = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in (rows, test_rows))
    probs = LogisticRegression(max_iter=2000).fit(unit, labels).predict_proba(test_unit)[:, 1]
    fpr = (probs[~test] > 40 / 240).mean()
    recall = (probs[test] >= threshold_at_fpr(test, probs, fpr=float(fpr))).mean()
    assert curve["error"].iloc[-1] == pytest.approx(1 - recall)
    assert curve["error"].iloc[:3].mean() > curve["error"].iloc[-1]
    again = positive_count_curve(rows, labels, test_rows, test, draws=3)
    pd.testing.assert_frame_equal(curve, again)


@given(st.floats(0, 0.3), st.floats(0.1, 2), st.sampled_from(_EXPONENTS[10:50].tolist()))
def test_an_exact_curve_is_found_again(a: float, b: float, c: float) -> None:
    counts = np.array([10, 20, 40, 80, 160])
    fit = fit_power_law(counts, a + b * counts**-c, resamples=5)
    for n in (10, 160, 320):
        wanted = a + b * n**-c
        assert min(max(fit.a + fit.b * n**-fit.c, 0), 1) == pytest.approx(min(wanted, 1), abs=2e-4 * b)
    assert fit.a >= 0 and fit.b >= 0 and fit.spread == 0


def test_the_fit_is_the_best_of_scipys_non_negative_least_squares() -> None:
    rng = np.random.default_rng(4)
    for _ in range(10):
        counts = np.repeat([8, 16, 32, 64], 6)
        errors = np.clip(0.1 + counts**-0.5 + 0.1 * rng.normal(size=24), 0, 1)
        fit = fit_power_law(counts, errors, resamples=2)
        levels = np.unique(counts)
        means, root = np.array([errors[counts == one].mean() for one in levels]), np.sqrt(levels)
        misfits = [nnls(np.column_stack([root, root * levels**-c]), root * means)[1] for c in _EXPONENTS]
        own = np.linalg.norm(root * (means - fit.a - fit.b * levels**-fit.c))
        assert own == pytest.approx(min(misfits), abs=1e-5)


def test_errors_that_rise_give_a_flat_curve() -> None:
    fit = fit_power_law([10, 20, 40], [0.1, 0.2, 0.3], resamples=3)
    assert fit.b == 0 and fit.a == pytest.approx((0.1 * 10 + 0.2 * 20 + 0.3 * 40) / 70)


def test_the_interval_of_a_known_curve() -> None:
    """Without noise in the draws, the interval is Wilson's for the test positives."""
    fit = PowerLaw(0.1, 1.0, 0.5, np.array([[0.1, 1.0, 0.5]] * 3), 0.0)
    found = predicted_error(fit, 100, test_positives=50)
    assert (found.value, found.low, found.high) == pytest.approx((0.2, *map(float, wilson(10, 50))))
    wider = predicted_error(PowerLaw(0.1, 1.0, 0.5, fit.resampled, 0.05), 100, test_positives=50)
    assert wider.high - 0.2 == pytest.approx(np.hypot(found.high - 0.2, 1.959964 * 0.05))
    assert predicted_error(PowerLaw(0, 9.0, 0.5, fit.resampled, 0.5), 4, test_positives=50).high == 1


@pytest.mark.parametrize(("b", "answer"), [(6.0, "present"), (0.3, "absent")])
def test_planted_and_absent_curves(b: float, answer: str) -> None:
    """Error 0.05 + b/sqrt(n), 400 positives: twice as many give 8.8 points of recall for b = 6 and 0.4 for b = 0.3."""
    answers, held = Counter[str](), 0
    counts = np.array([*np.repeat([50, 100, 200], 10), 400])
    for seed in range(30):
        noise = np.random.default_rng(seed).normal(size=31) * 0.25 / np.sqrt(counts)
        found = more_positives(fit_power_law(counts, 0.05 + b / np.sqrt(counts) + noise), 400, test_positives=300)
        answers[found.answer] += 1
        held += found.gain.low <= b / 20 - b / np.sqrt(800) <= found.gain.high
        assert (found.needed is not None) == (found.answer == "too few")
    assert answers[answer] >= 27 and answers["absent" if answer == "present" else "present"] == 0
    assert held >= 27


def test_thirty_positives_are_too_few() -> None:
    curve = positive_count_curve(*kinds_of_positives(30, 150, 2), *kinds_of_positives(50, 150, 3))
    found = more_positives(fit_power_law(curve["positives"], curve["error"]), 30, test_positives=50)
    assert found.answer == "too few" and found.needed is not None and found.needed > 30
    assert found.doubled.value < found.now.value


def test_rs_worked_trend() -> None:
    """R, prop.trend.test: smokers among patients, X-squared = 8.2249, p = 0.004132."""
    z, p = cochran_armitage([83, 90, 129, 70], [86, 93, 136, 82])
    assert z < 0
    assert (z**2, p) == pytest.approx((8.2249, 0.004132), abs=5e-5)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=2, max_size=6))
def test_the_trend_is_a_correlation(groups: list[tuple[int, int]]) -> None:
    """z^2 = N r^2, with scipy's correlation of group and outcome."""
    hits, misses = np.array(groups).T
    outcome = np.concatenate([np.repeat([1, 0], pair) for pair in groups])
    place = np.repeat(np.arange(len(groups)), hits + misses)
    if not len(outcome) or len(set(outcome)) < 2 or len(set(place)) < 2:
        if len(outcome):
            assert cochran_armitage(hits, hits + misses) == (0.0, 1.0)
        return
    z, _ = cochran_armitage(hits, hits + misses)
    assert z == pytest.approx(pearsonr(place, outcome)[0] * np.sqrt(len(outcome)))


@given(st.integers(0, 10_000), st.integers(4, 80), st.booleans())
def test_quartiles_hold_every_positive(seed: int, n: int, tied: bool) -> None:
    rng = np.random.default_rng(seed)
    similarity = rng.integers(0, 4, n) / 4 if tied else rng.normal(size=n)
    found = rng.random(n) < 0.7
    frame = recall_by_similarity(found, similarity).quartiles
    assert (frame["n"].sum(), frame["found"].sum()) == (n, found.sum())
    filled = frame[frame["n"] > 0]
    assert (filled["low"].to_numpy()[1:] > filled["high"].to_numpy()[:-1]).all()
    for row in filled.itertuples():
        inside = (similarity >= row.low) & (similarity <= row.high)
        assert row.recall == pytest.approx(found[inside].mean()) and row.n == inside.sum()
        assert row.recall_low <= row.recall <= row.recall_high
    if not tied:
        assert frame["n"].max() - frame["n"].min() <= 1


@pytest.mark.parametrize(("slope", "answer"), [(1.0, "present"), (0.0, "absent")])
def test_planted_and_absent_trends(slope: float, answer: str) -> None:
    answers = Counter[str]()
    for seed in range(60):
        rng = np.random.default_rng(seed)
        similarity = rng.normal(size=1500)
        found = rng.random(1500) < 1 / (1 + np.exp(-2 - slope * similarity))
        answers[recall_by_similarity(found, similarity).answer] += 1
    assert answers[answer] >= 54


def test_few_positives_and_equal_similarities() -> None:
    few = recall_by_similarity([1, 0, 1, 1, 0, 1, 1, 1], np.arange(8))
    assert few.answer == "too few" and few.needed is not None and few.needed > 8
    assert recall_by_similarity([1, 0, 1], [0.5, 0.5, 0.5]).answer == "not measurable"


def test_wrong_arguments_are_refused() -> None:
    data = kinds_of_positives(10, 20, 0)
    with pytest.raises(ValueError, match="from 1 to 10"):
        positive_count_curve(*data, *data, counts=[20])
    with pytest.raises(ValueError, match="one row for each"):
        positive_count_curve(data[0][:5], data[1], *data)
    with pytest.raises(ValueError, match="three different"):
        fit_power_law([1, 2], [0.3, 0.2])
    with pytest.raises(ValueError, match="one value for each"):
        recall_by_similarity([1, 0], [0.1])
