"""What do the wrong examples share? Candidate slices are chosen on validation and tested on test."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from closecall.analysis.intervals import benjamini_hochberg
from closecall.analysis.two_groups import GroupCounts, against_the_rest, fisher_p
from closecall.analysis.validation import Bools, Ints

AT_LEAST = 10
"""Examples inside a slice, and outside of it, in each split."""
MOST = {"word": 20, "length": 4, "column": 10, "cluster": 10}
"""How many candidates of each kind are tested: those that differ most on validation."""
ALIKE = 0.75
"""Two phrases whose texts overlap this much (Jaccard) are one candidate: the one that differs more stands for both."""
Q = 0.1


@dataclass(frozen=True)
class Members:
    """Which of n examples belong to m candidate slices: `holds` (n x m, CSC, 0 or 1), `kinds` (m), keys of MOST.

    `in_test` (n) parts test from validation. Kinds in `test_only` have no members in validation: as they are few and
    fixed without a look at what went wrong, all of them are tested.
    """

    holds: sparse.csc_array
    kinds: np.ndarray
    in_test: Bools
    test_only: tuple[str, ...] = ("cluster",)


def slice_table(members: Members, wrong: Bools, *, at_least: int = AT_LEAST, q: float = Q) -> pd.DataFrame:
    """Which slices are wrong more or less often than the rest, and which of these finds hold at q?

    `wrong` (n): which examples went wrong. All examples are of one class. Candidates have at least `at_least` examples
    inside and outside in both splits. Of each kind the `MOST` that differ most on validation are tested on test, by
    Fisher's exact test, and Benjamini-Hochberg runs over all that are tested. One row for each: `candidate` (its
    column), `kind`, the columns of `analysis.two_groups.against_the_rest` on test, `validation_n, validation_wrong,
    validation_difference` (nan for test_only), `p_bh`, and `stands_out`: p_bh <= q, and on validation it differed in
    the same direction. Those that stand out first, the worse ones before the better, then by p.
    """
    test, validation = split_counts(members, wrong, test=True), split_counts(members, wrong, test=False)
    chosen = _chosen(members, validation, _supported(members, validation, test, at_least))
    table = against_the_rest(_some(test, chosen))
    table.insert(0, "candidate", chosen)
    table.insert(1, "kind", members.kinds[chosen])
    before = against_the_rest(_some(validation, chosen))
    table["validation_n"], table["validation_wrong"] = before["n"], before["wrong"]
    table["validation_difference"] = before["difference"]
    table["p_bh"] = benjamini_hochberg(table["p"])
    other_way = table["validation_difference"] * table["difference"] < 0
    table["stands_out"] = (table["p_bh"] <= q) & ~other_way
    place = np.where(table["stands_out"], np.where(table["difference"] > 0, 0, 1), 2)
    return table.iloc[np.lexsort((table["p"].to_numpy(), place))].reset_index(drop=True)


def split_counts(members: Members, wrong: Bools, *, test: bool) -> GroupCounts:
    """How many examples of a split each candidate holds, and how many of these are wrong."""
    there = members.in_test == test
    sums = members.holds.T @ np.column_stack([there, there & wrong]).astype(np.int64)
    return GroupCounts(sums[:, 0], sums[:, 1], int(there.sum()), int((there & wrong).sum()))


def length_ranges(counts: Ints, *, ranges: int = 4) -> list[tuple[int, int | None]]:
    """Ranges of whole numbers that part the lengths (n) into about equal shares: first and last, None for no end."""
    quantiles = np.quantile(counts, np.arange(1, ranges) / ranges) if len(counts) else np.empty(0)
    cuts = [int(cut) for cut in np.unique(quantiles.astype(np.int64))]
    starts, ends = [0, *(cut + 1 for cut in cuts)], [*cuts, None]
    return list(zip(starts, ends, strict=True))


def columns_table(columns: Sequence[Bools], n: int) -> sparse.csc_array:
    """Memberships (each (n,)) side by side, as `Members` wants them."""
    if not columns:
        return sparse.csc_array((n, 0), dtype=np.int32)
    return sparse.csc_array(np.column_stack(columns).astype(np.int32))


def _supported(members: Members, validation: GroupCounts, test: GroupCounts, at_least: int) -> Bools:
    enough = (test.inside >= at_least) & (test.outside >= at_least)
    before = (validation.inside >= at_least) & (validation.outside >= at_least)
    return np.asarray(enough & (before | np.isin(members.kinds, members.test_only)))


def _chosen(members: Members, validation: GroupCounts, supported: Bools) -> Ints:
    """The candidates to test, by what validation says; of test only the memberships are looked at."""
    found = []
    for kind, most in MOST.items():
        rows = np.flatnonzero(supported & (members.kinds == kind))
        if kind not in members.test_only:
            rows = rows[np.argsort(fisher_p(_some(validation, rows)), kind="stable")]
        found.append(_unlike(members.holds, rows[: 25 * most])[:most] if kind == "word" else rows[:most])
    return np.concatenate(found).astype(np.int64)


def _unlike(holds: sparse.csc_array, rows: Ints) -> Ints:
    """The rows, without those that overlap almost wholly with one before them."""
    some = holds[:, rows]
    common = (some.T @ some).toarray()
    sizes = common.diagonal()
    alike = common > ALIKE * (sizes[:, None] + sizes[None, :] - common)
    kept: list[int] = []
    for place in range(len(rows)):
        if not alike[place, kept].any():
            kept.append(place)
    return rows[kept]


def _some(counts: GroupCounts, rows: Ints) -> GroupCounts:
    return GroupCounts(counts.inside[rows], counts.inside_wrong[rows], counts.n, counts.wrong)
