"""Measures of one experiment: every ratio, the drop in recall from the smallest, and the comparison of remedies."""

from dataclasses import dataclass

import numpy as np

from benchmarks.results.comparison import Q, RemedyResults, compare_remedies
from benchmarks.results.experiments import PLANS, REMEDY_RATIO
from benchmarks.results.formatting import plain
from benchmarks.results.ratio_drops import decompose_ratios
from closecall.analysis.intervals import Estimate
from closecall.analysis.metrics.calibration import log_odds, temperature
from closecall.analysis.metrics.prevalence import average_precision_at
from closecall.analysis.ratio.decomposition import Decomposition
from closecall.analysis.ratio.prior_shift import excess_drop, prior_shift_curve
from closecall.analysis.remedies.methods import Labels, Measures, Method, OperatingPoint, measure_method
from closecall.data.datasets.store import DatasetInfo, load_examples, load_info
from closecall.data.experiments.remedies import NO_REMEDY, remedy_title
from closecall.data.experiments.run_tables import RunTable, read_run_tables
from closecall.data.experiments.runs import Run, load_runs
from closecall.data.experiments.store import ExperimentConfig, load_experiment
from closecall.models.results.valid_runs import complete_rows, valid_rows
from closecall.models.results.verdict import decide_verdict, verdict_words


@dataclass(frozen=True)
class Level:
    """The valid baseline runs of one ratio. `collapsed` counts the runs that were left out.

    `own_mix`: average precision at the test set's own share of positives.
    """

    ratio: float
    seeds: tuple[int, ...]
    collapsed: int
    measures: Measures
    own_mix: float


@dataclass(frozen=True)
class RecallDrop:
    """The drop in recall from the smallest ratio to a larger one, over the seeds that both have.

    `prior`: recall and specificity that the class prior alone predicts. `excess`: the drop beyond that prediction.
    `moved`: the larger ratio with its threshold moved to the false-positive rate of the smallest.
    """

    first: Level
    level: Level
    parts: Decomposition
    prior: tuple[float, float]
    moved: OperatingPoint
    excess: Estimate


@dataclass(frozen=True)
class Sweep:
    """One experiment with its measures.

    `unmeasured`: why there are no levels, or "". `remedies`: None when no remedy has finished. `counts`: positives and
    negatives of validation and test. `n_examples`: size of the dataset. `n_training_negatives`: negatives of its
    training split.
    """

    config: ExperimentConfig
    info: DatasetInfo
    short_name: str
    runs: tuple[Run, ...]
    n_examples: int
    n_training_negatives: int
    counts: dict[str, tuple[int, int]]
    levels: tuple[Level, ...]
    drops: tuple[RecallDrop, ...]
    verdict: list[str]
    remedies: RemedyResults | None
    unmeasured: str

    @property
    def main_drop(self) -> RecallDrop | None:
        """The drop to the motivating ratio, else to the largest ratio."""
        last = self.drops[-1] if self.drops else None
        return next((one for one in self.drops if one.level.ratio == REMEDY_RATIO), last)


def measure(experiment: str) -> Sweep:
    """Measure the finished runs of an experiment. UserError when it does not exist."""
    config = load_experiment(experiment)
    info, runs = load_info(config.dataset), load_runs(experiment)
    finished = [run for run in runs if run.has_predictions]
    tables = read_run_tables(experiment, finished)
    test, validation = tables["test"], tables["validation"]
    counts = {name: _counts(table.labels) for name, table in tables.items()}
    unmeasured = _unmeasured(test, counts)
    rows = load_examples(config.dataset, ["label", "split"])
    verdict = None if unmeasured else decide_verdict(test, validation)
    levels, drops = ((), ()) if unmeasured else _levels(test, validation)
    return Sweep(
        config,
        info,
        next((plan.short_name for plan in PLANS if plan.dataset == config.dataset), plain(info.title)),
        tuple(runs),
        len(rows),
        int(((rows["split"] == "train") & (rows["label"] == 0)).sum()),
        counts,
        levels,
        drops,
        verdict_words(verdict) if verdict else [],
        compare_remedies(experiment, REMEDY_RATIO) if any(one.ratio == REMEDY_RATIO for one in levels) else None,
        unmeasured or ("" if levels else "Every baseline run collapsed."),
    )


def _counts(labels: np.ndarray) -> tuple[int, int]:
    positives = int((labels == 1).sum())
    return positives, len(labels) - positives


def _unmeasured(test: RunTable, counts: dict[str, tuple[int, int]]) -> str:
    if not complete_rows(test).any():
        return "No baseline run has finished yet."
    if any(0 in pair for pair in counts.values()):
        return "Validation and test need both classes for these figures."
    return ""


def _levels(test: RunTable, validation: RunTable) -> tuple[tuple[Level, ...], tuple[RecallDrop, ...]]:
    """The measures of every ratio with a valid run, smallest first, and the drops from the smallest to the others."""
    labels = Labels(test.labels, validation.labels)
    complete = complete_rows(test) & ~np.isnan(validation.pos_probs).any(axis=1)
    valid = complete & valid_rows(test)
    collapsed = {ratio: int((complete & ~valid & (test.ratios == ratio)).sum()) for ratio in test.ratios.tolist()}
    baselines = {
        ratio: _baseline(test, validation, valid & (test.ratios == ratio)) for ratio in sorted(set(test.ratios[valid]))
    }
    levels = {ratio: _level(labels, baseline, ratio, collapsed[ratio]) for ratio, baseline in baselines.items()}
    if not baselines:
        return (), ()
    parts = decompose_ratios(
        test.labels,
        test.pos_probs[valid],
        test.ratios[valid],
        test.seeds[valid],
        val_labels=validation.labels,
        val_pos_probs=validation.pos_probs[valid],
    )
    first = min(baselines)
    prior = _prior(labels, baselines[first], first, list(parts))
    drops = [
        RecallDrop(levels[first], levels[ratio], one, prior[ratio], *_compared(labels, baselines, first, ratio))
        for ratio, one in parts.items()
    ]
    return tuple(levels.values()), tuple(drops)


def _baseline(test: RunTable, validation: RunTable, chosen: np.ndarray) -> Method:
    rows = np.flatnonzero(chosen)
    rows = rows[np.argsort(test.seeds[rows])]
    return Method(NO_REMEDY, remedy_title(NO_REMEDY), tuple(test.seeds[rows].tolist()), test.pos_probs[rows],
               validation.pos_probs[rows])  # fmt: skip


def _level(labels: Labels, baseline: Method, ratio: float, collapsed: int) -> Level:
    own = float(np.mean(np.asarray(labels.test)))
    own_mix = float(np.mean([average_precision_at(labels.test, row, q=own) for row in baseline.pos_probs]))
    return Level(
        ratio, baseline.seeds, collapsed, measure_method(labels, baseline, baseline, ratio=ratio, q=Q), own_mix
    )


def _prior(labels: Labels, baseline: Method, reference: float, ratios: list[float]) -> dict[float, tuple[float, float]]:
    """Recall and specificity that the class prior alone predicts, by ratio, from the calibrated runs of `reference`."""
    logits = np.array(
        [
            log_odds(shown) / temperature(labels.validation, log_odds(chosen), q=1 / (1 + reference))
            for shown, chosen in zip(baseline.pos_probs, baseline.val_pos_probs, strict=True)
        ]
    )
    curve = prior_shift_curve(labels.test, logits, ratios, reference_ratio=reference)
    return dict(zip(ratios, curve[["recall", "specificity"]].itertuples(index=False, name=None), strict=True))


def _compared(
    labels: Labels, baselines: dict[float, Method], reference: float, ratio: float
) -> tuple[OperatingPoint, Estimate]:
    """The larger ratio at the reference's false-positive rate, and the drop beyond what the prior predicts."""
    shared = [seed for seed in baselines[reference].seeds if seed in baselines[ratio].seeds]
    first, larger = baselines[reference].only(shared), baselines[ratio].only(shared)
    excess = excess_drop(
        labels.test,
        first.pos_probs,
        larger.pos_probs,
        calibrated_on=(labels.validation, first.val_pos_probs),
        ratio=ratio,
        reference_ratio=reference,
    )
    return measure_method(labels, first, larger, ratio=ratio, q=Q).at_common, excess
