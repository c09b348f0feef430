"""Wilson, Newcombe, McNemar, Holm, Benjamini-Hochberg, how many positives a drop needs."""

from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, norm
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from closecall.analysis.intervals import (
    Estimate,
    benjamini_hochberg,
    exact_share,
    holm,
    independent_difference,
    mcnemar,
    p_from_interval,
    paired_difference,
    positives_needed,
    smallest_detectable_drop,
    wilson,
)

# A busy machine must not fail a property by its clock.
quick = settings(deadline=None, max_examples=30)


@quick
@given(st.integers(1, 3000), st.floats(0, 1), st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_agrees_with_statsmodels(n, share, level):
    k = round(share * n)
    low, high = wilson(k, n, level=level)
    expected = proportion_confint(k, n, alpha=1 - level, method="wilson")
    assert (low, high) == pytest.approx(expected, abs=1e-12)
    assert 0 <= low <= k / n <= high <= 1


def test_wilson_gives_the_worked_intervals():
    low, high = wilson([80, 320], [100, 400])
    assert np.round(low, 2).tolist() == [0.71, 0.76]
    assert np.round(high, 2).tolist() == [0.87, 0.84]
    assert (round(float(low[1]), 3), round(float(high[1]), 3)) == (0.758, 0.836)


@pytest.mark.filterwarnings("error")
def test_wilson_of_nothing_is_nan():
    low, high = wilson([0, 3], [0, 3])
    assert np.isnan(low[0]) and np.isnan(high[0]) and high[1] == 1


def test_wilson_raises_for_more_correct_than_examples():
    with pytest.raises(ValueError, match="number of correct"):
        wilson(5, 4)


def test_newcombe_gives_the_published_limits():
    # Newcombe 1998, Statistics in Medicine 17, 2635-2650: method 10 for 36, 12, 2, 0.
    estimate = paired_difference(36, 12, 2, 0)
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((0.2, 0.0569, 0.3404), abs=5e-5)
    # Fagerland, Lydersen and Laake 2014, Statistics in Medicine 33, 2850-2875: airway hyper-responsiveness.
    estimate = paired_difference(1, 1, 7, 12)
    assert (estimate.low, estimate.high) == pytest.approx((-0.507, -0.026), abs=5e-4)


def test_the_difference_of_two_samples_gives_the_published_limits():
    # Newcombe 1998, Statistics in Medicine 17, 873-890, table II: method 10 for 56/70 - 48/80.
    a, b = (Estimate(right / n, *(float(one) for one in wilson(right, n))) for right, n in ((56, 70), (48, 80)))
    apart = independent_difference(a, b)
    assert (apart.value, apart.low, apart.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    turned = independent_difference(b, a)
    assert (turned.low, turned.high) == pytest.approx((-apart.high, -apart.low))


def test_a_p_goes_with_the_width_of_its_interval():
    assert p_from_interval(Estimate(1.959964, 0.0, 3.919928)) == pytest.approx(0.05, abs=1e-6)
    assert p_from_interval(Estimate(-2.575829, -2.575829 - 1.959964, -2.575829 + 1.959964)) == pytest.approx(
        0.01, abs=1e-6
    )
    # No width is no evidence, not certainty.
    assert p_from_interval(Estimate(0.0, 0.0, 0.0)) == 1.0 and p_from_interval(Estimate(0.1, 0.1, 0.1)) == 1.0


def newcombe_by_fractions(both: int, only_a: int, only_b: int, neither: int) -> tuple[float, float, float]:
    """Newcombe's method 10 with the counts as exact integers; square roots to 50 digits."""
    n = both + only_a + only_b + neither
    z = Decimal(repr(float(norm.ppf(0.975))))
    z2 = z * z

    def limits(right: int) -> tuple[Decimal, Decimal]:
        share = Decimal(right) / n
        half = z * (share * (1 - share) / n + z2 / (4 * Decimal(n) ** 2)).sqrt()
        return (share + z2 / (2 * n) - half) / (1 + z2 / n), (share + z2 / (2 * n) + half) / (1 + z2 / n)

    product = (both + only_a) * (only_b + neither) * (both + only_b) * (only_a + neither)
    cross = Fraction(both * neither - only_a * only_b)
    cross = max(cross - Fraction(n, 2), Fraction(0)) if cross > 0 else cross
    phi = Decimal(cross.numerator) / cross.denominator / Decimal(product).sqrt()
    a, b = Decimal(both + only_a) / n, Decimal(both + only_b) / n
    (low_a, high_a), (low_b, high_b) = limits(both + only_a), limits(both + only_b)
    down = ((a - low_a) ** 2 - 2 * phi * (a - low_a) * (high_b - b) + (high_b - b) ** 2).sqrt()
    up = ((high_a - a) ** 2 - 2 * phi * (high_a - a) * (b - low_b) + (b - low_b) ** 2).sqrt()
    return float(a - b), float(a - b - down), float(a - b + up)


@pytest.mark.parametrize("cell", [70_000, 10**6])
@pytest.mark.parametrize("kind", [int, np.int64])
def test_newcombe_does_not_overflow(cell, kind):
    """The product of four totals of 2 x 10^6 is 16 x 10^24, far beyond 64 bits."""
    counts = (cell, cell - 12_345, cell // 2, cell + 7)
    estimate = paired_difference(*(kind(count) for count in counts))
    with localcontext() as context:
        context.prec = 50
        expected = newcombe_by_fractions(*counts)
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx(expected, rel=1e-9)


@quick
@given(st.integers(1, 400), st.floats(0, 1))
def test_the_exact_interval_agrees_with_statsmodels(n, share):
    k = round(share * n)
    estimate = exact_share(k, n)
    assert (estimate.low, estimate.high) == pytest.approx(proportion_confint(k, n, method="beta"), abs=1e-12)
    assert estimate.low <= estimate.value <= estimate.high


def test_the_exact_interval_of_all_right():
    assert exact_share(2, 2).low == pytest.approx(0.025**0.5) and exact_share(2, 2).high == 1
    with pytest.raises(ValueError, match="number of correct"):
        exact_share(3, 2)


def test_newcombe_narrows_the_interval_when_the_runs_agree():
    # The same two shares, .46 and .34; by hand phi = (308 - 20.5) / sqrt(19 * 22 * 14 * 27) = .7233.
    apart, together = paired_difference(7, 12, 7, 15), paired_difference(14, 5, 0, 22)
    assert together.value == apart.value and together.high - together.low < apart.high - apart.low
    assert (together.low, together.high) == pytest.approx((0.0115, 0.2265), abs=5e-5)


def test_newcombe_without_correlation_is_the_interval_for_two_samples():
    # Nobody is right or wrong with both: the correlation is undefined and counts as 0.
    estimate = paired_difference(0, 5, 0, 3)
    expected = confint_proportions_2indep(5, 8, 0, 8, method="newcomb")
    assert (estimate.low, estimate.high) == pytest.approx(expected)


@quick
@given(*(st.integers(0, 60) for _ in range(4)))
def test_newcombe_is_mirrored_when_the_runs_change_places(both, a, b, neither):
    assume(both + a + b + neither > 0)
    one, other = paired_difference(both, a, b, neither), paired_difference(both, b, a, neither)
    assert (one.value, one.low, one.high) == pytest.approx((-other.value, -other.high, -other.low))
    assert -1 - 1e-9 <= one.low <= one.value <= one.high <= 1 + 1e-9


@pytest.mark.parametrize("correlated", [0.0, 0.7])
def test_newcombe_covers_the_true_difference(correlated):
    rng = np.random.default_rng(1)
    n, p_a, p_b, trials = 80, 0.92, 0.80, 600
    shared = rng.random((trials, n)) < correlated
    luck_a, own = rng.random((trials, n)), rng.random((trials, n))
    right_a, right_b = luck_a < p_a, np.where(shared, luck_a, own) < p_b
    covered = 0
    for a, b in zip(right_a, right_b, strict=True):
        estimate = paired_difference((a & b).sum(), (a & ~b).sum(), (~a & b).sum(), (~a & ~b).sum())
        covered += estimate.low <= p_a - p_b <= estimate.high
    assert 0.925 <= covered / trials <= 0.985


@quick
@given(st.integers(0, 200), st.integers(0, 200))
def test_mcnemar_is_the_exact_binomial_test(b, c):
    p = float(mcnemar(b, c))
    expected = statsmodels_mcnemar([[0, b], [c, 0]], exact=True).pvalue
    assert p == pytest.approx(min(1.0, expected))
    if b + c:
        assert p == pytest.approx(binomtest(b, b + c).pvalue)


def test_mcnemar_cannot_be_significant_below_six_differing_examples():
    assert (mcnemar(np.arange(6), 0) >= 0.05).all()
    assert mcnemar(6, 0) < 0.05


@quick
@given(st.integers(1, 30), st.integers(0, 10**6))
def test_adjusted_p_values_agree_with_statsmodels(n, seed):
    # Two digits, so that some are tied.
    p_values = np.random.default_rng(seed).random(n).round(2) ** 2
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])
    assert benjamini_hochberg(p_values) == pytest.approx(multipletests(p_values, method="fdr_bh")[1])


def test_adjusted_p_values_of_nothing_are_nothing():
    assert len(holm([])) == 0 and len(benjamini_hochberg([])) == 0


def test_p_values_must_be_probabilities():
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([0.2, 1.3])


def test_positives_needed_gives_the_worked_figures():
    assert positives_needed(0.92 - 0.80) == pytest.approx(96, abs=0.5)
    assert positives_needed(0.92 - 0.88) == pytest.approx(490, abs=2)


def test_positives_needed_reach_the_power_they_promise():
    rng = np.random.default_rng(2)
    n = round(positives_needed(0.12))
    moves = rng.multinomial(n, [0.15, 0.03, 0.82], size=4000)
    # The formula is for the asymptotic test; z is what it approximates.
    z = (moves[:, 0] - moves[:, 1]) / np.sqrt(np.maximum(moves[:, 0] + moves[:, 1], 1))
    assert (z > 1.96).mean() == pytest.approx(0.80, abs=0.05)


@quick
@given(st.integers(10, 20_000))
def test_smallest_detectable_drop_needs_just_these_positives(n):
    assert positives_needed(smallest_detectable_drop(n)) == pytest.approx(n, rel=1e-6)


def test_a_handful_of_positives_can_show_nothing():
    assert np.isnan(smallest_detectable_drop(3)) and np.isnan(smallest_detectable_drop(0))


def test_an_impossible_drop_raises():
    with pytest.raises(ValueError, match="drop"):
        positives_needed(0.99)
