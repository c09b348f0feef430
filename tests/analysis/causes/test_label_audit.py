"""The label audit: against cleanlab and scikit-learn, worked numbers, properties."""

import numpy as np
import pandas as pd
import pytest
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neighbors import NearestNeighbors

from closecall.analysis.causes.label_audit import (
    FOLDS,
    STRENGTH,
    audit_labels,
    class_thresholds,
    flagged_share_of_false_negatives,
    neighbour_evidence,
    out_of_fold_probs,
    recall_without_suspects,
)


def texts(n: int, seed: int, *, apart: float = 2.0, share: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """Labels and embeddings of two clouds."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < share).astype(int)
    labels[:4] = [0, 1, 0, 1]
    return labels, rng.normal(size=(n, 8)) + apart * (labels[:, None] - 0.5) * np.eye(8)[0]


@pytest.mark.parametrize("seed", range(40))
def test_flags_and_scores_are_those_of_cleanlab(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels, _ = texts(int(rng.integers(8, 300)), seed, share=float(rng.uniform(0.05, 0.6)))
    probs = 1 / (1 + np.exp(-(rng.normal(size=len(labels)) * 2 + (labels - 0.5) * rng.uniform(0, 4))))
    audit = audit_labels(labels, probs)
    both = np.column_stack([1 - probs, probs])
    reference = find_label_issues(labels, both, filter_by="confident_learning", n_jobs=1)
    assert audit["flagged"].tolist() == reference.tolist()
    np.testing.assert_allclose(audit["self_confidence"], get_label_quality_scores(labels, both), atol=1e-12)
    # and those of the words that the page says it in
    thresholds, rows = class_thresholds(labels, probs), np.arange(len(labels))
    other = both[rows, 1 - labels]
    words = (other > 0.5) & (other >= np.array(thresholds)[1 - labels])
    assert audit["flagged"].tolist() == words.tolist()


def test_a_worked_number() -> None:
    """t_0 = (.9 + .8 + .1) / 3 = .6, t_1 = (.7 + .9 + .2) / 3 = .6: the .9 negative and the .2 positive stand out."""
    labels, probs = np.array([0, 0, 0, 1, 1, 1]), np.array([0.1, 0.2, 0.9, 0.7, 0.9, 0.2])
    assert class_thresholds(labels, probs) == pytest.approx((0.6, 0.6))
    audit = audit_labels(labels, probs)
    assert audit["flagged"].tolist() == [False, False, True, False, False, True]
    np.testing.assert_allclose(audit["self_confidence"], [0.9, 0.8, 0.1, 0.7, 0.9, 0.2])


def test_out_of_fold_is_cross_validation() -> None:
    labels, rows = texts(120, 0)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=3)
    model = LogisticRegression(C=STRENGTH, max_iter=2000)
    reference = cross_val_predict(model, unit, labels, cv=folds, method="predict_proba")[:, 1]
    np.testing.assert_allclose(out_of_fold_probs(7 * rows, labels, seed=3), reference, atol=1e-6)


def test_a_group_is_never_judged_by_a_model_that_saw_it() -> None:
    """Every label is a coin, and each text stands there twice: only a leak could tell it."""
    rng = np.random.default_rng(0)
    labels = np.repeat(rng.integers(0, 2, 150), 2)
    rows = np.repeat(rng.normal(size=(150, 400)), 2, axis=0)
    groups = np.repeat([f"g{one}" for one in range(150)], 2).astype(object)
    right = {}
    for name, grouping in (("apart", None), ("together", groups)):
        right[name] = ((out_of_fold_probs(rows, labels, groups=grouping) > 0.5) == labels).mean()
    assert right["together"] < 0.65 < right["apart"]
    groups[:100] = ""  # no group: each for itself
    assert len(out_of_fold_probs(rows, labels, groups=groups)) == 300


def test_few_examples_make_fewer_folds_and_too_few_a_sentence() -> None:
    labels, rows = texts(30, 1)
    labels[:] = 0
    labels[:2] = 1
    seen: list[tuple[int, int]] = []
    out_of_fold_probs(rows, labels, on_fold=lambda done, of: seen.append((done, of)))
    assert seen == [(0, 2), (1, 2), (2, 2)]
    labels[1] = 0
    with pytest.raises(ValueError, match="at least two"):
        out_of_fold_probs(rows, labels)
    with pytest.raises(ValueError, match="finite"):
        out_of_fold_probs(rows[:5], labels)


def test_planted_errors_come_first() -> None:
    labels, rows = texts(400, 2, apart=6.0)
    wrong = np.arange(400) % 40 == 7
    given_labels = np.where(wrong, 1 - labels, labels)
    audit = audit_labels(given_labels, out_of_fold_probs(rows, given_labels))
    assert wrong[audit["self_confidence"].to_numpy().argsort()[: wrong.sum()]].mean() >= 0.8
    assert audit["flagged"][wrong].mean() >= 0.5 > 0.05 > audit["flagged"][~wrong].mean()


def test_neighbours_are_those_of_scikit_learn_without_the_example_itself() -> None:
    labels, rows = texts(90, 3)
    rows[5] = rows[6]  # a duplicate is a neighbour
    asked = np.array([5, 0, 33])
    found = neighbour_evidence(rows, labels, asked)
    reference = NearestNeighbors(n_neighbors=90, metric="cosine").fit(rows).kneighbors(rows[asked])
    for place, row in enumerate(asked):
        line = [(1 - d, one) for d, one in zip(reference[0][place], reference[1][place], strict=True) if one != row]
        assert found["others"][place] == sum(labels[one] != labels[row] for _, one in line[:5])
        for name, label in (("same", labels[row]), ("other", 1 - labels[row])):
            cosine, nearest = next(pair for pair in line if labels[pair[1]] == label)
            assert found[f"nearest_{name}"][place] == nearest
            assert found[f"{name}_cosine"][place] == pytest.approx(cosine, abs=1e-5)
    near = NearestNeighbors(n_neighbors=9, metric="cosine").fit(rows).kneighbors(rows)[1]
    pd.testing.assert_frame_equal(neighbour_evidence(rows, labels, asked, near=near), found)
    assert neighbour_evidence(rows, labels, []).empty
    alone = neighbour_evidence(rows[:3], [0, 0, 1], [2])
    assert alone["nearest_same"].tolist() == [-1] and np.isnan(alone["same_cosine"][0]) and alone["of"][0] == 2


def test_flagged_false_negatives_by_hand() -> None:
    """Three seeds; of five positives, three are missed by most, and two of these three are flagged."""
    labels = np.array([1, 1, 1, 1, 1, 0])
    probs = np.array([[0.1, 0.1, 0.1, 0.9, 0.9, 0.9], [0.2, 0.9, 0.2, 0.9, 0.1, 0.1], [0.3, 0.2, 0.9, 0.9, 0.9, 0.1]])
    flagged = np.array([True, True, False, True, False, True])
    result = flagged_share_of_false_negatives(labels, probs, flagged)
    assert (
        result.flagged,
        result.false_negatives,
        result.share.value,
        result.share_of_true_positives,
    ) == (
        2,
        3,
        pytest.approx(2 / 3),
        0.5,
    )
    assert result.share.low == pytest.approx(0.2077, abs=1e-4) and result.share.high == pytest.approx(0.9385, abs=1e-4)
    nothing = flagged_share_of_false_negatives(labels, np.ones(6), flagged)
    assert nothing.false_negatives == 0 and np.isnan(nothing.share.value)
    with pytest.raises(ValueError, match="5 flags"):
        flagged_share_of_false_negatives(labels, probs, flagged[:5])


def test_recall_without_suspects_by_hand() -> None:
    """Four positives, two found; one miss and one called negative are suspects."""
    labels, probs = np.array([1, 1, 1, 1, 0, 0]), np.array([0.9, 0.9, 0.1, 0.1, 0.9, 0.1])
    table = recall_without_suspects(labels, probs, [0, 0, 0, 1, 1, 0]).set_index("labels")
    assert table["recall"].tolist() == pytest.approx([2 / 4, 2 / 3, 3 / 4])
    assert table["n_positives"].tolist() == [4, 3, 4]
    assert np.isnan(recall_without_suspects([1, 0], [0.9, 0.1], [1, 0])["recall"][1])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.05, 0.95))
def test_without_suspects_nothing_changes(seed: int, threshold: float) -> None:
    labels, _ = texts(30, seed)
    probs = np.random.default_rng(seed).random((2, 30))
    table = recall_without_suspects(labels, probs, np.zeros(30, bool), threshold=threshold)
    assert table["recall"].nunique() == 1
    turned = recall_without_suspects(labels, probs, np.ones(30, bool), threshold=threshold)
    assert turned["n_positives"].tolist() == [labels.sum(), 0, 30 - labels.sum()]
