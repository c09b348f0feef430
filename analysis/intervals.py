"""Confidence intervals of shares and differences, paired tests, corrections for many tests, and sample sizes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.stats import beta, binom, false_discovery_control, norm

from closecall.analysis.validation import Floats, as_share


@dataclass(frozen=True)
class Estimate:
    """A value with the bounds of its confidence interval."""

    value: float
    low: float
    high: float

    @property
    def includes_zero(self) -> bool:
        """Whether the interval includes 0, "no difference"."""
        return self.low <= 0 <= self.high

    def __neg__(self) -> "Estimate":
        return Estimate(-self.value, -self.high, -self.low)


def z_value(level: float) -> float:
    """Half width of a two-sided normal interval in standard errors: 1.96 at level 0.95."""
    return float(norm.ppf(0.5 + as_share(level, name="The level") / 2))


def wilson(right: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> tuple[Floats, Floats]:
    """Wilson's score interval of the share `right` / `n` (Wilson 1927).

    (p + z^2/2n -+ z sqrt(p q/n + z^2/4n^2)) / (1 + z^2/n). Arrays of one shape, bounds 0 to 1, nan where n is 0. Raises
    ValueError unless 0 <= right <= n.
    """
    k, total = np.broadcast_arrays(np.asarray(right, dtype=np.float64), np.asarray(n, dtype=np.float64))
    if (k < 0).any() or (k > total).any():
        raise ValueError("The number of correct examples must lie between 0 and the number of examples.")
    z2 = z_value(level) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        share = k / total
        half = np.sqrt(z2) * np.sqrt(share * (1 - share) / total + z2 / (4 * total**2))
        middle, scale = share + z2 / (2 * total), 1 + z2 / total
        low, high = (middle - half) / scale, (middle + half) / scale
    # Wilson's interval reaches 0 and 1 exactly; rounding would miss them.
    return np.where(k == 0, np.where(total == 0, np.nan, 0.0), low), np.where((k == total) & (total > 0), 1.0, high)


def exact_share(right: float, n: float, *, level: float = 0.95) -> Estimate:
    """The share `right` / `n` with Clopper and Pearson's exact interval (1934); it never covers less than `level`.

    Quantiles of Beta(k, n - k + 1) and Beta(k + 1, n - k); n of n right gives ((1 - level) / 2)^(1/n) to 1. `right` may
    be a fraction. Raises ValueError unless 0 <= right <= n and n > 0.
    """
    if not 0 <= right <= n or n <= 0:
        raise ValueError("The number of correct examples must lie between 0 and the number of examples.")
    tail = (1 - as_share(level, name="The level")) / 2
    low = float(beta.ppf(tail, right, n - right + 1)) if right > 0 else 0.0
    high = float(beta.ppf(1 - tail, right + 1, n - right)) if right < n else 1.0
    return Estimate(right / n, low, high)


def paired_difference(both: float, only_a: float, only_b: float, neither: float, *, level: float = 0.95) -> Estimate:
    """Difference of two shares on the same examples, share of a minus share of b, with its interval.

    Counts of examples that both, only a, only b or neither got right. Value (only_a - only_b)/n; interval of Newcombe
    (1998, paired, method 10): Wilson limits of both shares, joined by their continuity-corrected correlation.
    """
    counts = [float(count) for count in (both, only_a, only_b, neither)]
    n = sum(counts)
    if min(counts) < 0 or n == 0:
        raise ValueError("A paired comparison needs counts of at least one example, none of them negative.")
    # In float64: the product of four integer totals leaves 64 bits from about 65,000 examples.
    both, only_a, only_b, neither = counts
    right_a, right_b = both + only_a, both + only_b
    low, high = wilson([right_a, right_b], [n, n], level=level)
    share_a, share_b = right_a / n, right_b / n
    phi = _correlation(both, only_a, only_b, neither)
    down = _distance(share_a - low[0], high[1] - share_b, phi)
    up = _distance(high[0] - share_a, share_b - low[1], phi)
    value = (only_a - only_b) / n
    return Estimate(float(value), float(value - down), float(value + up))


def _correlation(both: float, only_a: float, only_b: float, neither: float) -> float:
    product = (both + only_a) * (only_b + neither) * (both + only_b) * (only_a + neither)
    if product == 0:
        return 0.0
    cross = both * neither - only_a * only_b
    n = both + only_a + only_b + neither
    # Newcombe's continuity correction applies to a positive correlation only.
    return float((max(cross - n / 2, 0) if cross > 0 else cross) / np.sqrt(product))


def _distance(own: float, other: float, phi: float) -> float:
    return float(np.sqrt(max(own**2 - 2 * phi * own * other + other**2, 0.0)))


def widen(estimate: Estimate, half_width: float) -> Estimate:
    """An interval with a second, independent source of error: each bound moves to the root of the sum of squares.

    Keeps the asymmetry (Zou and Donner 2008).
    """
    down, up = np.hypot([estimate.value - estimate.low, estimate.high - estimate.value], half_width)
    return Estimate(estimate.value, float(estimate.value - down), float(estimate.value + up))


def independent_difference(a: Estimate, b: Estimate) -> Estimate:
    """Difference a - b of two estimates from other examples and other runs.

    Each bound is at the square root of the sum of the two squared distances (Zou and Donner 2008). For two Wilson
    intervals this is Newcombe's (1998) method 10. Too wide where a and b are positively correlated.
    """
    value = a.value - b.value
    down, up = np.hypot(a.value - a.low, b.high - b.value), np.hypot(a.high - a.value, b.value - b.low)
    return Estimate(value, float(value - down), float(value + up))


def p_from_interval(estimate: Estimate) -> float:
    """Two-sided p of "no difference" from a 95 % interval, by its width (Altman and Bland 2011).

    1 for an interval without width: it says nothing about the error.
    """
    error = (estimate.high - estimate.low) / (2 * z_value(0.95))
    if error == 0:
        return 1.0
    return float(2 * norm.sf(abs(estimate.value) / error))


def mcnemar(only_a: ArrayLike, only_b: ArrayLike) -> Floats:
    """Exact two-sided McNemar test of two runs on the same examples (McNemar 1947).

    p = min(1, 2 BinomCDF(min(b, c); b + c, 1/2)) for the counts b and c that only a or only b got right. p < 0.05 needs
    at least 6 differing examples. Arrays of one shape; 1 where nothing differs.
    """
    b, c = np.broadcast_arrays(np.asarray(only_a), np.asarray(only_b))
    if (b < 0).any() or (c < 0).any():
        raise ValueError("Counts must not be negative.")
    return np.asarray(np.minimum(1.0, 2 * binom.cdf(np.minimum(b, c), b + c, 0.5)))


def holm(p_values: ArrayLike) -> Floats:
    """Holm-adjusted p values, shape (m,): family-wise error over m tests (Holm 1979)."""
    p = _as_p_values(p_values)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1.0)
    return adjusted


def benjamini_hochberg(p_values: ArrayLike) -> Floats:
    """Benjamini-Hochberg adjusted p values, shape (m,): false discovery rate (Benjamini and Hochberg 1995).

    Entries at or below 0.1 include on average at most one false discovery in ten.
    """
    return np.asarray(false_discovery_control(_as_p_values(p_values)))


def _as_p_values(p_values: ArrayLike) -> Floats:
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise ValueError("p values must be a list of numbers between 0 and 1.")
    return p


def positives_needed(drop: float, *, gained: float = 0.03, power: float = 0.8, level: float = 0.95) -> float:
    """Number of paired positives that a two-sided McNemar test needs to detect a drop d in recall (Connor 1987).

    n = [z sqrt(d + 2g) + z_power sqrt(d + 2g - d^2)]^2 / d^2. A share g of the positives (`gained`) changes to right, d
    + g to wrong; the recalls themselves do not matter. d = 0.12 needs 96 positives, 0.04 needs 489; with the exact test
    the power is about 0.77 there. Raises ValueError when d + 2g > 1.
    """
    moved = as_share(drop, name="The drop") + 2 * as_share(gained, name="The gained share", inclusive=True)
    if moved > 1:
        raise ValueError("A drop that large cannot go along with that many gained positives.")
    alpha, beta = z_value(level), float(norm.ppf(as_share(power, name="The power")))
    return float((alpha * np.sqrt(moved) + beta * np.sqrt(moved - drop**2)) ** 2 / drop**2)


def smallest_detectable_drop(
    n_positives: int, *, gained: float = 0.03, power: float = 0.8, level: float = 0.95
) -> float:
    """The smallest drop in recall that n paired positives can detect, between 0 and 1.

    The d at which `positives_needed` is `n_positives`; nan where even the largest drop needs more.
    """
    largest = 1 - 2 * as_share(gained, name="The gained share", inclusive=True)

    def missing(drop: float) -> float:
        return positives_needed(drop, gained=gained, power=power, level=level) - n_positives

    if n_positives <= 0 or largest <= 0 or missing(largest - 1e-9) > 0:
        return float("nan")
    return float(brentq(missing, 1e-6, largest - 1e-9))
