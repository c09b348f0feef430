"""Whether validation resembles test: Fisher's test by enumeration, scores, and what is reported when."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from closecall.analysis.metrics.split_check import check_splits, prevalence_sentences, scores_sentences

quick = settings(deadline=None, max_examples=30)
size = st.integers(1, 25)


def splits(validation, test, *, shift=0.0, seed=0, runs=2):
    """Labels and uniform scores of test and validation with these (positives, negatives); `shift` on validation."""
    rng = np.random.default_rng(seed)
    answer = []
    for counts, offset in ((test, 0.0), (validation, shift)):
        labels = np.repeat([1, 0], counts)
        scores = 0.3 * rng.random((runs, len(labels))) + 0.3 * labels
        answer += [labels, np.minimum(scores + offset, 1.0)]
    return answer


def fisher(a, b, c, d):
    """Two-sided p by adding every table that is at most as probable as the one observed."""
    weights = {k: comb(a + b, k) * comb(c + d, a + c - k) for k in range(max(0, a - d), min(a + b, a + c) + 1)}
    return Fraction(sum(one for one in weights.values() if one <= weights[a]), sum(weights.values()))


@quick
@given(size, size, size, size)
def test_the_p_of_the_shares_is_fishers(a, b, c, d):
    check = check_splits(*splits((a, b), (c, d)))
    p = fisher(a, b, c, d)
    assert check.prevalence_p == pytest.approx(float(p), rel=1e-6)
    odds = Fraction(a * d, b * c)
    assert check.prevalence_differs == (p <= Fraction(1, 100) and max(odds, 1 / odds) > Fraction(3, 2))
    assert (check.share, check.test_share) == (a / (a + b), c / (c + d))


@quick
@given(size, size, size, size, st.floats(0, 0.4))
def test_exchanging_the_splits_changes_no_decision(a, b, c, d, shift):
    labels, probs, val_labels, val_probs = splits((a, b), (c, d), shift=shift)
    one = check_splits(labels, probs, val_labels, val_probs)
    other = check_splits(val_labels, val_probs, labels, probs)
    assert (one.classes, one.prevalence_differs) == (other.classes, other.prevalence_differs)


def test_a_difference_needs_odds_beyond_one_and_a_half_and_significance():
    """30 % against 25 % positives are odds of 1.29: clear with 10,000 examples, and not a difference that matters."""
    assert not check_splits(*splits((3000, 7000), (2500, 7500))).prevalence_differs
    assert check_splits(*splits((3000, 7000), (2000, 8000))).prevalence_differs
    assert check_splits(*splits((2000, 8000), (3000, 7000))).prevalence_differs
    assert not check_splits(*splits((6, 14), (4, 16))).prevalence_differs


def test_the_class_with_other_scores_is_named_by_its_mean_score_over_runs():
    labels, probs, val_labels, val_probs = splits((200, 400), (200, 400))
    assert check_splits(labels, probs, val_labels, val_probs).usable
    moved = val_probs + 0.1 * (val_labels == 0)
    check = check_splits(labels, probs, val_labels, moved)
    assert check.classes == ("negatives",) and not check.usable
    # Shifts of single runs that cancel in the mean are not a difference.
    cancelled = np.clip(val_probs + np.array([[0.1], [-0.1]]), 0, 1)
    assert check_splits(labels, probs, val_labels, cancelled).usable


@pytest.mark.parametrize("sizes", [(150, 400), (60, 60), (400, 40)])
def test_the_decision_on_scores_is_that_of_scipy(sizes):
    """With ties; Holm over two classes, of which the other does not differ."""
    rng, decisions = np.random.default_rng(2), set()
    for shift in np.linspace(0, 0.3, 40):
        labels, probs, val_labels, val_probs = splits((sizes[0], 50), (sizes[1], 50), seed=int(1000 * shift), runs=1)
        own = val_labels == 1
        val_probs[:, own] = (val_probs[:, own] + shift * rng.random(own.sum())).round(2)
        probs = probs.round(2)
        found = ks_2samp(probs[0, labels == 1], val_probs[0, own], method="asymp")
        if abs(2 * found.pvalue - 0.01) < 0.004:
            continue  # the limiting distribution and the approximation for few examples may differ here
        differ = bool(found.statistic >= 0.15 and 2 * found.pvalue <= 0.01)
        assert ("positives" in check_splits(labels, probs, val_labels, val_probs).classes) == differ
        decisions.add(differ)
    assert decisions == {True, False}


def test_a_small_distance_is_no_difference_however_many_examples():
    """A tenth of the positives moved to the top is a distance of 0.1, below 0.15; three tenths are 0.3."""
    labels, probs, val_labels, val_probs = splits((5000, 5000), (5000, 5000), runs=1)
    for share, classes in ((0.1, ()), (0.3, ("positives",))):
        moved = val_probs.copy()
        moved[0, : int(5000 * share)] = 1.0
        assert check_splits(labels, probs, val_labels, moved).classes == classes


def test_other_shares_are_said_with_counts_and_what_holds_in_spite_of_them():
    alike = check_splits(*splits((120, 280), (120, 280)))
    assert scores_sentences(alike) == () == prevalence_sentences(alike)
    other = check_splits(*splits((200, 200), (100, 1000)))
    first, *rest = prevalence_sentences(other)
    assert "50.0 % of validation (200/400)" in first and "9.1 % of test (100/1,100)" in first
    assert "false-positive rate holds" in rest[0] and scores_sentences(other) == ()
    unusable = check_splits(*splits((200, 200), (100, 1000), shift=0.2))
    assert len(prevalence_sentences(unusable)) == 1 and "positives and negatives" in scores_sentences(unusable)[0]


def test_without_runs_only_the_shares_are_compared():
    labels, _, val_labels, _ = splits((200, 200), (100, 1000))
    check = check_splits(labels, np.empty((0, 1100)), val_labels, np.empty((0, 400)))
    assert check.usable and check.prevalence_differs


def test_both_classes_are_needed_in_both_splits():
    labels, probs, val_labels, val_probs = splits((5, 5), (5, 5))
    with pytest.raises(ValueError, match="one positive and one negative"):
        check_splits(labels, probs, np.zeros_like(val_labels), val_probs)
    with pytest.raises(ValueError, match="probabilities"):
        check_splits(labels, probs + 1, val_labels, val_probs)
