"""How sure a share, or a difference of two shares on the same examples, is; and what is left after many questions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.stats import binom, norm

from closecall.analysis.validation import Bools, Floats, as_share


@dataclass(frozen=True)
class Estimate:
    """A number with the interval it was found in."""

    value: float
    low: float
    high: float

    @property
    def holds_zero(self) -> bool:
        """Whether "no difference" is inside the interval."""
        return self.low <= 0 <= self.high


def z_value(level: float) -> float:
    """How many standard errors a two-sided interval of this level reaches to each side (1.96 at .95)."""
    return float(norm.ppf(0.5 + as_share(level, name="The level") / 2))


def wilson(right: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> tuple[Floats, Floats]:
    """Between which bounds does a share of `right` among `n` lie?

    (p + z^2/2n -+ z sqrt(p q/n + z^2/4n^2)) / (1 + z^2/n), arrays of one shape, bounds in 0 to 1, nan where n is 0
    (Wilson 1927). Raises ValueError when there are more right than there are examples.
    """
    k, total = np.broadcast_arrays(np.asarray(right, dtype=np.float64), np.asarray(n, dtype=np.float64))
    if (k < 0).any() or (k > total).any():
        raise ValueError("The number right must lie between 0 and the number of examples.")
    z2 = z_value(level) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        share = k / total
        half = np.sqrt(z2) * np.sqrt(share * (1 - share) / total + z2 / (4 * total**2))
        middle, scale = share + z2 / (2 * total), 1 + z2 / total
        low, high = (middle - half) / scale, (middle + half) / scale
    # Rounding must not leave a bound a hair off the ends that Wilson's interval reaches exactly.
    return np.where(k == 0, np.where(total == 0, np.nan, 0.0), low), np.where((k == total) & (total > 0), 1.0, high)


def paired_difference(both: int, only_a: int, only_b: int, neither: int, *, level: float = 0.95) -> Estimate:
    """How much more often is a right than b on the same examples?

    Counts of examples that both, only a, only b or neither got right. Value (only_a - only_b)/n with the interval of
    Newcombe (1998), method 10: Wilson limits of the two shares, joined by their continuity-corrected correlation.
    """
    counts = np.array([both, only_a, only_b, neither], dtype=np.float64)
    n = counts.sum()
    if (counts < 0).any() or n == 0:
        raise ValueError("A paired comparison needs counts of at least one example, none of them negative.")
    right_a, right_b = both + only_a, both + only_b
    low, high = wilson([right_a, right_b], [n, n], level=level)
    share_a, share_b = right_a / n, right_b / n
    phi = _correlation(both, only_a, only_b, neither)
    down = _joined(share_a - low[0], high[1] - share_b, phi)
    up = _joined(high[0] - share_a, share_b - low[1], phi)
    value = (only_a - only_b) / n
    return Estimate(float(value), float(value - down), float(value + up))


def _correlation(both: float, only_a: float, only_b: float, neither: float) -> float:
    product = (both + only_a) * (only_b + neither) * (both + only_b) * (only_a + neither)
    if product == 0:
        return 0.0
    cross = both * neither - only_a * only_b
    n = both + only_a + only_b + neither
    # Newcombe's correction works against finding a positive correlation, and leaves a negative one alone.
    return float((max(cross - n / 2, 0) if cross > 0 else cross) / np.sqrt(product))


def _joined(own: float, other: float, phi: float) -> float:
    return float(np.sqrt(max(own**2 - 2 * phi * own * other + other**2, 0.0)))


def independent_difference(a: Estimate, b: Estimate) -> Estimate:
    """How much more is a than b, where the two were found on other examples and other runs?

    Each bound lies the root of the two squared distances away (Zou and Donner 2008): of two Wilson intervals it makes
    Newcombe's (1998) method 10. Where a and b rise and fall together it is too wide.
    """
    value = a.value - b.value
    down, up = np.hypot(a.value - a.low, b.high - b.value), np.hypot(a.high - a.value, b.value - b.low)
    return Estimate(value, float(value - down), float(value + up))


def p_of(estimate: Estimate) -> float:
    """Which two-sided p of "no difference" has a value with this 95 % interval? By its width (Altman, Bland 2011)."""
    error = (estimate.high - estimate.low) / (2 * z_value(0.95))
    if error == 0:
        return 1.0 if estimate.value == 0 else 0.0
    return float(2 * norm.sf(abs(estimate.value) / error))


def mcnemar(only_a: ArrayLike, only_b: ArrayLike) -> Floats:
    """Could two runs that differ on the same examples in this way be equally good?

    Exact two-sided p = min(1, 2 BinomCDF(min(b, c); b + c, 1/2)) for the counts that only a or only b got right; below
    .05 only from 6 differing examples on (McNemar 1947). Arrays of one shape; 1 where nothing differs.
    """
    b, c = np.broadcast_arrays(np.asarray(only_a), np.asarray(only_b))
    if (b < 0).any() or (c < 0).any():
        raise ValueError("Counts must not be negative.")
    return np.minimum(1.0, 2 * binom.cdf(np.minimum(b, c), b + c, 0.5))


def holm(p_values: ArrayLike) -> Floats:
    """What is left of each p when all claims of one family must hold at once? Adjusted p, shape (m,) (Holm 1979)."""
    p, order = _sorted(p_values)
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    return _unsorted(np.minimum(steps, 1.0), order)


def benjamini_hochberg(p_values: ArrayLike) -> Floats:
    """What share of a list cut at this p would be false finds? Adjusted p, shape (m,) (Benjamini, Hochberg 1995).

    Keep the entries at or below .1 to have at most one in ten false on average.
    """
    p, order = _sorted(p_values)
    steps = p[order] * len(p) / np.arange(1, len(p) + 1)
    return _unsorted(np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1.0), order)


def _sorted(p_values: ArrayLike) -> tuple[Floats, np.ndarray]:
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or not _in_unit(p).all():
        raise ValueError("p values must be a list of numbers between 0 and 1.")
    return p, np.argsort(p, kind="stable")


def _in_unit(p: Floats) -> Bools:
    return (p >= 0) & (p <= 1)


def _unsorted(values: Floats, order: np.ndarray) -> Floats:
    adjusted = np.empty_like(values)
    adjusted[order] = values
    return adjusted


def positives_needed(drop: float, *, gained: float = 0.03, power: float = 0.8, level: float = 0.95) -> float:
    """How many paired positives does it take to see a drop in recall?

    n = [z sqrt(d + 2g) + z_power sqrt(d + 2g - d^2)]^2 / d^2: a two-sided McNemar test (Connor 1987) where a share g
    of the positives goes the other way (`gained`), so d + g are lost; the recalls themselves play no part. .12 needs 96
    positives, .04 needs 489; with the exact test these give a power of about .77. ValueError when d + 2g is above 1.
    """
    moved = as_share(drop, name="The drop") + 2 * as_share(gained, name="The gained share", closed=True)
    if moved > 1:
        raise ValueError("A drop that large cannot go along with that many gained positives.")
    alpha, beta = z_value(level), float(norm.ppf(as_share(power, name="The power")))
    return float((alpha * np.sqrt(moved) + beta * np.sqrt(moved - drop**2)) ** 2 / drop**2)


def smallest_visible_drop(n_positives: int, *, gained: float = 0.03, power: float = 0.8, level: float = 0.95) -> float:
    """What is the smallest drop in recall this many paired positives can show?

    The d at which `positives_needed` equals n_positives, between 0 and 1; nan when even the largest is out of reach.
    """
    largest = 1 - 2 * as_share(gained, name="The gained share", closed=True)

    def missing(drop: float) -> float:
        return positives_needed(drop, gained=gained, power=power, level=level) - n_positives

    if n_positives <= 0 or largest <= 0 or missing(largest - 1e-9) > 0:
        return float("nan")
    return float(brentq(missing, 1e-6, largest - 1e-9))
