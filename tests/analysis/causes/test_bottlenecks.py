"""The number that would decide: by hand, and the share of enlarged sets that are decided."""

import numpy as np
import pytest
from scipy.stats import norm

from closecall.analysis.causes.bottlenecks import POWER, find_bottlenecks
from closecall.analysis.ratio.changes import Change

SIZES = {"test positives": 100, "test negatives": 400, "validation negatives": 50, "seeds": 6}


def made(value=0.0, **variances):
    names = {"positives": "test positives", "negatives": "test negatives", "validation": "validation negatives"}
    parts = {source: 0.0 for source in SIZES}
    parts |= {names.get(name, name): variance for name, variance in variances.items()}
    return Change(value, parts, 6, 0.02)


def test_the_largest_source_is_enlarged_alone():
    """Gap 0.05, target SE 0.05 / 2.80: variance 0.000319; 0.0016 from 100 positives needs 503."""
    (found,) = find_bottlenecks(made(positives=0.0016), 0.05, SIZES)
    assert (found.source, found.present) == ("test positives", 100)
    assert found.needed == pytest.approx(100 * 0.0016 / (0.05 / (norm.ppf(0.975) + norm.ppf(POWER))) ** 2, abs=1)
    (negatives,) = find_bottlenecks(made(negatives=0.0016), 0.05, SIZES)
    assert negatives.source == "test negatives" and negatives.needed == pytest.approx(4 * found.needed, abs=4)


def test_two_sources_that_are_both_too_small_are_both_named():
    found = find_bottlenecks(made(positives=0.0016, validation=0.0012), 0.05, SIZES)
    assert [one.source for one in found] == ["test positives", "validation negatives"]
    assert all(one.needed > one.present for one in found)


def test_seeds_are_counted_with_the_t_distribution():
    (found,) = find_bottlenecks(made(seeds=0.002), 0.05, SIZES)
    assert found.source == "seeds" and found.needed > 6 * 0.002 / (0.05 / 2.8016) ** 2


def test_sources_that_cannot_be_enlarged_are_not_named():
    assert find_bottlenecks(made(seeds=0.002), 0.05, {"test positives": 0}) == ()


def test_the_number_decides_in_about_four_of_five_cases():
    """The change is 0 and the bound 0.05: the share of intervals that then leave out 0.05."""
    present = made(positives=0.0016)
    (found,) = find_bottlenecks(present, 0.05, SIZES)
    deviation = np.sqrt(0.0016 * found.present / found.needed)
    values = np.random.default_rng(0).normal(0, deviation, size=2000)
    highs = [Change(float(one), {**present.variances, "test positives": deviation**2}, 6, 0.0).estimate().high
             for one in values]  # fmt: skip
    assert np.mean(np.array(highs) < 0.05) == pytest.approx(POWER, abs=0.04)
