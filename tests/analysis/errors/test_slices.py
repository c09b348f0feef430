"""Slices: chosen on validation, tested on test; planted ones are found, and none where there is nothing to find."""

import numpy as np
import pandas as pd
from scipy import sparse

from closecall.analysis.errors.slices import Members, columns_table, length_ranges, slice_table, split_counts


def make_members(rng: np.random.Generator, *, n: int = 450, words: int = 60, clusters: int = 5) -> Members:
    """Random words of all frequencies, four lengths and some clusters; a third of the examples is validation."""
    in_test = np.arange(n) % 3 > 0
    holds = rng.random((n, words)) < rng.uniform(0.05, 0.5, words)
    length, cluster = rng.integers(0, 4, n), np.where(in_test, rng.integers(0, clusters, n), -1)
    holds = np.hstack([holds, length[:, None] == np.arange(4), cluster[:, None] == np.arange(clusters)])
    kinds = np.repeat(["word", "length", "cluster"], [words, 4, clusters])
    return Members(sparse.csc_array(holds.astype(np.int32)), kinds, in_test)


def test_a_planted_word_is_detected() -> None:
    rng = np.random.default_rng(1)
    members = make_members(rng)
    word = members.holds[:, [7]].toarray().ravel() == 1
    wrong = rng.random(len(word)) < np.where(word, 0.7, 0.2)
    table = slice_table(members, wrong)
    first = table.iloc[0]
    assert (first["candidate"], first["kind"], bool(first["stands_out"])) == (7, "word", True)
    inside = members.in_test & word
    assert (first["n"], first["wrong"]) == (inside.sum(), (inside & wrong).sum())
    assert first["lift"] > 2
    assert first["low"] > 0
    assert first["validation_n"] == (~members.in_test & word).sum()


def test_a_word_that_helps_is_listed_too() -> None:
    rng = np.random.default_rng(2)
    members = make_members(rng)
    word = members.holds[:, [3]].toarray().ravel() == 1
    table = slice_table(members, rng.random(len(word)) < np.where(word, 0.05, 0.5))
    assert table["candidate"][0] == 3
    assert table["difference"][0] < 0
    assert table["lift"][0] < 1


def test_the_p_values_come_from_test_alone() -> None:
    rng = np.random.default_rng(3)
    members = make_members(rng)
    wrong = rng.random(len(members.in_test)) < 0.3
    other = np.where(members.in_test, wrong, rng.permutation(wrong))
    one, two = (slice_table(members, each).set_index("candidate") for each in (wrong, other))
    both = one.index.intersection(two.index)
    assert len(both) > 5
    assert set(one.index) != set(two.index)
    pd.testing.assert_series_equal(one.loc[both, "p"], two.loc[both, "p"])


def test_support_is_asked_for_on_both_sides_and_in_both_splits() -> None:
    in_test = np.arange(120) % 2 == 0
    half = np.arange(120) // 2
    few, most, plenty = half < 9, half >= 9, half < 30
    test_only = in_test & plenty
    members = Members(columns_table([few, most, plenty, test_only], 120), np.array(["word"] * 4), in_test)
    table = slice_table(members, np.arange(120) % 7 == 0)
    assert table["candidate"].tolist() == [2]
    as_cluster = Members(members.holds, np.array(["word", "word", "length", "cluster"]), in_test)
    table = slice_table(as_cluster, np.arange(120) % 7 == 0)
    assert sorted(table["candidate"]) == [2, 3]
    assert table.set_index("candidate")["validation_difference"].isna().to_dict() == {2: False, 3: True}


def test_phrases_on_the_same_texts_are_one_candidate() -> None:
    rng = np.random.default_rng(4)
    members = make_members(rng, words=10)
    columns = members.holds[:, np.argsort(-members.holds.sum(axis=0))[[0, 0, 1]]]
    twice = Members(sparse.csc_array(columns), np.array(["word"] * 3), members.in_test)
    assert sorted(slice_table(twice, rng.random(450) < 0.3)["candidate"]) == [0, 2]


def test_the_order_of_the_examples_does_not_matter() -> None:
    rng = np.random.default_rng(5)
    members = make_members(rng)
    wrong = rng.random(450) < 0.3
    order = rng.permutation(450)
    moved = Members(sparse.csc_array(members.holds.tocsr()[order]), members.kinds, members.in_test[order])
    pd.testing.assert_frame_equal(slice_table(members, wrong), slice_table(moved, wrong[order]))


def test_nothing_to_test_is_an_empty_table() -> None:
    members = Members(columns_table([], 8), np.array([], dtype=str), np.arange(8) % 2 == 0)
    table = slice_table(members, np.arange(8) > 5)
    assert table.empty
    assert {"p_bh", "stands_out", "lift"} <= set(table)
    counts = split_counts(members, np.arange(8) > 5, test=True)
    assert (counts.n, counts.wrong) == (4, 1)


def test_without_an_effect_at_most_one_list_in_ten_has_a_finding() -> None:
    """Exact p are conservative, so the share of lists with a find lies at or under q, and well above nothing."""
    rng = np.random.default_rng(6)
    lists = 400
    found = 0
    for number in range(lists):
        if number % 20 == 0:
            members = make_members(rng)
        found += slice_table(members, rng.random(450) < 0.3)["stands_out"].any()
    assert 0.01 < found / lists < 0.1 + 2.6 * np.sqrt(0.1 * 0.9 / lists)


def test_lengths_are_parted_into_equal_shares_without_gaps() -> None:
    ranges = length_ranges(np.arange(100))
    assert ranges == [(0, 24), (25, 49), (50, 74), (75, None)]
    assert length_ranges(np.full(9, 5)) == [(0, 5), (6, None)]
    assert length_ranges(np.array([], dtype=int)) == [(0, None)]


def test_higher_error_rates_come_first() -> None:
    rng = np.random.default_rng(4)
    members = make_members(rng, n=1200)
    helps, harms = (members.holds[:, [one]].toarray().ravel() == 1 for one in (3, 7))
    chance = np.clip(0.4 - 0.39 * helps + 0.2 * harms, 0, 1)
    table = slice_table(members, rng.random(len(helps)) < chance)
    standing = table[table["stands_out"]]
    assert {3, 7} <= set(standing["candidate"])
    assert (standing["difference"] > 0).is_monotonic_decreasing and standing["candidate"].iloc[0] == 7
    assert table["stands_out"].is_monotonic_decreasing
    assert standing.set_index("candidate").at[3, "p"] < standing.set_index("candidate").at[7, "p"]
