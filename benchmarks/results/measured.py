"""The numbers of one experiment: each ratio, the drop from the smallest one, and the race of remedies."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.average_precision import average_precision_difference
from analysis.calibration import log_odds, temperature
from analysis.decomposition import Decomposition
from analysis.intervals import Estimate, holm, p_of
from analysis.outcomes import collapsed
from analysis.prevalence import average_precision_at
from analysis.prior_only import excess_drop, prior_only_curve
from analysis.ratio_drops import decompose_ratios
from analysis.remedies import Arm, Labels, Measures, Point, measure_arm
from analysis.remedy_gains import Gain
from benchmarks.results.planned import PLANS, RACED
from benchmarks.results.words import plain
from data.datasets import DatasetInfo, load_examples, load_info
from data.experiments import ExperimentConfig, load_experiment
from data.remedies import PLAIN, remedy_title
from data.run_tables import RunTable, read_run_tables
from data.runs import Run, load_runs
from models.race import Race, race_gains, race_measures, race_of, race_ratios
from models.verdict import verdict_words, weigh

Q = 1 / 11
"""The share of positives at which average precision is told too: that of 1:10."""


@dataclass(frozen=True)
class Level:
    """The sound plain runs of one ratio. `collapsed` counts those left out.

    `own_mix`: average precision at the test set's own share of positives. `prior`: what the smallest ratio's runs would
    find and leave alone had only their prior moved. The rest compares with the smallest ratio, over the seeds that both
    have, and is None there: `moved` is cut at its false alarms, `excess` the loss beyond the prior's.
    """

    ratio: float
    seeds: tuple[int, ...]
    collapsed: int
    measures: Measures
    own_mix: float
    prior: tuple[float, float] | None
    moved: Point | None
    parts: Decomposition | None
    excess: Estimate | None


@dataclass(frozen=True)
class Raced:
    """The race at one ratio; `ap_gains` in average precision over plain by arm, with p after Holm over the arms."""

    race: Race
    measures: list[Measures]
    gains: list[Gain]
    ap_gains: dict[str, tuple[Estimate, float]]


@dataclass(frozen=True)
class Sweep:
    """All that is told of one experiment. `why_not` says why there are no levels; `raced` None: no remedy finished.

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
    verdict: list[str]
    raced: Raced | None
    why_not: str

    def level(self, ratio: float) -> Level | None:
        return next((one for one in self.levels if one.ratio == ratio), None)

    @property
    def asked(self) -> Level | None:
        """The level that the questions are about: the asker's ratio, else the largest that can be compared."""
        compared = [one for one in self.levels if one.parts is not None]
        return next((one for one in compared if one.ratio == RACED), compared[-1] if compared else None)


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
    verdict = None if why_not else weigh(test, validation)
    return Sweep(
        config,
        info,
        next((plan.called for plan in PLANS if plan.dataset == config.dataset), plain(info.title)),
        tuple(runs),
        len(rows),
        int(((rows["split"] == "train") & (rows["label"] == 0)).sum()),
        counts,
        () if why_not else _levels(test, validation),
        verdict_words(verdict) if verdict else [],
        None if why_not else _raced(experiment),
        why_not,
    )


def _counts(labels: np.ndarray) -> tuple[int, int]:
    positives = int((labels == 1).sum())
    return positives, len(labels) - positives


def _why_not(test: RunTable, counts: dict[str, tuple[int, int]]) -> str:
    if not test.plain.any():
        return "No plain run has finished yet."
    if any(0 in pair for pair in counts.values()):
        return "Validation and test need both classes for these figures."
    return ""


def _levels(test: RunTable, validation: RunTable) -> tuple[Level, ...]:
    """One for each ratio with a sound run, the smallest first."""
    labels = Labels(test.labels, validation.labels)
    plain = test.plain & ~np.isnan(validation.pos_probs).any(axis=1)
    fine = plain.copy()
    fine[plain] = ~collapsed(test.labels, test.pos_probs[plain])
    gone = {ratio: int((plain & ~fine & (test.ratios == ratio)).sum()) for ratio in test.ratios.tolist()}
    arms = {ratio: _arm(test, validation, fine & (test.ratios == ratio)) for ratio in sorted(set(test.ratios[fine]))}
    parts = decompose_ratios(
        test.labels,
        test.pos_probs[fine],
        test.ratios[fine],
        test.seeds[fine],
        val_labels=validation.labels,
        val_pos_probs=validation.pos_probs[fine],
    )
    prior = _prior(labels, arms)
    return tuple(_level(labels, arms, ratio, gone[ratio], parts.get(ratio), prior.loc[ratio]) for ratio in arms)


def _arm(test: RunTable, validation: RunTable, chosen: np.ndarray) -> Arm:
    rows = np.flatnonzero(chosen)
    rows = rows[np.argsort(test.seeds[rows])]
    return Arm(PLAIN, remedy_title(PLAIN), tuple(test.seeds[rows].tolist()), test.pos_probs[rows],
               validation.pos_probs[rows])  # fmt: skip


def _prior(labels: Labels, arms: dict[float, Arm]) -> pd.DataFrame:
    """The prior-only curve of the smallest ratio's runs, calibrated on validation by one temperature each."""
    reference = min(arms)
    logits = np.array(
        [
            log_odds(told) / temperature(labels.validation, log_odds(chosen), q=1 / (1 + reference))
            for told, chosen in zip(arms[reference].pos_probs, arms[reference].val_pos_probs, strict=True)
        ]
    )
    return prior_only_curve(labels.test, logits, list(arms), reference_ratio=reference).set_index("ratio")


def _level(
    labels: Labels, arms: dict[float, Arm], ratio: float, gone: int, parts: Decomposition | None, prior: pd.Series
) -> Level:
    arm, reference = arms[ratio], min(arms)
    own = float(np.mean(np.asarray(labels.test)))
    measures = measure_arm(labels, arm, arm, ratio=ratio, q=Q)
    excess, moved = None, None
    if parts is not None:
        shared = [seed for seed in arms[reference].seeds if seed in arm.seeds]
        first, here = arms[reference].only(shared), arm.only(shared)
        moved = measure_arm(labels, first, here, ratio=ratio, q=Q).at_common
        calibrated_on = labels.validation, first.val_pos_probs
        excess = excess_drop(labels.test, first.pos_probs, here.pos_probs, calibrated_on=calibrated_on, ratio=ratio,
                             reference_ratio=reference)  # fmt: skip
    told = None if ratio == reference else (float(prior["recall"]), float(prior["true_negative_rate"]))
    own_mix = float(np.mean([average_precision_at(labels.test, row, q=own) for row in arm.pos_probs]))
    return Level(ratio, arm.seeds, gone, measures, own_mix, told, moved, parts, excess)


def _raced(experiment: str) -> Raced | None:
    """The race at the asker's ratio; None before a remedy has finished there beside a sound plain run."""
    if RACED not in race_ratios(experiment):
        return None
    race = race_of(experiment, RACED)
    gains = race_gains(race)
    rises = {arm.name: _ap_gain(race, arm) for arm in race.arms}
    adjusted = holm([p_of(rise) for rise in rises.values()]) if rises else []
    return Raced(
        race,
        race_measures(race, q=Q),
        gains,
        {name: (rise, float(p)) for (name, rise), p in zip(rises.items(), adjusted, strict=True)},
    )


def _ap_gain(race: Race, arm: Arm) -> Estimate:
    shared = [seed for seed in race.plain.seeds if seed in arm.seeds]
    sides = arm.only(shared).pos_probs, race.plain.only(shared).pos_probs
    return average_precision_difference(race.labels.test, *sides, q=Q, draws=race.draws)
