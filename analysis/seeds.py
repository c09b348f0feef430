"""Intervals of means over seeds: examples and seeds are two sources of error, estimated apart and joined."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student

from closecall.analysis.intervals import Estimate, widen, wilson, z_value
from closecall.analysis.validation import as_share


def seed_half_width(by_seed: ArrayLike, *, level: float = 0.95) -> float:
    """Half width of the interval of a mean over seeds, from the spread of seeds alone; 0 for one seed.

    t S / sqrt(s): Student's t at s - 1 degrees of freedom, S the standard deviation over s seeds. `by_seed` (seeds,):
    one value each. With two seeds t is 12.7, with three 4.3, with five 2.8.
    """
    values = np.atleast_1d(np.asarray(by_seed, dtype=np.float64))
    seeds = len(values)
    if seeds < 2:
        return 0.0
    return float(student.ppf(0.5 + as_share(level, name="The level") / 2, seeds - 1) * values.std(ddof=1) / seeds**0.5)


def widen_for_seeds(examples: Estimate, by_seed: ArrayLike, *, level: float = 0.95) -> Estimate:
    """An interval over examples, widened for the spread of seeds; unchanged for one seed.

    `by_seed` (seeds,): the value of each seed. Three or more seeds: each bound moves to the square root of the sum of
    its squared distance and the squared `seed_half_width` (Zou and Donner 2008). Two seeds estimate their spread too
    badly for that. Their variance S^2/2 and that of the examples are added instead, with Satterthwaite's degrees of
    freedom (1946). Both keep the asymmetry.
    """
    values = np.atleast_1d(np.asarray(by_seed, dtype=np.float64))
    down, up = examples.value - examples.low, examples.high - examples.value
    if len(values) == 2:
        variance = float(values.var(ddof=1)) / 2
        down, up = (_satterthwaite(side, variance, level) for side in (down, up))
    elif len(values) > 2:
        return widen(examples, seed_half_width(values, level=level))
    return Estimate(examples.value, examples.value - down, examples.value + up)


def _satterthwaite(distance: float, variance: float, level: float) -> float:
    """Distance of a bound over examples, joined with a variance at one degree of freedom."""
    if variance == 0:
        return distance
    total = (distance / z_value(level)) ** 2 + variance
    return float(student.ppf(0.5 + level / 2, (total / variance) ** 2) * np.sqrt(total))


def share_over_seeds(right: ArrayLike, n: int, *, level: float = 0.95) -> Estimate:
    """Mean share right over seeds, with an interval over examples and seeds.

    `right` (seeds,): counts among the same n examples. Wilson's interval of the mean at n examples (an upper bound: as
    if all seeds agreed on each example), widened for seeds. 0 to 1; nan where n is 0. One seed: Wilson's interval.
    """
    counts = np.atleast_1d(np.asarray(right, dtype=np.float64))
    low, high = wilson(counts.mean(), n, level=level)
    if n == 0:
        return Estimate(float("nan"), float("nan"), float("nan"))
    examples = Estimate(float(counts.mean() / n), float(low), float(high))
    return within(widen_for_seeds(examples, counts / n, level=level), 0.0, 1.0)


def within(estimate: Estimate, lowest: float, highest: float) -> Estimate:
    """The estimate with its bounds inside the range of the quantity."""
    return Estimate(estimate.value, max(estimate.low, lowest), min(estimate.high, highest))
