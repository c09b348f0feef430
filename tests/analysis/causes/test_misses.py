"""Causes of single errors: conformal p values, the order of the causes, null rates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import betabinom, binomtest, fisher_exact
from sklearn.neighbors import NearestNeighbors
from statsmodels.stats.multitest import multipletests

from closecall.analysis.causes.misses import (
    CAUSES_OF_MISSES,
    MISS_CAUSE_BY_KEY,
    assign,
    conformal_p,
    dissimilar_p,
    have_suspect_label,
    leave_one_out_similarities,
    null_rates,
    other_class_neighbours,
    reference_thresholds,
)

KEYS = ("threshold", "suspect label", "not read", "no similar example", "seed", "overlap", "unexplained")


def test_the_causes_are_in_order() -> None:
    assert tuple(cause.key for cause in CAUSES_OF_MISSES) == KEYS == tuple(MISS_CAUSE_BY_KEY)


def test_conformal_p_by_hand() -> None:
    # Calibration .2 .4 .6 .8: (1 + how many are at or below) / 5.
    assert conformal_p([0.1, 0.2, 0.5, 0.9, np.nan], [0.8, 0.2, 0.6, 0.4])[:4].tolist() == [0.2, 0.4, 0.6, 1.0]
    assert np.isnan(conformal_p([np.nan], [0.1])).all()
    for bad in ([], [[0.1]], [0.1, np.nan]):
        with pytest.raises(ValueError, match="conformal p"):
            conformal_p([0.5], bad)


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=20), st.lists(st.integers(-5, 5), min_size=1, max_size=20))
def test_conformal_p_equals_counting(values: list[int], known: list[int]) -> None:
    expected = [(1 + sum(one <= value for one in known)) / (len(known) + 1) for value in values]
    assert np.allclose(conformal_p(values, known), expected)


def test_conformal_p_is_valid_for_exchangeable_examples() -> None:
    rng = np.random.default_rng(3)
    small = []
    for _ in range(300):
        own = rng.normal(size=(61, 8))
        similarity = own[:60] @ own[60] / np.linalg.norm(own[:60], axis=1) / np.linalg.norm(own[60])
        known = leave_one_out_similarities(own[:60], np.arange(60))
        small.append(conformal_p([similarity.max()], known)[0] <= 0.05)
    assert 0.02 <= np.mean(small) <= 0.08


def test_leave_one_out_similarities_leave_the_family_out() -> None:
    rng = np.random.default_rng(0)
    vectors, family = rng.normal(size=(30, 5)), np.repeat(np.arange(15), 2)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = unit @ unit.T
    expected = [max(cosines[i, j] for j in range(30) if family[j] != family[i]) for i in range(30)]
    assert np.allclose(leave_one_out_similarities(vectors, family), expected, atol=1e-5)
    assert np.allclose(leave_one_out_similarities(vectors, family, rows=[4, 2]), np.array(expected)[[4, 2]], atol=1e-5)
    assert np.isnan(leave_one_out_similarities(vectors[:2], [7, 7])).all()
    with pytest.raises(ValueError, match="one family"):
        leave_one_out_similarities(vectors, [1, 2])


def test_other_class_neighbours_as_scikit_learn_counts_them() -> None:
    rng = np.random.default_rng(1)
    train, queries = rng.normal(size=(40, 6)), rng.normal(size=(9, 6))
    train_labels, labels = np.arange(40) % 2, np.arange(9) % 2
    index = NearestNeighbors(n_neighbors=7, metric="cosine").fit(train).kneighbors(queries, return_distance=False)
    expected = (train_labels[index] != labels[:, None]).sum(axis=1)
    assert other_class_neighbours(queries, labels, train, train_labels, k=7).tolist() == expected.tolist()
    own = [0, 5, 39]
    index = NearestNeighbors(n_neighbors=8, metric="cosine").fit(train).kneighbors(train[own], return_distance=False)
    expected = (train_labels[index[:, 1:]] != train_labels[own][:, None]).sum(axis=1)
    found = other_class_neighbours(train[own], train_labels[own], train, train_labels, k=7, own=own)
    assert found.tolist() == expected.tolist()
    with pytest.raises(ValueError, match="cannot be found"):
        other_class_neighbours(queries, labels, train[:7], train_labels[:7], k=7)


def test_the_reference_threshold_keeps_the_error_rate() -> None:
    rng = np.random.default_rng(2)
    labels = np.arange(200) % 2
    reference = 1 / (1 + np.exp(-(rng.normal(size=(2, 200)) + 2 * labels - 1)))
    scores = reference[:1] / 3
    rate, thresholds = reference_thresholds(labels, scores, reference, threshold=0.5)
    assert rate == (reference[:, labels == 0] >= 0.5).mean()
    negative = np.sort(scores[0, labels == 0])[::-1]
    allowed = int(rate * 100)
    assert negative[allowed] < thresholds[0] <= negative[allowed - 1]
    rate, thresholds = reference_thresholds(labels, scores, reference, threshold=0.5, positive=False)
    assert rate == (reference[:, labels == 1] < 0.5).mean()
    assert (
        (scores[0, labels == 1] < thresholds[0]).mean()
        <= rate
        < (scores[0, labels == 1] <= thresholds[0] + 0.01).mean()
    )
    tied = np.where(labels == 1, 0.9, 0.4)[None]
    rate, thresholds = reference_thresholds(labels, tied, tied, threshold=0.5, positive=False)
    assert rate == 0 and (tied[0, labels == 1] >= thresholds[0]).all()


def test_assign_takes_the_first_cause() -> None:
    holds = {
        "overlap": [True, True, False, False],
        "suspect label": [False, True, True, False],
        "threshold": [False, False, True, False],
    }
    assert assign(holds).tolist() == ["overlap", "suspect label", "threshold", "unexplained"]
    for bad in ({}, {"other": [True]}, {"unexplained": [True]}, {"seed": [True], "overlap": [True, False]}):
        with pytest.raises(ValueError, match=r"causes among|one value"):
            assign(bad)


@given(st.lists(st.tuples(*[st.booleans()] * 6), min_size=1, max_size=30))
def test_assign_equals_a_loop(rows: list[tuple[bool, ...]]) -> None:
    holds = {key: [row[place] for row in rows] for place, key in enumerate(KEYS[:-1])}
    expected = [next((key for key, here in zip(KEYS, row, strict=False) if here), "unexplained") for row in rows]
    assert assign(holds).tolist() == expected


def test_null_rates_as_scipy_and_statsmodels_compute_them() -> None:
    rng = np.random.default_rng(4)
    n = 400
    errors = np.arange(n) < 100
    holds = {
        "threshold": errors & (rng.random(n) < 0.4),
        "suspect label": errors & (rng.random(n) < 0.3),
        "not read": rng.random(n) < np.where(errors, 0.3, 0.05),
        "no similar example": rng.random(n) < 0.04,
        "seed": errors & (rng.random(n) < 0.5),
        "overlap": errors & (rng.random(n) < 0.2),
    }
    frame = null_rates(holds, errors, ~errors, training_suspects=[20, 300], calibration=99).set_index("cause")
    assert list(frame.index) == [*holds, "unexplained"]
    suspects = int(holds["suspect label"].sum())
    assert (frame.loc["suspect label", "holds"], frame.loc["suspect label", "of_class"]) == (suspects, n)
    assert frame["errors"].sum() == 100 == frame["of_errors"].iloc[0]
    plain = null_rates(holds, errors, ~errors)
    assert plain["correct"][1:].sum() == 300  # each correct example would get one cause, or none
    row = frame.loc["not read"]
    tested = 100 - frame.loc["threshold", "errors"]
    table = [[row["errors"], tested - row["errors"]], [row["correct"], 300 - row["correct"]]]
    ps = [
        fisher_exact([[suspects, n - suspects], [20, 280]], alternative="greater").pvalue,
        fisher_exact(table, alternative="greater").pvalue,
        betabinom.sf((holds["no similar example"] & ~holds["suspect label"]).sum() - 1, n - suspects, 5, 95),
    ]
    names = ["suspect label", "not read", "no similar example"]
    assert frame.loc[names, "p"].tolist() == pytest.approx(ps) and row["tested"] == tested
    assert frame.loc[names, "p_holm"].tolist() == pytest.approx(multipletests(ps, method="holm")[1].tolist())
    assert frame.loc[names, "reported"].tolist() == [False, True, False]
    untested = frame.drop(names)
    assert untested["p"].isna().all() and untested["reported"].tolist() == [True, False, False, False]
    assert np.isnan(plain.set_index("cause").loc["suspect label", "p"])


def test_a_label_is_suspect_by_the_audit_or_by_a_near_copy() -> None:
    nan = np.nan
    audited, copies, labels = [1, 0, nan, nan, 0, 1], [nan, 0, 0, nan, 1, 1], [1, 1, 1, 1, 1, 1]
    assert have_suspect_label(audited, copies, labels).tolist() == [True, True, True, False, False, True]


def test_null_rates_by_hand() -> None:
    # 10 errors: 4 by the threshold (2 of these are cut), 4 cut, 2 unexplained. Of 20 correct 1 is cut.
    cut = np.r_[True, True, False, False, [True] * 4, [False] * 2, True, [False] * 19]
    threshold = np.r_[[True] * 4, [False] * 26]
    errors = np.arange(30) < 10
    frame = null_rates({"threshold": threshold, "not read": cut}, errors, ~errors).set_index("cause")
    assert frame["errors"].to_dict() == {"threshold": 4, "not read": 4, "unexplained": 2}
    row = frame.loc["not read"]
    assert (row["tested"], row["correct"], row["of_correct"], row["share"]) == (6, 1, 20, 0.4)
    assert row["p"] == pytest.approx(fisher_exact([[4, 2], [1, 19]], alternative="greater").pvalue)
    other = null_rates({"not read": cut}, errors, ~errors, controls={"not read": np.arange(30) == 12})
    assert other["of_correct"].iloc[0] == 1


def test_null_rates_without_errors() -> None:
    frame = null_rates({"seed": [False, True]}, [False, False], [True, True])
    assert frame["errors"].tolist() == [0, 0] and not frame["reported"].any() and frame["share"].isna().all()


def test_the_p_of_dissimilar_examples_allows_for_their_common_calibration() -> None:
    assert dissimilar_p(1, 1, 19) == pytest.approx(0.05) and dissimilar_p(5, 5, 10) == 1 == dissimilar_p(0, 0, 99)
    rng = np.random.default_rng(6)
    some = [(conformal_p(rng.normal(size=350), rng.normal(size=200)) <= 0.05).sum() for _ in range(1_000)]
    tenth = np.partition(rng.random((20_000, 200)), 9, axis=1)[:, 9]  # p <= 0.05 is a score below the tenth
    many = rng.binomial(350, tenth)
    assert abs(np.mean(some) - np.mean(many)) < 4 * np.std(some) / np.sqrt(1_000)
    assert 0.04 < np.mean([dissimilar_p(int(one), 350, 200) <= 0.05 for one in many[:8_000]]) < 0.056
    assert np.mean([binomtest(int(one), 350, 0.05, "greater").pvalue <= 0.05 for one in some]) > 0.1  # too many


def test_nothing_is_reported_where_errors_are_like_correct_examples() -> None:
    rng = np.random.default_rng(5)
    reported = 0
    for _ in range(200):
        errors = rng.random(300) < 0.2
        holds = {key: rng.random(300) < 0.05 for key in ("suspect label", "not read", "no similar example")}
        training = [int(rng.binomial(200, 0.05)), 200]
        calibrated, similarities = rng.normal(size=200), rng.normal(size=300)
        holds["no similar example"] = conformal_p(similarities, calibrated) <= 0.05
        frame = null_rates(holds, errors, ~errors, training_suspects=training, calibration=200)
        reported += frame["reported"].any()
    assert reported <= 20
