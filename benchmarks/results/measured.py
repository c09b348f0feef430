"""The numbers of one experiment: each ratio, the fall from the smallest one, and the comparison of remedies."""

from dataclasses import dataclass

import numpy as np

from benchmarks.results.planned import PLANS, RACED
from benchmarks.results.raced import Q, Raced, race_at
from benchmarks.results.ratio_drops import decompose_ratios
from benchmarks.results.words import plain
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
    """The sound baseline runs of one ratio. `collapsed` counts those left out.

    `own_mix`: average precision at the test set's own share of positives.
    """

    ratio: float
    seeds: tuple[int, ...]
    collapsed: int
    measures: Measures
    own_mix: float


@dataclass(frozen=True)
class Fall:
    """From the smallest ratio to a larger one, over the seeds that both have.

    `prior`: which shares of positives and negatives the first would get right had only its prior moved; `excess`: the
    recall lost beyond that. `moved`: the larger one, at the false-positive rate of the first.
    """

    first: Level
    level: Level
    parts: Decomposition
    prior: tuple[float, float]
    moved: OperatingPoint
    excess: Estimate


@dataclass(frozen=True)
class Sweep:
    """All that is shown of one experiment. `why_not` says why there are no levels; `raced` None: no remedy finished.

    `counts` are the positives and negatives of validation and test; `examples` those of the whole dataset, and
    `to_train` the negatives of its training split.
    """

    config: ExperimentConfig
    info: DatasetInfo
    called: str
    runs: tuple[Run, ...]
    examples: int
    to_train: int
    counts: dict[str, tuple[int, int]]
    levels: tuple[Level, ...]
    falls: tuple[Fall, ...]
    verdict: list[str]
    raced: Raced | None
    why_not: str

    @property
    def asked(self) -> Fall | None:
        """The drop that the questions are about: to the motivating ratio, else to the largest."""
        last = self.falls[-1] if self.falls else None
        return next((one for one in self.falls if one.level.ratio == RACED), last)


def measure(experiment: str) -> Sweep:
    """Everything that the finished runs of an experiment tell. UserError for one that is not known."""
    config = load_experiment(experiment)
    info, runs = load_info(config.dataset), load_runs(experiment)
    finished = [run for run in runs if run.has_predictions]
    tables = read_run_tables(experiment, finished)
    test, validation = tables["test"], tables["validation"]
    counts = {name: _counts(table.labels) for name, table in tables.items()}
    why_not = _why_not(test, counts)
    rows = load_examples(config.dataset, ["label", "split"])
    verdict = None if why_not else decide_verdict(test, validation)
    levels, falls = ((), ()) if why_not else _levels(test, validation)
    return Sweep(
        config,
        info,
        next((plan.called for plan in PLANS if plan.dataset == config.dataset), plain(info.title)),
        tuple(runs),
        len(rows),
        int(((rows["split"] == "train") & (rows["label"] == 0)).sum()),
        counts,
        levels,
        falls,
        verdict_words(verdict) if verdict else [],
        race_at(experiment, RACED) if any(one.ratio == RACED for one in levels) else None,
        why_not or ("" if levels else "Every baseline run collapsed."),
    )


def _counts(labels: np.ndarray) -> tuple[int, int]:
    positives = int((labels == 1).sum())
    return positives, len(labels) - positives


def _why_not(test: RunTable, counts: dict[str, tuple[int, int]]) -> str:
    if not complete_rows(test).any():
        return "No baseline run has finished yet."
    if any(0 in pair for pair in counts.values()):
        return "Validation and test need both classes for these figures."
    return ""


def _levels(test: RunTable, validation: RunTable) -> tuple[tuple[Level, ...], tuple[Fall, ...]]:
    """What each ratio with a sound run shows, the smallest first, and the falls from it to the others."""
    labels = Labels(test.labels, validation.labels)
    plain_runs = complete_rows(test) & ~np.isnan(validation.pos_probs).any(axis=1)
    fine = plain_runs & valid_rows(test)
    gone = {ratio: int((plain_runs & ~fine & (test.ratios == ratio)).sum()) for ratio in test.ratios.tolist()}
    arms = {ratio: _arm(test, validation, fine & (test.ratios == ratio)) for ratio in sorted(set(test.ratios[fine]))}
    levels = {ratio: _level(labels, arm, ratio, gone[ratio]) for ratio, arm in arms.items()}
    if not arms:
        return (), ()
    parts = decompose_ratios(
        test.labels,
        test.pos_probs[fine],
        test.ratios[fine],
        test.seeds[fine],
        val_labels=validation.labels,
        val_pos_probs=validation.pos_probs[fine],
    )
    first = min(arms)
    prior = _prior(labels, arms[first], first, list(parts))
    falls = [
        Fall(levels[first], levels[ratio], one, prior[ratio], *_compared(labels, arms, first, ratio))
        for ratio, one in parts.items()
    ]
    return tuple(levels.values()), tuple(falls)


def _arm(test: RunTable, validation: RunTable, chosen: np.ndarray) -> Method:
    rows = np.flatnonzero(chosen)
    rows = rows[np.argsort(test.seeds[rows])]
    return Method(NO_REMEDY, remedy_title(NO_REMEDY), tuple(test.seeds[rows].tolist()), test.pos_probs[rows],
               validation.pos_probs[rows])  # fmt: skip


def _level(labels: Labels, arm: Method, ratio: float, gone: int) -> Level:
    own = float(np.mean(np.asarray(labels.test)))
    own_mix = float(np.mean([average_precision_at(labels.test, row, q=own) for row in arm.pos_probs]))
    return Level(ratio, arm.seeds, gone, measure_method(labels, arm, arm, ratio=ratio, q=Q), own_mix)


def _prior(labels: Labels, arm: Method, reference: float, ratios: list[float]) -> dict[float, tuple[float, float]]:
    """Prior-only recall and true-negative rate of the smallest ratio's runs, calibrated on validation, by ratio."""
    logits = np.array(
        [
            log_odds(shown) / temperature(labels.validation, log_odds(chosen), q=1 / (1 + reference))
            for shown, chosen in zip(arm.pos_probs, arm.val_pos_probs, strict=True)
        ]
    )
    curve = prior_shift_curve(labels.test, logits, ratios, reference_ratio=reference)
    return dict(zip(ratios, curve[["recall", "specificity"]].itertuples(index=False, name=None), strict=True))


def _compared(
    labels: Labels, arms: dict[float, Method], reference: float, ratio: float
) -> tuple[OperatingPoint, Estimate]:
    """The larger ratio at the false-positive rate of the reference, and the loss beyond its prior."""
    shared = [seed for seed in arms[reference].seeds if seed in arms[ratio].seeds]
    first, here = arms[reference].only(shared), arms[ratio].only(shared)
    excess = excess_drop(
        labels.test,
        first.pos_probs,
        here.pos_probs,
        calibrated_on=(labels.validation, first.val_pos_probs),
        ratio=ratio,
        reference_ratio=reference,
    )
    return measure_method(labels, first, here, ratio=ratio, q=Q).at_common, excess
