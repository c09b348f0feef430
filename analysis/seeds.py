"""Intervals of means over seeds. Few seeds estimate their own spread badly, so published spreads are the prior."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student

from closecall.analysis.intervals import Estimate, wilson
from closecall.analysis.validation import as_share

# Accuracy of repeated fine-tuning has an SD of 0.8 to 2.4 points over seeds (Mosbach 2021). The prior is two points,
# with the weight of two degrees of freedom.
PRIOR_SPREAD = 0.02
PRIOR_FREEDOM = 2


def seed_half_width(by_seed: ArrayLike, *, runs: int = 1, level: float = 0.95) -> float:
    """Half width of the interval of a mean over seeds, from the spread of seeds alone; 0 for one seed.

    t sqrt(v / s) with v = (d0 runs s0^2 + (s - 1) S^2) / (d0 + s - 1), Student's t at d0 + s - 1 degrees of freedom:
    the moderated variance of Smyth (2004) with a published spread s0 as prior. `by_seed` (seeds,): one value each.
    `runs`: how many runs make one value (2 for a difference).
    """
    values = np.atleast_1d(np.asarray(by_seed, dtype=np.float64))
    seeds = len(values)
    if seeds < 2:
        return 0.0
    freedom = PRIOR_FREEDOM + seeds - 1
    variance = (PRIOR_FREEDOM * runs * PRIOR_SPREAD**2 + (seeds - 1) * values.var(ddof=1)) / freedom
    return float(student.ppf(0.5 + as_share(level, name="The level") / 2, freedom) * np.sqrt(variance / seeds))


def widen_for_seeds(examples: Estimate, half_width: float) -> Estimate:
    """An interval over examples, widened for the spread of seeds.

    Each bound moves to the square root of the sum of the two squared distances (Zou and Donner 2008), which keeps the
    asymmetry.
    """
    down, up = examples.value - examples.low, examples.high - examples.value
    return Estimate(
        examples.value,
        examples.value - float(np.hypot(down, half_width)),
        examples.value + float(np.hypot(up, half_width)),
    )


def share_over_seeds(right: ArrayLike, n: int, *, level: float = 0.95) -> Estimate:
    """Mean share right over seeds, with an interval over examples and seeds.

    `right` (seeds,): counts among the same n examples. Wilson's interval of the mean at n examples (an upper bound: as
    if all seeds agreed on each example), widened by `seed_half_width`. 0 to 1; nan where n is 0. One seed: Wilson's
    interval.
    """
    counts = np.atleast_1d(np.asarray(right, dtype=np.float64))
    low, high = wilson(counts.mean(), n, level=level)
    if n == 0:
        return Estimate(float("nan"), float("nan"), float("nan"))
    examples = Estimate(float(counts.mean() / n), float(low), float(high))
    wide = widen_for_seeds(examples, seed_half_width(counts / n, level=level))
    return Estimate(wide.value, max(wide.low, 0.0), min(wide.high, 1.0))
