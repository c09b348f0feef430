"""Outcomes, confusion counts, tables of runs, collapse."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics
from sklearn.metrics import roc_auc_score

from closecall.analysis.metrics.outcomes import (
    Confusion,
    collapsed,
    confusion,
    error_reason,
    outcome_table,
    outcomes,
)
from closecall.analysis.metrics.ranking import auc_interval

# A busy machine must not fail a property by its clock.
quick = settings(deadline=None, max_examples=30)

LABELS = np.array([1, 1, 1, 0, 0])
PROBS = np.array([0.9, 0.5, 0.2, 0.7, 0.1])


def test_predicted_positive_at_or_above_the_threshold():
    assert outcomes(LABELS, PROBS).tolist() == ["tp", "tp", "fn", "fp", "tn"]
    assert outcomes(LABELS, PROBS, threshold=0.6).tolist() == ["tp", "fn", "fn", "fp", "tn"]


def test_outcomes_of_several_runs_keep_their_shape_and_take_a_threshold_each():
    names = outcomes(LABELS, np.stack([PROBS, PROBS]), threshold=[0.5, 0.95])
    assert names.shape == (2, 5)
    assert names[1].tolist() == ["fn", "fn", "fn", "tn", "tn"]


def test_confusion_counts():
    assert confusion(LABELS, PROBS) == Confusion(tp=2, fn=1, fp=1, tn=1)


@pytest.mark.filterwarnings("error")
def test_confusion_is_nan_where_undefined_and_never_warns():
    only_negatives = confusion([0, 0], [0.1, 0.2])
    assert math.isnan(only_negatives.recall) and math.isnan(only_negatives.precision) and math.isnan(only_negatives.f1)
    assert only_negatives.specificity == 1
    assert math.isnan(confusion([1], [0.9]).false_positive_rate)
    frame = outcome_table([0, 0], [[0.1, 0.2], [0.6, 0.7]])
    assert frame["recall"].isna().all() and frame["recall_low"].isna().all()


runs = st.integers(4, 60).flatmap(
    lambda n: st.tuples(
        hnp.arrays(np.int64, n, elements=st.integers(0, 1)), hnp.arrays(np.float64, n, elements=st.floats(0, 1))
    )
)


@quick
@given(runs)
def test_confusion_agrees_with_scikit_learn(run):
    labels, probs = run
    counts = confusion(labels, probs)
    preds = (probs >= 0.5).astype(int)
    tn, fp, fn, tp = metrics.confusion_matrix(labels, preds, labels=[0, 1]).ravel()
    assert counts == Confusion(tp=tp, fn=fn, fp=fp, tn=tn)
    for ours, theirs in (
        (counts.accuracy, metrics.accuracy_score(labels, preds)),
        (counts.recall, metrics.recall_score(labels, preds, zero_division=np.nan)),
        (counts.precision, metrics.precision_score(labels, preds, zero_division=np.nan)),
        (counts.f1, metrics.f1_score(labels, preds, zero_division=np.nan)),
    ):
        assert ours == pytest.approx(theirs, nan_ok=True)


@quick
@given(runs)
def test_outcomes_add_up_to_the_confusion_and_to_the_table(run):
    labels, probs = run
    names = outcomes(labels, probs)
    counts = confusion(labels, probs)
    assert [(names == name).sum() for name in ("tp", "fn", "fp", "tn")] == [counts.tp, counts.fn, counts.fp, counts.tn]
    row = outcome_table(labels, probs).iloc[0]
    assert (row.tp, row.fn, row.fp, row.tn) == (counts.tp, counts.fn, counts.fp, counts.tn)
    assert row.f1 == pytest.approx(counts.f1, nan_ok=True)


def test_outcome_table_has_a_row_for_each_run_with_its_threshold():
    frame = outcome_table(LABELS, np.stack([PROBS, PROBS, 0 * PROBS]), threshold=[0.5, 0.95, 0.5])
    assert frame["threshold"].tolist() == [0.5, 0.95, 0.5]
    assert frame["tp"].tolist() == [2, 0, 0]
    assert frame["collapsed"].tolist() == [False, True, True]  # with five examples any interval holds 0.5
    assert ((frame["recall_low"] <= frame["recall"]) & (frame["recall"] <= frame["recall_high"])).all()
    assert (
        (frame["specificity_low"] <= frame["specificity"]) & (frame["specificity"] <= frame["specificity_high"])
    ).all()


def test_runs_that_predict_one_class_without_ranking_have_collapsed():
    labels = np.repeat([1, 0], 100)
    all_negative, all_positive, two_found = np.zeros(200), np.ones(200), np.zeros(200)
    two_found[[0, 1, 150]] = 1
    three_found = two_found.copy()
    three_found[2] = 1
    assert collapsed(labels, [all_negative, all_positive, two_found, three_found]).tolist() == [True, True, True, False]


def shifted_normal(rng, d_prime, prior, n=100):
    labels = np.repeat([1, 0], [n, 5 * n])
    return labels, 1 / (1 + np.exp(-(d_prime * (rng.normal(size=6 * n) + d_prime * (labels - 0.5)) + prior)))


def test_a_run_that_ranks_well_has_not_collapsed():
    """AUC 0.80, trained at 1:40: nothing reaches 0.5, and a threshold would find most positives."""
    labels, probs = shifted_normal(np.random.default_rng(0), 1.19, -np.log(40))
    assert 0.76 < roc_auc_score(labels, probs) < 0.84 and (probs[labels == 1] >= 0.5).mean() <= 0.02
    assert not collapsed(labels, [probs])[0]
    assert not outcome_table(labels, [probs])["collapsed"][0]


def test_low_recall_with_many_false_positives_is_not_one_class():
    labels, probs = np.repeat([1, 0], [100, 500]), np.zeros(600)
    probs[:1] = probs[100:115] = 0.9  # recall 1 %, 3 % false positives
    assert not collapsed(labels, [probs])[0]
    probs[115:] = 0.0
    probs[110:115] = 0.0  # 2 %
    assert collapsed(labels, [probs])[0]


def test_a_low_area_has_collapsed_even_where_many_examples_show_it():
    labels, probs = shifted_normal(np.random.default_rng(1), 0.25, -6, n=2000)
    assert 0.52 < roc_auc_score(labels, probs) < 0.6 and auc_interval(labels, probs).low > 0.5
    assert collapsed(labels, [probs])[0]


def test_guesses_of_both_classes_have_not_collapsed():
    rng = np.random.default_rng(2)
    labels = np.repeat([1, 0], [100, 500])
    guesses, ranks, one_class = rng.random(600), 0.3 * labels + 0.7 * rng.random(600), 0.4 * rng.random(600)
    assert collapsed(labels, [guesses, ranks, one_class]).tolist() == [False, False, True]


def test_one_class_of_examples_shows_no_collapse():
    assert not collapsed([0, 0, 0], [[0.1, 0.1, 0.2]])[0]


@quick
@given(runs, st.floats(0, 1))
def test_collapsed_runs_are_marked_in_the_table(run, threshold):
    labels, probs = run
    gone = collapsed(labels, [probs], threshold=threshold)[0]
    assert outcome_table(labels, [probs], threshold=threshold)["collapsed"][0] == gone


@pytest.mark.parametrize(
    ("labels", "probs", "message"),
    [
        ([0, 2], [0.1, 0.2], "0 .negative. or 1"),
        ([], [], "at least one"),
        ([0, 1], [0.1, 0.2, 0.3], "shape"),
        ([0, 1], [0.1, np.nan], "missing"),
        ([0, 1], [-3.0, 2.0], "between 0 and 1"),
    ],
)
def test_invalid_input_raises(labels, probs, message):
    with pytest.raises(ValueError, match=message):
        confusion(labels, probs)


def test_a_threshold_list_must_fit_the_runs():
    with pytest.raises(ValueError, match="one value for each"):
        outcomes(LABELS, [PROBS, PROBS, PROBS], threshold=[0.5, 0.6])


def test_the_reason_names_outcome_ratio_probability_and_threshold() -> None:
    assert error_reason(1, 0.12, ratio=10, threshold=0.5) == (
        "false negative at 1:10 (probability 0.12, threshold 0.50)"
    )
    assert error_reason(0, 0.5, ratio=2.5, threshold=0.5).startswith("false positive at 1:2.5 (")
    assert error_reason(1, 0.004, ratio=1, threshold=0.5).startswith("false negative at 1:1 (probability 0.004,")
    assert error_reason(1, 0.98, ratio=1, threshold=0.5).startswith("true positive")
    assert error_reason(0, 0.49, ratio=1, threshold=0.5).startswith("true negative")
