"""How sure a mean over seeds is: few seeds tell little of their own spread, so published spreads steady it."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student

from closecall.analysis.intervals import Estimate, wilson
from closecall.analysis.validation import as_share

# Fine-tuning repeated with other seeds differs by .8 to 2.4 points of accuracy (SD, Mosbach 2021): a spread of two
# points enters with the weight of two degrees of freedom.
PRIOR_SPREAD = 0.02
PRIOR_FREEDOM = 2


def seed_reach(by_seed: ArrayLike, *, runs: int = 1, level: float = 0.95) -> float:
    """How far to each side of their mean may other seeds carry it? 0 for one seed, which cannot tell.

    t sqrt(v / s), v = (d0 runs s0^2 + (s - 1) S^2) / (d0 + s - 1), Student's t at d0 + s - 1 degrees of freedom: the
    moderated variance of Smyth (2004) with a published spread s0 for its prior. `by_seed` (seeds,) one value each;
    `runs`: how many runs make one value (2 for a difference).
    """
    values = np.atleast_1d(np.asarray(by_seed, dtype=np.float64))
    seeds = len(values)
    if seeds < 2:
        return 0.0
    freedom = PRIOR_FREEDOM + seeds - 1
    variance = (PRIOR_FREEDOM * runs * PRIOR_SPREAD**2 + (seeds - 1) * values.var(ddof=1)) / freedom
    return float(student.ppf(0.5 + as_share(level, name="The level") / 2, freedom) * np.sqrt(variance / seeds))


def over_seeds(examples: Estimate, reach: float) -> Estimate:
    """An interval over other examples, widened to other seeds as well.

    Each bound moves to the root of the two squared distances (Zou and Donner 2008), which keeps its lopsidedness.
    """
    down, up = examples.value - examples.low, examples.high - examples.value
    return Estimate(
        examples.value, examples.value - float(np.hypot(down, reach)), examples.value + float(np.hypot(up, reach))
    )


def share_over_seeds(right: ArrayLike, n: int, *, level: float = 0.95) -> Estimate:
    """Between which bounds does the mean share right lie, over other examples and other seeds?

    `right` (seeds,) counts of the same n examples. Wilson's interval of the mean at n examples, as if all seeds agreed
    on each (an upper bound), widened by `seed_reach`; 0 to 1, nan where n is 0. One seed: Wilson's interval.
    """
    counts = np.atleast_1d(np.asarray(right, dtype=np.float64))
    low, high = wilson(counts.mean(), n, level=level)
    if n == 0:
        return Estimate(float("nan"), float("nan"), float("nan"))
    wide = over_seeds(Estimate(float(counts.mean() / n), float(low), float(high)), seed_reach(counts / n, level=level))
    return Estimate(wide.value, max(wide.low, 0.0), min(wide.high, 1.0))
