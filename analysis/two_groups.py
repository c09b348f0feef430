"""Error rates inside groups against the rest: difference, interval, exact test, and sample size."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import gammaln
from scipy.stats import norm

from closecall.analysis.intervals import wilson, z_value
from closecall.analysis.validation import Floats, Ints, as_share

TIE = 1 + 1e-7
"""Tables whose probability is this close to the observed one's count as equally likely, as in R's fisher.test."""


@dataclass(frozen=True)
class GroupCounts:
    """m groups of the same n examples, `wrong` of them wrong: size of each group and its wrong examples, (m,) each."""

    inside: Ints
    inside_wrong: Ints
    n: int
    wrong: int

    def __post_init__(self) -> None:
        outside = self.n - self.inside
        good = (self.inside_wrong >= 0) & (self.inside_wrong <= self.inside) & (outside >= 0)
        good &= (self.wrong - self.inside_wrong >= 0) & (self.wrong - self.inside_wrong <= outside)
        if self.inside.shape != self.inside_wrong.shape or not good.all():
            raise ValueError("Wrong examples inside and outside a group must be among its examples.")

    @property
    def outside(self) -> Ints:
        return self.n - self.inside

    @property
    def outside_wrong(self) -> Ints:
        return self.wrong - self.inside_wrong


def compare_groups_with_rest(counts: GroupCounts, *, level: float = 0.95) -> pd.DataFrame:
    """Error rate of each group against that of all other examples.

    One row for each group: `n, wrong, rate, rate_low, rate_high` (Wilson), `rest_n, rest_wrong, rest_rate`, `lift`
    (rate / rest_rate), `difference` with `low, high` (`unpaired_difference`), `p` (`fisher_p`). Rates are nan where a
    side is empty, lift also where rest_rate is 0.
    """
    rate_low, rate_high = wilson(counts.inside_wrong, counts.inside, level=level)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate, rest = counts.inside_wrong / counts.inside, counts.outside_wrong / counts.outside
        lift = np.where(rest > 0, rate / rest, np.nan)
    low, high = unpaired_difference(
        counts.inside_wrong, counts.inside, counts.outside_wrong, counts.outside, level=level
    )
    inside = {"n": counts.inside, "wrong": counts.inside_wrong, "rate": rate}
    inside |= {"rate_low": rate_low, "rate_high": rate_high}
    outside = {"rest_n": counts.outside, "rest_wrong": counts.outside_wrong, "rest_rate": rest, "lift": lift}
    test = {"difference": rate - rest, "low": low, "high": high, "p": fisher_p(counts)}
    return pd.DataFrame({**inside, **outside, **test})


def unpaired_difference(
    wrong_a: ArrayLike, n_a: ArrayLike, wrong_b: ArrayLike, n_b: ArrayLike, *, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Interval of the difference of two shares of different examples (Newcombe 1998, method 10).

    With Wilson limits l, u of p_a and p_b: d - sqrt((p_a - l_a)^2 + (u_b - p_b)^2) and d + sqrt((u_a - p_a)^2 + (p_b -
    l_b)^2). Coverage is near its level also for small groups and shares near 0, where the Wald interval fails. Arrays
    of one shape, nan where a group is empty.
    """
    (low_a, high_a), (low_b, high_b) = wilson(wrong_a, n_a, level=level), wilson(wrong_b, n_b, level=level)
    with np.errstate(divide="ignore", invalid="ignore"):
        share_a = np.asarray(wrong_a, dtype=np.float64) / np.asarray(n_a, dtype=np.float64)
        share_b = np.asarray(wrong_b, dtype=np.float64) / np.asarray(n_b, dtype=np.float64)
    down = np.sqrt((share_a - low_a) ** 2 + (high_b - share_b) ** 2)
    up = np.sqrt((high_a - share_a) ** 2 + (share_b - low_b) ** 2)
    return share_a - share_b - down, share_a - share_b + up


def fisher_p(counts: GroupCounts) -> Floats:
    """Fisher's exact test of each group against the rest, two-sided p, shape (m,) (Fisher 1935).

    The sum of the hypergeometric probabilities that do not exceed that of the observed table. Groups of one size share
    their distribution, so thousands of groups take milliseconds.
    """
    logs = gammaln(np.arange(counts.n + 2) + 1.0)
    answer = np.ones(len(counts.inside))
    for size in np.unique(counts.inside):
        rows = counts.inside == size
        answer[rows] = _two_sided(counts.inside_wrong[rows], int(size), counts.n, counts.wrong, logs)
    return answer


def _two_sided(observed: Ints, size: int, n: int, wrong: int, logs: Floats) -> Floats:
    """p of each observed number of wrong examples in a group of this size; `logs[k]` is ln k!."""
    first = max(0, size - (n - wrong))
    k = np.arange(first, min(wrong, size) + 1)
    in_wrong = logs[wrong] - logs[k] - logs[wrong - k]
    in_right = logs[n - wrong] - logs[size - k] - logs[n - wrong - size + k]
    likely = np.exp(in_wrong + in_right - (logs[n] - logs[size] - logs[n - size]))
    rising = np.sort(likely)
    upto = np.searchsorted(rising, likely[observed - first] * TIE, side="right")
    return np.asarray(np.minimum(np.cumsum(rising)[upto - 1], 1.0))


def examples_needed(
    rate: float, rest_rate: float, *, share: float, tests: int = 1, q: float = 0.1, power: float = 0.8
) -> float:
    """Number of examples needed to detect that a group with a `share` of them has error rate `rate`, not `rest_rate`.

    N = [z_a sqrt(p(1-p)(1/s + 1/(1-s))) + z_b sqrt(p1(1-p1)/s + p2(1-p2)/(1-s))]^2 / d^2 with sN examples inside and p
    the mean rate (Fleiss 1981, without continuity correction). z_a is two-sided at q/tests, the first step of
    Benjamini-Hochberg. Fisher's exact test needs slightly more. inf for equal rates.
    """
    s = as_share(share, name="The share")
    z_a, z_b = z_value(1 - as_share(q / tests, name="q over the tests")), float(norm.ppf(as_share(power, name="Power")))
    if rate == rest_rate:
        return float("inf")
    mean = s * rate + (1 - s) * rest_rate
    by_chance = np.sqrt(mean * (1 - mean) * (1 / s + 1 / (1 - s)))
    own = np.sqrt(rate * (1 - rate) / s + rest_rate * (1 - rest_rate) / (1 - s))
    return float((z_a * by_chance + z_b * own) ** 2 / (rate - rest_rate) ** 2)


def smallest_detectable_rate(rest_rate: float, n: int, *, share: float, tests: int = 1, q: float = 0.1) -> float:
    """The smallest error rate above `rest_rate` that a group with this share of n examples is detected at (power 0.8).

    The rate at which `examples_needed` is n; nan where even a rate of 1 needs more.
    """

    def missing(rate: float) -> float:
        return examples_needed(rate, rest_rate, share=share, tests=tests, q=q) - n

    start = rest_rate + 1e-6
    if n <= 0 or start >= 1 or missing(1.0) > 0:
        return float("nan")
    return float(brentq(missing, start, 1.0))
