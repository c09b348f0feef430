"""Outcome strings and groups over ratios and seeds, and thresholds matched to the reference ratio."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from closecall.analysis.ratio.outcome_groups import (
    KINDS,
    correct_shares,
    current_group,
    fpr_matched_thresholds,
    outcome_groups,
    outcome_strings,
    recall_matched_thresholds,
)

# A busy machine must not fail a property by its clock.
quick = settings(deadline=None, max_examples=30)

RATIOS = [1, 1, 5, 5, 10, 10]
SEEDS = [0, 1, 0, 1, 0, 1]


def probs_from(*strings):
    """One column for each string of P (predicted positive) and N (predicted negative), without the slashes."""
    return np.array([[0.9 if letter == "P" else 0.1 for letter in string] for string in strings]).T


def test_strings_are_grouped_by_ratio_and_ordered_by_seed():
    strings = outcome_strings([1, 0], probs_from("PPPNNN", "PPNPNN"), RATIOS, SEEDS)
    assert strings.tolist() == ["TT/TF/FF", "FF/TF/TT"]


def test_strings_do_not_depend_on_the_order_of_the_runs_and_mark_missing_runs():
    order = [5, 2, 0, 3, 4]
    probs = probs_from("PPPNNN", "PPNPNN")[order]
    strings = outcome_strings([1, 0], probs, np.array(RATIOS)[order], np.array(SEEDS)[order])
    assert strings.tolist() == ["T-/TF/FF", "F-/TF/TT"]


def test_two_runs_with_the_same_ratio_and_seed_raise():
    with pytest.raises(ValueError, match="same ratio and seed"):
        outcome_strings([1, 0], probs_from("PP", "NN"), [1, 1], [0, 0])


@pytest.mark.parametrize(
    ("label", "string", "kind", "group", "unstable"),
    [
        (1, "PPPPPP", "always right", "always true positive", False),
        (1, "NNNNNN", "always wrong", "always missed", False),
        (1, "PPPPNN", "lost", "lost at 1:10", False),
        (1, "PPNNNN", "lost", "lost at 1:5", False),
        (1, "PPPNNN", "lost", "lost at 1:10", True),
        (1, "NNPPPP", "gained", "gained at 1:5", False),
        (1, "PPPNPP", "unstable", "unstable", True),
        (1, "PPNNPP", "wavering", "wavering", False),
        (0, "NNNNNN", "always right", "always true negative", False),
        (0, "PPPPPP", "always wrong", "always false positive", False),
        (0, "PPNNNN", "gained", "true negative from 1:5", False),
        (0, "NNNNPP", "lost", "false positive from 1:10", False),
    ],
)
def test_groups_by_outcomes(label, string, kind, group, unstable):
    # The second example only supplies the other class.
    probs = probs_from(string, "PNPNPN")
    row = outcome_groups([label, 1 - label], probs, RATIOS, SEEDS).iloc[0]
    assert (row.kind, row.group, row.unstable) == (kind, group, unstable)


def test_one_seed_is_never_unstable_and_one_ratio_never_loses():
    groups = outcome_groups([1, 1, 0], probs_from("PNP", "PPN", "NNN"), [1, 5, 10], [0, 0, 0])
    assert groups["kind"].tolist() == ["wavering", "lost", "always right"]
    single = outcome_groups([1, 1, 0], probs_from("P", "N", "N"), [1], [0])
    assert single["kind"].tolist() == ["always right", "always wrong", "always right"]
    assert single["turned_at"].isna().all()


def test_a_fractional_ratio_is_written_as_it_is():
    groups = outcome_groups([1, 0], probs_from("PN", "NN"), [1, 2.03], [0, 0])
    assert groups.loc[0, "group"] == "lost at 1:2.03"


def test_lost_is_recoverable_when_its_rank_is_above_the_matched_threshold():
    labels = [1, 1, 1, 0, 0, 0, 0]
    balanced = [0.9, 0.8, 0.7, 0.6, 0.3, 0.2, 0.1]
    # At 1:10 everything sinks; the second positive keeps its rank, the third falls below the second best negative.
    skewed = [0.9, 0.4, 0.1, 0.45, 0.3, 0.02, 0.01]
    groups = outcome_groups(labels, [balanced, skewed], [1, 10], [0, 0])
    assert groups["kind"].tolist()[:3] == ["always right", "lost", "lost"]
    assert groups["recoverable"].tolist()[:3] == [False, True, False]


def test_matched_thresholds_give_every_run_the_reference_rates():
    rng = np.random.default_rng(0)
    labels = rng.random(2000) < 0.3
    logits = rng.normal(size=(6, 2000)) + 2 * labels - np.repeat([0.0, 1.5, 2.3], 2)[:, None]
    probs = 1 / (1 + np.exp(-logits))
    thresholds = fpr_matched_thresholds(labels, probs, RATIOS, SEEDS)
    rates = (probs >= thresholds[:, None])[:, ~labels].mean(axis=1)
    own = (probs[:2] >= 0.5)[:, ~labels].mean(axis=1)
    assert rates == pytest.approx(np.tile(own, 3))
    thresholds = recall_matched_thresholds(labels, probs, RATIOS, SEEDS)
    recalls = (probs >= thresholds[:, None])[:, labels].mean(axis=1)
    assert recalls == pytest.approx(np.tile((probs[:2] >= 0.5)[:, labels].mean(axis=1), 3))


def test_a_seed_without_a_reference_run_takes_the_mean():
    labels = np.repeat([1, 0], [1, 4])
    first, second = [0.9, 0.9, 0.9, 0.1, 0.1], [0.9, 0.1, 0.1, 0.1, 0.1]
    later = [0.9, 0.4, 0.3, 0.2, 0.1]
    thresholds = fpr_matched_thresholds(labels, [first, second, later], [1, 1, 5], [0, 1, 2])
    assert 0.3 < thresholds[2] < 0.4


@quick
@given(hnp.arrays(np.bool_, st.tuples(st.just(6), st.integers(2, 30))), st.data())
def test_groups_agree_with_a_direct_implementation(called, data):
    n = called.shape[1]
    labels = data.draw(hnp.arrays(np.int64, n, elements=st.integers(0, 1)))
    frame = outcome_groups(labels, np.where(called, 0.9, 0.1), RATIOS, SEEDS)
    for i in range(n):
        right = (called[:, i] == labels[i]).reshape(3, 2).mean(axis=1)
        ok = right >= 0.5
        if right.min() == 1:
            kind = "always right"
        elif ok[0] and not ok[2]:
            kind = "lost"
            assert frame.turned_at[i] == (5 if not ok[1] else 10)
        elif ok[2] and not ok[0]:
            kind = "gained"
        elif right.max() == 0:
            kind = "always wrong"
        else:
            kind = "unstable" if (right == 0.5).any() else "wavering"
        assert frame.kind[i] == kind and kind in KINDS
        assert not frame.recoverable[i] or kind == "lost"


def test_correct_shares_by_increasing_ratio():
    levels, shares = correct_shares([1, 0], probs_from("PPPNNN", "PPNPNN")[::-1], RATIOS[::-1])
    assert levels.tolist() == [1, 5, 10]
    assert shares.T.tolist() == [[1, 0.5, 0], [0, 0.5, 1]]


@pytest.mark.parametrize(
    ("old", "current"),
    [
        ("always hit", "always true positive"),
        ("always rejected", "always true negative"),
        ("always false alarm", "always false positive"),
        ("false alarm from 1:10", "false positive from 1:10"),
        ("cleared at 1:2.5", "true negative from 1:2.5"),
        ("lost at 1:5", "lost at 1:5"),
        ("unstable", "unstable"),
    ],
)
def test_old_group_names_stay_readable(old, current):
    assert current_group(old) == current
