"""Two groups: against scipy and statsmodels, against printed numbers, by property."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact
from statsmodels.stats.proportion import confint_proportions_2indep, power_proportions_2indep

from closecall.analysis.two_groups import (
    GroupCounts,
    compare_groups_with_rest,
    examples_needed,
    fisher_p,
    smallest_detectable_rate,
    unpaired_difference,
)


@st.composite
def counts(draw: st.DrawFn) -> GroupCounts:
    n = draw(st.integers(1, 60))
    wrong = draw(st.integers(0, n))
    inside = draw(st.lists(st.integers(0, n), min_size=1, max_size=4))
    hit = [draw(st.integers(max(0, size - (n - wrong)), min(size, wrong))) for size in inside]
    return GroupCounts(np.array(inside), np.array(hit), n, wrong)


@given(counts())
def test_fisher_agrees_with_scipy(one: GroupCounts) -> None:
    for inside, hit, p in zip(one.inside, one.inside_wrong, fisher_p(one), strict=True):
        table = [[hit, inside - hit], [one.wrong - hit, one.n - one.wrong - inside + hit]]
        assert p == pytest.approx(fisher_exact(table).pvalue, abs=1e-9)


def test_fisher_gives_the_tea_lady_and_stays_quick_with_many() -> None:
    tea = GroupCounts(np.array([4, 4]), np.array([3, 4]), 8, 4)
    assert fisher_p(tea) == pytest.approx([34 / 70, 2 / 70])
    rng = np.random.default_rng(0)
    inside = rng.integers(10, 5000, 4000)
    many = GroupCounts(inside, rng.binomial(inside, 0.2), 100_000, 20_000)
    p = fisher_p(many)
    assert p[0] == pytest.approx(
        fisher_exact(
            [
                [many.inside_wrong[0], inside[0] - many.inside_wrong[0]],
                [many.outside_wrong[0], many.outside[0] - many.outside_wrong[0]],
            ]
        ).pvalue,
        rel=1e-5,
    )


def test_newcombes_own_examples() -> None:
    """Newcombe (1998), Statistics in Medicine 17, 873-890, table II, method 10."""
    low, high = unpaired_difference([56, 9, 6, 5, 0, 10], [70, 10, 7, 56, 10, 10], [48, 3, 2, 0, 0, 0],
                                    [80, 10, 7, 29, 10, 20])  # fmt: skip
    assert low == pytest.approx([0.0524, 0.1705, 0.0582, -0.0381, -0.2775, 0.6791], abs=5e-5)
    assert high == pytest.approx([0.3339, 0.8090, 0.8062, 0.1926, 0.2775, 1.0000], abs=5e-5)


@given(st.integers(1, 80), st.integers(1, 80), st.data())
def test_the_interval_agrees_with_statsmodels(n_a: int, n_b: int, data: st.DataObject) -> None:
    a, b = data.draw(st.integers(0, n_a)), data.draw(st.integers(0, n_b))
    low, high = unpaired_difference(a, n_a, b, n_b)
    assert (float(low), float(high)) == pytest.approx(
        confint_proportions_2indep(a, n_a, b, n_b, method="newcomb"), abs=1e-9
    )
    assert low <= a / n_a - b / n_b <= high
    other_low, other_high = unpaired_difference(b, n_b, a, n_a)
    assert (float(low), float(high)) == pytest.approx((-other_high, -other_low))


def test_a_group_against_the_rest() -> None:
    row = compare_groups_with_rest(GroupCounts(np.array([20, 0]), np.array([10, 0]), 100, 26)).iloc[0]
    assert (row["n"], row["wrong"], row["rest_n"], row["rest_wrong"]) == (20, 10, 80, 16)
    assert (row["rate"], row["rest_rate"], row["lift"], row["difference"]) == pytest.approx((0.5, 0.2, 2.5, 0.3))
    assert row["rate_low"] == pytest.approx(0.2993, abs=1e-4)
    assert row["low"] < 0.3 < row["high"]
    with pytest.raises(ValueError, match="must be among"):
        GroupCounts(np.array([5]), np.array([6]), 100, 26)


@settings(max_examples=25)
@given(st.floats(0.05, 0.45), st.floats(0.1, 0.5), st.floats(0.05, 0.5))
def test_as_many_as_needed_give_the_power(rest: float, more: float, share: float) -> None:
    n = examples_needed(rest + more, rest, share=share, tests=4)
    shown = power_proportions_2indep(
        more, rest, n * share, ratio=(1 - share) / share, alpha=0.1 / 4, return_results=False
    )
    assert shown == pytest.approx(0.8, abs=0.002)
    assert smallest_detectable_rate(rest, round(n), share=share, tests=4) == pytest.approx(rest + more, abs=0.02)


def test_undetectable_rates_are_nan() -> None:
    assert examples_needed(0.2, 0.2, share=0.1) == np.inf
    assert np.isnan(smallest_detectable_rate(0.2, 10, share=0.1))
    assert np.isnan(smallest_detectable_rate(1.0, 1000, share=0.1))
