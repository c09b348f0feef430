"""The comparison of remedies at one ratio, with gains in average precision added to the gains that the app shows."""

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
class RemedyResults:
    """The comparison at one ratio; `ap_gains`: gain in average precision over the baseline by method, p after Holm."""

    comparison: RemedyComparison
    measures: list[Measures]
    gains: list[Gain]
    ap_gains: dict[str, tuple[Estimate, float]]


def compare_remedies(experiment: str, ratio: float) -> RemedyResults | None:
    """The comparison at a ratio with a valid baseline run; None when no remedy has finished there."""
    if ratio not in compared_ratios(experiment):
        return None
    comparison = remedy_comparison(experiment, ratio)
    rises = {method.name: _ap_gain(comparison, method) for method in comparison.methods}
    adjusted = holm([p_from_interval(rise) for rise in rises.values()]).tolist() if rises else []
    ap_gains = {name: (rise, p) for (name, rise), p in zip(rises.items(), adjusted, strict=True)}
    return RemedyResults(comparison, remedy_measures(comparison, q=Q), remedy_gains(comparison), ap_gains)


def _ap_gain(comparison: RemedyComparison, method: Method) -> Estimate:
    shared = [seed for seed in comparison.baseline.seeds if seed in method.seeds]
    probs = method.only(shared).pos_probs, comparison.baseline.only(shared).pos_probs
    return average_precision_difference(comparison.labels.test, *probs, q=Q, draws=comparison.draws)
