"""Separability: scikit-learn and brute force, worked numbers, what must always hold, and planted and absent overlap."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from closecall.analysis.causes.separability import (
    _RIDGE,
    _nearest_others,
    _own_aucs,
    _permuted_within,
    _ridge_scores,
    balanced_sample,
    cover_hart,
    decide,
    errors_by_class,
    examples_needed,
    knn_purity,
    one_nn_bounds,
    overlap,
    probe_auc,
    separability,
)
from closecall.analysis.intervals import Estimate, holm, wilson


def two_clouds(n: int, gap: float, *, d: int = 8, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """n positives and n negatives, `gap` standard deviations apart along one axis."""
    rows = np.random.default_rng(seed).normal(size=(2 * n, d))
    rows[:n, 0] += gap
    return rows, np.arange(2 * n) < n


def test_the_probe_is_scikit_learns_logistic_regression() -> None:
    rows, labels = two_clouds(60, 1.5)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    folds = StratifiedKFold(5, shuffle=True, random_state=3)
    probs = cross_val_predict(LogisticRegression(max_iter=2000), unit, labels, cv=folds, method="predict_proba")[:, 1]
    probe = probe_auc(rows, labels, permutations=19, seed=3)
    assert probe.auc.value == pytest.approx(roc_auc_score(labels, probs))
    assert probe.error.value == pytest.approx(((probs >= 0.5) != labels).mean())
    assert probe.auc.low < probe.auc.value < probe.auc.high
    assert probe.p == 1 / 20


def test_the_permuted_probe_is_scikit_learns_ridge() -> None:
    rows, labels = two_clouds(25, 0.5)
    held_out = [fold for _, fold in StratifiedKFold(5).split(rows, labels)]
    targets = _permuted_within(held_out, labels, 3, np.random.default_rng(0))
    scores = _ridge_scores(rows, targets, held_out)
    for target, own, area in zip(targets, scores, _own_aucs(targets, scores), strict=True):
        for fold in held_out:
            seen = np.setdiff1d(np.arange(len(rows)), fold)
            model = Ridge(alpha=_RIDGE).fit(rows[seen], target[seen])
            np.testing.assert_allclose(own[fold], model.predict(rows[fold]) - target[seen].mean(), atol=1e-9)
            assert target[fold].sum() == labels[fold].sum()
        assert area == pytest.approx(roc_auc_score(target, own))
    assert (targets[0] == labels).all() and (targets[1:] != labels).any()


def test_p_is_uniform_without_a_difference() -> None:
    """P(p <= 0.1) is at most 0.1; 40 samples leave 0.25 as the upper 99.9 % limit."""
    values = [
        probe_auc(np.random.default_rng(r).normal(size=(40, 12)), np.arange(40) % 2, permutations=39, seed=r).p
        for r in range(40)
    ]
    assert np.mean(np.array(values) <= 0.1) <= 0.25
    assert 0.4 < np.mean(values) < 0.62


@pytest.mark.parametrize("k", [1, 3, 10])
def test_neighbours_agree_with_scikit_learn(k: int) -> None:
    rows, labels = two_clouds(30, 1.0)
    model = KNeighborsClassifier(k, metric="cosine", algorithm="brute").fit(rows, labels)
    expected = model.kneighbors(return_distance=False)
    assert (_nearest_others(rows, labels, k) == expected).all()
    purity = knn_purity(rows, labels, k=k)
    assert purity.purity.value == pytest.approx(labels[expected[labels]].mean())
    assert purity.chance == 29 / 59 and purity.k == k
    assert purity.purity.low <= purity.purity.value <= purity.purity.high
    if k == 1:
        assert one_nn_bounds(rows, labels).error.value == pytest.approx((labels[expected[:, 0]] != labels).mean())


def test_a_row_is_never_its_own_neighbour() -> None:
    copies = np.ones((8, 3))
    ids = _nearest_others(copies, np.arange(8) < 4, 2)
    assert not (ids == np.arange(8)[:, None]).any()


def test_cover_and_harts_worked_bounds() -> None:
    assert [round(cover_hart(e), 10) for e in (0, 0.18, 0.32, 0.5)] == [0, 0.1, 0.2, 0.5]


def test_one_nn_error_above_one_half_is_one_half() -> None:
    """Pairs of one positive and one negative: every nearest other is of the other class."""
    rows = np.repeat(np.eye(6), 2, axis=0) + 1e-3 * np.random.default_rng(0).normal(size=(12, 6))
    bounds = one_nn_bounds(rows, np.arange(12) % 2)
    assert bounds.error.value == bounds.error.high == bounds.lowest.value == 0.5
    assert bounds.error.low == 0.5


@given(st.integers(0, 10_000), st.integers(2, 40), st.integers(2, 40), st.integers(1, 30))
def test_a_balanced_sample(seed: int, n_pos: int, n_neg: int, most: int) -> None:
    labels = np.random.default_rng(seed).permutation(np.arange(n_pos + n_neg) < n_pos)
    drawn = balanced_sample(labels, max_per_class=most, seed=seed)
    assert labels[drawn].sum() * 2 == len(drawn) == 2 * min(n_pos, n_neg, most)
    assert (np.diff(drawn) > 0).all()


@given(st.integers(0, 1000), st.floats(-1, 1), st.floats(0.001, 0.5), st.floats(0.01, 0.3))
def test_a_decision_is_one_of_three(n: int, value: float, half: float, margin: float) -> None:
    answer, needed = decide(Estimate(value, value - half, value + half), n, margin=margin)
    assert (answer == "too few") == (value - half <= 0 and value + half >= margin)
    assert (answer == "present") == (value >= margin and value > half)
    assert needed is None if answer != "too few" else needed > n


def test_the_needed_number_decides_in_four_of_five() -> None:
    """A true difference of 0.1 and of 0, standard error 1/sqrt(n): 785 examples for a margin of 0.1."""
    needed = examples_needed(Estimate(0.1, 0.1 - 0.196, 0.1 + 0.196), 100, margin=0.1)
    assert needed == 785
    for truth in (0.0, 0.1):
        values = truth + np.random.default_rng(1).normal(size=4000) / np.sqrt(needed)
        half = 1.959964 / np.sqrt(needed)
        decided = [decide(Estimate(v, v - half, v + half), needed, margin=0.1)[0] != "too few" for v in values]
        assert 0.78 < np.mean(decided) < 0.83


def test_planted_and_absent_overlap() -> None:
    """Far control 5 SD apart: classes 0.8 SD apart overlap, classes 5 SD apart do not."""
    answers = {gap: Counter[str]() for gap in (0.8, 5.0)}
    for seed in range(6):
        far = separability(*two_clouds(100, 5.0, seed=1000 + seed), seed=seed)
        for gap, counted in answers.items():
            counted[overlap(separability(*two_clouds(100, gap, seed=seed), seed=seed), far).answer] += 1
    assert answers[0.8] == {"present": 6}
    assert answers[5.0]["present"] == 0 and answers[5.0]["absent"] >= 4


def test_few_texts_and_no_control() -> None:
    near, far = (separability(*two_clouds(8, gap, seed=5)) for gap in (1.5, 2.0))
    found = overlap(near, far)
    assert found.answer == "too few" and found.needed is not None and found.needed > 8
    assert overlap(near, None).answer == "not measurable"


def test_the_bounds_fail_in_many_dimensions() -> None:
    """300 of 400 dimensions each tell a little: the probe is better than the 1-NN rule's lower bound."""
    rows, labels = two_clouds(300, 0.0, d=300)
    rows[labels] += 0.15
    found = separability(rows, labels)
    assert found.probe.error.high < found.one_nn.lowest.value and not found.bounds_hold
    assert separability(*two_clouds(100, 2.0, d=2)).bounds_hold


def test_errors_by_class_against_brute_force() -> None:
    counts = {"politics": 600, "sport": 300, "cars": 100}
    frame = errors_by_class(["cars"] * 9 + ["sport"] * 11 + ["politics"] * 20, counts)
    assert frame["class"].tolist() == ["cars", "sport", "politics"]
    assert frame["difference"].tolist() == pytest.approx([0.125, -0.025, -0.1])
    for _, row in frame.iterrows():
        chances = binom.pmf(np.arange(41), 40, row["expected"])
        own = chances[row["errors"]]
        assert row["p"] == pytest.approx(chances[chances <= own * (1 + 1e-7)].sum())
        low, high = wilson(row["errors"], 40)
        assert (row["low"], row["high"]) == pytest.approx((low - row["expected"], high - row["expected"]))
    assert frame["p_holm"].tolist() == pytest.approx(holm(frame["p"]).tolist())


def test_a_class_without_errors_is_listed() -> None:
    frame = errors_by_class(["a"] * 30, {"a": 50, "b": 50})
    assert frame.set_index("class").loc["b", ["errors", "difference"]].tolist() == [0, -0.5]
    assert (frame["p_holm"] < 1e-6).all()


def test_wrong_arguments_are_refused() -> None:
    rows, labels = two_clouds(5, 1.0)
    with pytest.raises(ValueError, match="one embedding for each"):
        separability(rows[:-1], labels)
    with pytest.raises(ValueError, match="one embedding for each"):
        knn_purity(rows[:-1], labels)
    with pytest.raises(ValueError, match="at least one positive"):
        separability(rows, np.zeros(10))
    with pytest.raises(ValueError, match="at least two examples"):
        separability(rows, np.arange(10) < 1)
    with pytest.raises(ValueError, match="no negative examples of: c"):
        errors_by_class(["c"], {"a": 1})
    with pytest.raises(ValueError, match="at least one error"):
        errors_by_class([], {"a": 1})
    with pytest.raises(ValueError, match="both bounds"):
        decide(Estimate(0.1, float("nan"), 0.2), 10, margin=0.1)
