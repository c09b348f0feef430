"""Slices with a higher or lower error rate: candidates chosen on validation, tested on test."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from closecall.analysis.intervals import benjamini_hochberg
from closecall.analysis.two_groups import GroupCounts, compare_groups_with_rest, fisher_p
from closecall.analysis.validation import Bools, Ints

AT_LEAST = 10
"""Minimum number of examples inside a slice, and outside, in each split."""
MAX_CANDIDATES = {"word": 20, "length": 4, "column": 10, "cluster": 10}
"""Number of candidates of each kind that are tested: those that differ most on validation."""
MAX_OVERLAP = 0.75
"""Of two phrases whose texts overlap more (Jaccard), only the one that differs more is tested."""
Q = 0.1
"""False discovery rate."""


@dataclass(frozen=True)
class Members:
    """Members of m candidate slices among n examples: `holds` (n x m, CSC, 0 or 1), `kinds` (m), keys of
    MAX_CANDIDATES.

    `in_test` (n): test, else validation. Kinds in `test_only` have no members in validation. They are few and defined
    without the errors, so all of them are tested.
    """

    holds: sparse.csc_array
    kinds: np.ndarray
    in_test: Bools
    test_only: tuple[str, ...] = ("cluster",)


def slice_table(members: Members, wrong: Bools, *, at_least: int = AT_LEAST, q: float = Q) -> pd.DataFrame:
    """Slices whose error rate differs from that of the rest, with a false discovery rate of q.

    `wrong` (n): which examples are wrong; all examples are of one class. Candidates have at least `at_least` examples
    inside and outside in both splits. Of each kind, the MAX_CANDIDATES that differ most on validation are tested on
    test by Fisher's exact test, with Benjamini-Hochberg over all tests. One row for each: `candidate` (its column),
    `kind`, the columns of `compare_groups_with_rest` on test, `validation_n, validation_wrong, validation_difference`
    (nan for test_only), `p_bh`, `stands_out`: p_bh <= q and the same sign on validation. Rows that stand out come
    first, higher error rates before lower, then by p.
    """
    test, validation = split_counts(members, wrong, test=True), split_counts(members, wrong, test=False)
    chosen = _chosen(members, validation, _supported(members, validation, test, at_least))
    table = compare_groups_with_rest(_subset(test, chosen))
    table.insert(0, "candidate", chosen)
    table.insert(1, "kind", members.kinds[chosen])
    before = compare_groups_with_rest(_subset(validation, chosen))
    table["validation_n"], table["validation_wrong"] = before["n"], before["wrong"]
    table["validation_difference"] = before["difference"]
    table["p_bh"] = benjamini_hochberg(table["p"])
    opposite = table["validation_difference"] * table["difference"] < 0
    table["stands_out"] = (table["p_bh"] <= q) & ~opposite
    group = np.where(table["stands_out"], np.where(table["difference"] > 0, 0, 1), 2)
    return table.iloc[np.lexsort((table["p"].to_numpy(), group))].reset_index(drop=True)


def split_counts(members: Members, wrong: Bools, *, test: bool) -> GroupCounts:
    """Size and wrong examples of each candidate in one split."""
    in_split = members.in_test == test
    sums = members.holds.T @ np.column_stack([in_split, in_split & wrong]).astype(np.int64)
    return GroupCounts(sums[:, 0], sums[:, 1], int(in_split.sum()), int((in_split & wrong).sum()))


def length_ranges(counts: Ints, *, ranges: int = 4) -> list[tuple[int, int | None]]:
    """Integer ranges that divide the lengths (n) into about equal shares: first and last, None for no end."""
    quantiles = np.quantile(counts, np.arange(1, ranges) / ranges) if len(counts) else np.empty(0)
    cuts = [int(cut) for cut in np.unique(quantiles.astype(np.int64))]
    starts, ends = [0, *(cut + 1 for cut in cuts)], [*cuts, None]
    return list(zip(starts, ends, strict=True))


def columns_table(columns: Sequence[Bools], n: int) -> sparse.csc_array:
    """Memberships, (n,) each, side by side as a sparse table for `Members`."""
    if not columns:
        return sparse.csc_array((n, 0), dtype=np.int32)
    return sparse.csc_array(np.column_stack(columns).astype(np.int32))


def _supported(members: Members, validation: GroupCounts, test: GroupCounts, at_least: int) -> Bools:
    enough = (test.inside >= at_least) & (test.outside >= at_least)
    before = (validation.inside >= at_least) & (validation.outside >= at_least)
    return np.asarray(enough & (before | np.isin(members.kinds, members.test_only)))


def _chosen(members: Members, validation: GroupCounts, supported: Bools) -> Ints:
    """The candidates to test, by validation errors; of test only the memberships are used."""
    chosen = []
    for kind, most in MAX_CANDIDATES.items():
        rows = np.flatnonzero(supported & (members.kinds == kind))
        if kind not in members.test_only:
            rows = rows[np.argsort(fisher_p(_subset(validation, rows)), kind="stable")]
        chosen.append(_distinct(members.holds, rows[: 25 * most])[:most] if kind == "word" else rows[:most])
    return np.concatenate(chosen).astype(np.int64)


def _distinct(holds: sparse.csc_array, rows: Ints) -> Ints:
    """The rows without those that overlap strongly with an earlier one."""
    members = holds[:, rows]
    common = (members.T @ members).toarray()
    sizes = common.diagonal()
    overlaps = common > MAX_OVERLAP * (sizes[:, None] + sizes[None, :] - common)
    kept: list[int] = []
    for position in range(len(rows)):
        if not overlaps[position, kept].any():
            kept.append(position)
    return rows[kept]


def _subset(counts: GroupCounts, rows: Ints) -> GroupCounts:
    return GroupCounts(counts.inside[rows], counts.inside_wrong[rows], counts.n, counts.wrong)
