"""The flow of examples between ratios, and paired tests over ratios."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from closecall.analysis.intervals import holm, mcnemar, paired_difference
from closecall.analysis.metrics.outcomes import outcomes
from closecall.analysis.ratio.flow import flow_table, majority_correct, paired_tests

# A busy machine must not fail a property by its clock.
quick = settings(deadline=None, max_examples=30)

RATIOS = [1, 5, 10]


def probs_from(*strings):
    """One column for each string of P (predicted positive) and N (predicted negative)."""
    return np.array([[0.9 if letter == "P" else 0.1 for letter in string] for string in strings]).T


def test_the_flow_counts_every_change():
    table = flow_table([1, 1, 1, 0], probs_from("PNN", "PPN", "NPP", "PNN"), RATIOS)
    steps = {tuple(row[:-1]): row[-1] for row in table.itertuples(index=False)}
    assert steps[(1, 5, 1, "tp", "fn")] == 1
    assert steps[(1, 5, 1, "fn", "tp")] == 1
    assert steps[(1, 5, 1, "tp", "tp")] == 1
    assert steps[(5, 10, 1, "tp", "fn")] == 1
    assert steps[(1, 5, 0, "fp", "tn")] == 1
    assert steps[(5, 10, 0, "tn", "tn")] == 1
    assert len(table) == 2 * 2 * 4 and table["count"].sum() == 2 * 4


@quick
@given(hnp.arrays(np.bool_, st.tuples(st.just(3), st.integers(2, 40))), st.data())
def test_the_flow_agrees_with_the_outcomes(predictions, data):
    labels = data.draw(hnp.arrays(np.int64, predictions.shape[1], elements=st.integers(0, 1)))
    probs = np.where(predictions, 0.8, 0.2)
    names = outcomes(labels, probs)
    for row in flow_table(labels, probs, RATIOS).itertuples():
        at = RATIOS.index(row.from_ratio)
        expected = np.flatnonzero((names[at] == row.from_outcome) & (names[at + 1] == row.to_outcome))
        assert row.count == len(expected)


def test_most_seeds_decide_and_a_tie_is_right():
    levels, right = majority_correct([1, 1], probs_from("PPNPN", "PNNPN"), [1, 1, 1, 5, 5])
    assert levels.tolist() == [1, 5]
    assert right.tolist() == [[True, False], [True, True]]


def test_paired_tests_are_newcombe_and_mcnemar_with_holm_over_the_table():
    rng = np.random.default_rng(0)
    labels = np.repeat([1, 0], [100, 200])
    probs = rng.random((3, 300)) * np.where(labels, 1.4, 0.7).clip(0, 1)
    probs[2] *= 0.8
    table = paired_tests(labels, probs, RATIOS)
    assert table[["ratio", "label"]].to_numpy().tolist() == [[5, 1], [5, 0], [10, 1], [10, 0]]
    row = table.iloc[2]
    a, b = (probs[run, :100] >= 0.5 for run in (0, 2))
    counts = [(a & b).sum(), (a & ~b).sum(), (~a & b).sum(), (~a & ~b).sum()]
    assert [row.both, row.only_reference, row.only_ratio, row.neither] == counts
    estimate = paired_difference(*counts)
    assert (row.difference, row.low, row.high) == (estimate.value, estimate.low, estimate.high)
    assert row.p == mcnemar(counts[1], counts[2])
    assert table["p_holm"].to_numpy() == pytest.approx(holm(table["p"]))


def test_one_ratio_has_nothing_to_compare():
    assert len(paired_tests([1, 0], probs_from("P", "N"), [1])) == 0
    assert len(flow_table([1, 0], probs_from("P", "N"), [1])) == 0
