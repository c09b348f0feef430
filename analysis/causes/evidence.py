"""Measurements on runs at several ratios, the basis of a verdict: failed runs, changes at every ratio, validation."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from closecall.analysis.causes.comparison import Comparison, compare_ratios
from closecall.analysis.causes.failed_runs import FailedRun, failed_runs
from closecall.analysis.intervals import Estimate
from closecall.analysis.metrics.outcomes import CHANCE_AUC
from closecall.analysis.metrics.ranking import placement_interval
from closecall.analysis.metrics.split_check import SplitCheck, check_splits
from closecall.analysis.ratio.changes import Contributions, auc_contributions
from closecall.analysis.validation import Bools, Floats, as_probs, both_classes, per_run


@dataclass(frozen=True)
class Evidence:
    """Numbers of examples and runs, failed runs, and one comparison for each ratio above the smallest.

    `comparisons` are in the order of the ratios; empty when no two ratios have valid runs. `reference_auc`: AUC of the
    smallest ratio, mean over seeds. `at_chance`: ratios whose classifier ranks no better than chance. `validation` is
    None without validation predictions.
    """

    n_positives: int
    n_negatives: int
    n_runs: int
    failed: tuple[FailedRun, ...]
    comparisons: tuple[Comparison, ...]
    reference_ratio: float
    reference_auc: Estimate | None
    at_chance: tuple[float, ...]
    validation: SplitCheck | None

    @property
    def comparison(self) -> Comparison | None:
        """The comparison with the largest ratio."""
        return self.comparisons[-1] if self.comparisons else None

    @property
    def collapsed_ratios(self) -> tuple[float, ...]:
        """The ratio of each collapsed run."""
        return tuple(sorted(run.ratio for run in self.failed if run.kind == "collapsed"))


def gather_evidence(
    labels: ArrayLike,
    pos_probs: ArrayLike,
    ratios: ArrayLike,
    seeds: ArrayLike,
    *,
    val_labels: ArrayLike | None = None,
    val_pos_probs: ArrayLike | None = None,
    threshold: float = 0.5,
    draws: int = 500,
) -> Evidence:
    """Measure what changes between the smallest ratio and each larger one.

    `pos_probs` (runs, n), `val_pos_probs` (runs, m) in the same order; `ratios`, `seeds` (runs,). Pass runs of the
    cross-entropy baseline, for what the class prior alone predicts. Failed runs are reported and left out. Ratios that
    share no seed with the smallest are compared unpaired. Without validation predictions there is no threshold chosen
    on validation and no excess drop. Raises ValueError with fewer than two ratios.
    """
    positive = both_classes(labels)
    probs = as_probs(pos_probs, len(positive))
    (ratio,) = per_run(ratios, runs=len(probs))
    (seed,) = per_run(seeds, runs=len(probs))
    if len(np.unique(ratio)) < 2:
        raise ValueError("A verdict compares ratios; there are runs at one ratio only.")
    validation = _validation(val_labels, val_pos_probs, len(probs))
    areas = auc_contributions(probs, positive)
    failed = failed_runs(positive, probs, areas.values, ratio, seed, threshold=threshold)
    sound = np.flatnonzero(~np.isin(np.arange(len(probs)), [run.row for run in failed]))
    check = None if validation is None else check_splits(positive, probs[sound], validation[0], validation[1][sound])
    rows = {float(one): sound[ratio[sound] == one] for one in np.unique(ratio[sound])}
    of_ratio = {one: _auc(areas.of_runs(own)) for one, own in rows.items()}
    reference = min(rows, default=float(ratio.min()))
    runs = _Runs(positive, probs, areas, seed, validation if check is not None and check.usable else None)
    comparisons = _compare_all(runs, rows, threshold, draws)
    n_positives = int(positive.sum())
    return Evidence(
        n_positives,
        len(positive) - n_positives,
        len(probs),
        failed,
        comparisons,
        reference,
        of_ratio.get(reference),
        tuple(one for one, area in of_ratio.items() if area.low <= 0.5 or area.value < CHANCE_AUC),
        check,
    )


class _Runs(NamedTuple):
    """All runs on the test examples, and the validation that chooses thresholds if it is usable."""

    positive: Bools
    probs: Floats
    areas: Contributions
    seeds: Floats
    validation: tuple[Bools, Floats] | None


def _compare_all(runs: _Runs, rows: dict[float, np.ndarray], threshold: float, draws: int) -> tuple[Comparison, ...]:
    """Each ratio against the smallest; `rows` has the valid runs of each ratio, smallest first."""
    first = min(rows, default=0.0)
    return tuple(
        compare_ratios(
            runs.positive,
            runs.probs,
            (rows[first], own),
            areas=runs.areas,
            seeds=runs.seeds,
            ratios=(first, one),
            validation=runs.validation,
            threshold=threshold,
            draws=draws if one == max(rows) else 0,
        )
        for one, own in rows.items()
        if one != first
    )


def _auc(areas: Contributions) -> Estimate:
    """Mean AUC over runs, with the interval of the mean score's example noise."""
    pairs = zip(areas.positives, areas.negatives, strict=True)
    each = [placement_interval(above[None], below[None]) for above, below in pairs]
    return Estimate(*(float(np.mean([getattr(one, name) for one in each])) for name in ("value", "low", "high")))


def _validation(labels: ArrayLike | None, pos_probs: ArrayLike | None, runs: int) -> tuple[Bools, Floats] | None:
    if labels is None and pos_probs is None:
        return None
    if labels is None or pos_probs is None or len(np.atleast_2d(pos_probs)) != runs:
        raise ValueError("Give validation labels and probabilities together, one row for each run.")
    positive = both_classes(labels)
    return positive, as_probs(pos_probs, len(positive))
