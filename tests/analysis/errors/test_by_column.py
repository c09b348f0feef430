"""Errors by a column: against scipy and statsmodels, a worked table, what is pooled or skipped, and by property."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep

from closecall.analysis.errors.by_column import (
    FEWEST,
    MANY,
    MISSING,
    OTHER,
    ValueGroups,
    column_numbers,
    errors_by_value,
    in_range,
    value_groups,
)


def groups_of(values: list[object]) -> ValueGroups:
    found = value_groups(values, np.ones(len(values), dtype=bool))
    assert isinstance(found, ValueGroups)
    return found


def test_a_worked_table() -> None:
    groups = groups_of(["old"] * 20 + ["new"] * 80)
    frame = errors_by_value(groups, np.r_[np.ones(10), np.zeros(10), np.ones(10), np.zeros(70)].astype(bool))
    frame = frame.set_index("value")
    assert frame.loc["old", ["n", "wrong", "rest_n", "rest_wrong"]].tolist() == [20, 10, 80, 10]
    assert frame.loc["old", ["share", "share_of_errors", "difference"]].tolist() == pytest.approx([0.2, 0.5, 0.375])
    low, high = confint_proportions_2indep(10, 20, 10, 80, method="newcomb")
    assert frame.loc["old", ["low", "high"]].tolist() == pytest.approx([low, high])
    likely = hypergeom(100, 20, 20).pmf(np.arange(21))
    p = likely[likely <= likely[10] * (1 + 1e-7)].sum()
    assert frame["p"].tolist() == pytest.approx([p, p]) and frame["p_holm"].tolist() == pytest.approx([2 * p, 2 * p])


@settings(max_examples=15)
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), min_size=12, max_size=80))
def test_groups_partition_the_examples_and_their_errors(rows: list[tuple[str, bool]]) -> None:
    values, wrong = [one for one, _ in rows], np.array([one for _, one in rows])
    found = value_groups(values, np.ones(len(values), dtype=bool))
    counts = pd.Series(values).value_counts()
    if isinstance(found, str):
        assert len(counts) == 1 or counts.max() < FEWEST
        return
    frame = errors_by_value(found, wrong)
    assert frame["n"].sum() == len(values) and frame["wrong"].sum() == wrong.sum()
    kept = {str(one): int(n) for one, n in counts.items() if n >= FEWEST}
    own = frame[frame["value"] != OTHER].set_index("value")
    assert own["n"].to_dict() == kept
    for name, wrongs in own["wrong"].items():
        assert wrongs == sum(bad for one, bad in rows if one == name)
    assert frame["p_holm"].tolist() == pytest.approx(multipletests(frame["p"], method="holm")[1].tolist())
    assert (frame["low"] <= frame["difference"]).all() and (frame["difference"] <= frame["high"]).all()


@settings(max_examples=25)
@given(st.lists(st.integers(-50, 5000), min_size=4 * MANY, max_size=120))
def test_numbers_are_cut_into_ordered_quartiles(numbers: list[int]) -> None:
    found = value_groups([str(one) for one in numbers], np.ones(len(numbers), dtype=bool))
    if isinstance(found, str) or len(set(numbers)) <= MANY:
        return
    assert found.kind == "numbers" and len(found.names) <= 4
    values = np.array(numbers)
    edges = [(int(low), int(high)) for low, high in (one for one in found.ranges if one)]
    assert all(before[1] < after[0] for before, after in itertools.pairwise(edges))
    for code, (low, high) in enumerate(edges):
        inside = (values >= low) & (values <= high)
        assert ((found.codes == code) == inside).all()
        assert (in_range([str(one) for one in numbers], str(low), str(high)) == inside).all()  # type: ignore[comparison-overlap]
    if len(set(numbers)) == len(numbers):
        assert np.bincount(found.codes).max() - np.bincount(found.codes).min() <= 1


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S+02:00", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y"])
def test_dates_are_read_in_each_format(form: str) -> None:
    dates = pd.date_range("1993-04-01", periods=40, freq="D")
    values = [*dates.strftime(form), ""]
    numbers = column_numbers(values)
    assert numbers is not None and np.isnan(numbers[-1]) and np.diff(numbers[:-1]) == pytest.approx(86400)
    found = groups_of([*values])
    assert found.kind == "dates" and found.names[-1] == MISSING and found.ranges[-1] is None
    assert np.bincount(found.codes).tolist() == [10, 10, 10, 10, 1]


def test_dates_have_short_names() -> None:
    found = groups_of([f"1993-04-{day:02d}T08:00" for day in range(1, 29)])
    assert found.names[0] == "1993-04-01 to 1993-04-07"


def test_few_numbers_are_compared_one_by_one_and_the_missing_are_a_group() -> None:
    found = groups_of([1, 2, 3, None, float("nan"), "", " 2 "] * 6)
    assert found.kind == "values" and found.names == ("2", "1", "3", MISSING)
    assert np.bincount(found.codes).tolist() == [12, 6, 6, 18]


def test_rare_values_are_pooled() -> None:
    found = groups_of(["a"] * 9 + ["b"] * 5 + ["c"] * 4 + ["d"])
    assert found.names == ("a", "b", OTHER) and np.bincount(found.codes).tolist() == [9, 5, 5]


def test_only_the_chosen_examples_are_grouped() -> None:
    values = ["a"] * 10 + ["b"] * 10 + ["c"] * 10
    found = value_groups(values, np.arange(30) < 20)
    assert isinstance(found, ValueGroups) and found.names == ("a", "b") and len(found.codes) == 20
    # Whether a column has numbers is decided on all examples, so that a range can be found again.
    mixed = value_groups([*map(str, range(20)), "unknown"], np.arange(21) < 20)
    assert mixed == "Every example has its own value."


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([f"user {one}" for one in range(20)], "its own value"),
        (["same"] * 20, "the same value: same"),
        ([""] * 20, "the same value: no value"),
        ([f"pair {one // 2}" for one in range(20)], "No value has 5"),
    ],
)
def test_a_column_that_compares_nothing_says_why(values: list[str], reason: str) -> None:
    assert reason in str(value_groups(values, np.ones(20, dtype=bool)))


def test_what_is_no_number_has_no_range() -> None:
    assert in_range(["a", "b"], "1", "2") is None and in_range(["1", "2"], "a", "2") is None
    assert column_numbers(["1", "inf"]) is None and column_numbers(["", None]) is None
    assert in_range(["1", "", "3"], "1", "2").tolist() == [True, False, False]  # type: ignore[union-attr]


def test_another_number_of_outcomes_is_refused() -> None:
    with pytest.raises(ValueError, match="one outcome for each of the 20"):
        errors_by_value(groups_of(["a"] * 10 + ["b"] * 10), np.ones(19, dtype=bool))
