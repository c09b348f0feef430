"""The race of remedies at one ratio, with the gains in average precision beside those that the product tells."""

from dataclasses import dataclass

from closecall.analysis.intervals import Estimate, holm, p_from_interval
from closecall.analysis.metrics.average_precision import average_precision_difference
from closecall.analysis.remedies.gains import Gain
from closecall.analysis.remedies.methods import Measures, Method
from closecall.models.results.remedy_comparison import (
    RemedyComparison,
    compared_ratios,
    remedy_comparison,
    remedy_gains,
    remedy_measures,
)

Q = 1 / 11
"""The share of positives at which average precision is shown: one among ten negatives."""


@dataclass(frozen=True)
class Raced:
    """The comparison at one ratio; `ap_gains`: gain in average precision over the baseline by method, p after Holm."""

    race: RemedyComparison
    measures: list[Measures]
    gains: list[Gain]
    ap_gains: dict[str, tuple[Estimate, float]]


def race_at(experiment: str, ratio: float) -> Raced | None:
    """The race at a ratio that has a sound plain run; None before a remedy has finished there."""
    if ratio not in compared_ratios(experiment):
        return None
    race = remedy_comparison(experiment, ratio)
    rises = {arm.name: _ap_gain(race, arm) for arm in race.methods}
    adjusted = holm([p_from_interval(rise) for rise in rises.values()]).tolist() if rises else []
    ap_gains = {name: (rise, p) for (name, rise), p in zip(rises.items(), adjusted, strict=True)}
    return Raced(race, remedy_measures(race, q=Q), remedy_gains(race), ap_gains)


def _ap_gain(race: RemedyComparison, arm: Method) -> Estimate:
    shared = [seed for seed in race.baseline.seeds if seed in arm.seeds]
    sides = arm.only(shared).pos_probs, race.baseline.only(shared).pos_probs
    return average_precision_difference(race.labels.test, *sides, q=Q, draws=race.draws)
