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


def test_seed_half_width_is_the_moderated_t() -> None:
    assert seed_half_width([0.8]) == 0
    # Three seeds with a spread of .05: (2 x .02^2 + 2 x .05^2) / 4 = .00145, t at 4 degrees of freedom is 2.776.
    assert seed_half_width([0.75, 0.80, 0.85]) == pytest.approx(2.7764 * math.sqrt(0.00145 / 3), rel=1e-4)
    # Seeds that agree still differ elsewhere: the published spread alone, and a difference has two runs' worth of it.
    assert seed_half_width([0.8, 0.8]) == pytest.approx(student.ppf(0.975, 3) * math.sqrt(0.0008 / 3 / 2))
    assert seed_half_width([0.8, 0.8], runs=2) == pytest.approx(math.sqrt(2) * seed_half_width([0.8, 0.8]))


def test_widening_adds_squared_distances() -> None:
    joined = widen_for_seeds(Estimate(0.5, 0.47, 0.53), 0.04)
    assert (joined.low, joined.high) == pytest.approx((0.45, 0.55))


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


def test_a_share_over_seeds_covers_the_expected_one():
    rng = np.random.default_rng(7)
    covered = 0
    for _ in range(600):
        chances = np.clip(0.8 + 0.03 * rng.normal(size=3), 0, 1)
        shared = rng.random(200)
        right = [int((shared < chance).sum()) for chance in chances]
        estimate = share_over_seeds(right, 200)
        covered += estimate.low <= 0.8 <= estimate.high
    assert covered / 600 > 0.93
