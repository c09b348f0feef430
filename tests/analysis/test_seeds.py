"""Means over seeds: worked numbers, properties, and the coverage that a mean over few seeds really has."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student

from closecall.analysis.intervals import Estimate, wilson
from closecall.analysis.seeds import seed_half_width, share_over_seeds, widen_for_seeds

quick = settings(deadline=None, max_examples=30)


def test_seed_half_width_is_students() -> None:
    assert seed_half_width([0.8]) == 0
    # Three seeds with a spread of .05: t at 2 degrees of freedom is 4.3027.
    assert seed_half_width([0.75, 0.80, 0.85]) == pytest.approx(4.3027 * 0.05 / math.sqrt(3), rel=1e-4)
    assert seed_half_width([0.8, 0.8]) == 0


@quick
@given(st.lists(st.floats(0, 1), min_size=2, max_size=8), st.sampled_from([0.8, 0.95]))
def test_seeds_alone_have_the_interval_of_a_mean(values, level):
    expected = student.interval(
        level, len(values) - 1, np.mean(values), max(np.std(values, ddof=1), 1e-9) / len(values) ** 0.5
    )
    assert seed_half_width(values, level=level) == pytest.approx((expected[1] - expected[0]) / 2, abs=1e-6)


def test_widening_adds_squared_distances() -> None:
    # Three seeds: half width .04 where S = .04 sqrt(3) / 4.3027.
    spread = 0.04 * math.sqrt(3) / student.ppf(0.975, 2)
    joined = widen_for_seeds(Estimate(0.5, 0.47, 0.55), [0.5 - spread, 0.5, 0.5 + spread])
    assert (joined.low, joined.high) == pytest.approx((0.45, 0.5 + math.hypot(0.05, 0.04)))
    assert widen_for_seeds(Estimate(0.5, 0.47, 0.53), [0.5]) == Estimate(0.5, 0.47, 0.53)


def test_two_seeds_have_satterthwaites_degrees_of_freedom() -> None:
    # Variances .0001 over examples (2 points) and .0002/2 over seeds: (2/1)^2 = 4 degrees of freedom.
    examples = Estimate(0.5, 0.5 - 1.959964 * 0.01, 0.5 + 1.959964 * 0.01)
    joined = widen_for_seeds(examples, [0.49, 0.51])
    assert joined.high - 0.5 == pytest.approx(student.ppf(0.975, 4) * math.sqrt(0.0002), rel=1e-5)
    assert 0.5 - joined.low == pytest.approx(joined.high - 0.5)
    same = widen_for_seeds(examples, [0.5, 0.5])
    assert (same.low, same.high) == (examples.low, examples.high)
    # No spread over examples: the seeds alone.
    alone = widen_for_seeds(Estimate(0.5, 0.5, 0.5), [0.49, 0.51])
    assert alone.high - 0.5 == pytest.approx(seed_half_width([0.49, 0.51]))


@quick
@given(st.lists(st.floats(0, 1), min_size=1, max_size=6), st.floats(0.001, 0.2), st.floats(0.001, 0.2))
def test_seeds_never_narrow_an_interval(values, down, up):
    middle = float(np.mean(values))
    wide = widen_for_seeds(Estimate(middle, middle - down, middle + up), values)
    assert wide.low <= middle - down + 1e-9 and wide.high >= middle + up - 1e-9


def test_one_seed_is_wilsons() -> None:
    assert share_over_seeds([80], 100) == Estimate(0.8, *(float(one) for one in wilson(80, 100)))
    assert math.isnan(share_over_seeds([0], 0).low)


def test_seeds_that_differ_widen_a_share_and_few_of_them_more() -> None:
    three, ten = share_over_seeds([75, 80, 85], 100), share_over_seeds([75, 80, 85] * 3 + [80], 100)
    alone = share_over_seeds([80], 100)
    assert three.low < ten.low < alone.low < 0.8 < alone.high < ten.high < three.high


@quick
@given(st.lists(st.integers(0, 60), min_size=1, max_size=6))
def test_a_share_over_seeds_stays_between_its_bounds(right):
    estimate = share_over_seeds(right, 60)
    assert 0 <= estimate.low <= estimate.value + 1e-9 and estimate.value - 1e-9 <= estimate.high <= 1


@pytest.mark.parametrize(
    ("seeds", "spread", "least"), [(3, 0.0, 0.95), (3, 0.09, 0.92), (2, 0.09, 0.85), (5, 0.18, 0.90)]
)
def test_a_share_over_seeds_covers_the_expected_one(seeds, spread, least):
    """The moderated interval that was here before covered 88 % with three seeds 9 points apart, 83 % with two."""
    rng = np.random.default_rng(7)
    chances = np.clip(0.75 + spread * rng.normal(size=(1000, seeds)), 0, 1)
    truth = np.clip(0.75 + spread * rng.normal(size=10**5), 0, 1).mean()
    covered = 0
    for own in chances:
        right = (rng.random(350) < own[:, None]).sum(axis=1)
        estimate = share_over_seeds(right, 350)
        covered += estimate.low <= truth <= estimate.high
    assert covered / 1000 >= least
