"""What limits an undecided comparison: which split, class or number of seeds, and how many would decide it."""

from dataclasses import dataclass
from math import ceil

from scipy.stats import norm, t

from closecall.analysis.ratio.changes import Change

POWER = 0.8
MAX_SEEDS = 40
LEAST_FACTOR = 1.5
"""Undecided sets are enlarged by at least this factor, also where the present value is undecided by chance."""
MINOR = 0.2
"""A source with less than this share of the variance needed is not named beside a larger one."""


@dataclass(frozen=True)
class Bottleneck:
    """A source of uncertainty (`changes.SOURCES`), its present number, and the number that decides in 80 % of cases."""

    source: str
    present: int
    needed: int


def find_bottlenecks(
    change: Change, bound: float, sizes: dict[str, int], *, level: float = 0.95
) -> tuple[Bottleneck, ...]:
    """The sources to enlarge so that the interval of a change leaves out 0 or `bound`, whichever is farther.

    Target: a standard error of gap / (z_level + z_power), with the gap from the present value to the farther of the two
    and at least half of `bound`. The largest source is enlarged alone if the others leave room; else all that matter in
    the same proportion. `sizes`: present number per source; sources without a size are fixed.
    """
    gap = max(change.value, bound - change.value, bound / 2)
    normal = float(norm.ppf((1 + level) / 2))
    target = (gap / (normal + float(norm.ppf(POWER)))) ** 2
    present = {source: variance for source, variance in _effective(change, normal).items() if sizes.get(source)}
    total = sum(present.values())
    if not present:
        return ()
    target = min(target, total / LEAST_FACTOR)
    largest = max(present, key=lambda source: present[source])
    room = target - (total - present[largest])
    if room > MINOR * target:
        return (Bottleneck(largest, sizes[largest], _needed(largest, change, present[largest], room, sizes, normal)),)
    return tuple(
        Bottleneck(source, sizes[source], _needed(source, change, variance, target * variance / total, sizes, normal))
        for source, variance in sorted(present.items(), key=lambda item: -item[1])
        if variance > MINOR * target
    )


def _effective(change: Change, normal: float) -> dict[str, float]:
    """The variances as they widen the interval: that of the seeds by the t distribution."""
    return {**change.variances, "seeds": change.seed_reach() ** 2 / normal**2}


def _needed(source: str, change: Change, variance: float, allowed: float, sizes: dict[str, int], normal: float) -> int:
    if source != "seeds":
        return ceil(sizes[source] * variance / allowed)
    single = max(change.variances["seeds"] * change.n_seeds, change.seed_sd**2)
    for seeds in range(max(3, change.n_seeds + 1), MAX_SEEDS):
        student = float(t.ppf(norm.cdf(normal), seeds - 1))
        if student**2 * single / seeds <= normal**2 * allowed:
            return seeds
    return MAX_SEEDS
