"""The comparison of remedies with the baseline at one ratio of an experiment, read from its runs."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from closecall.analysis.formatting import ratio_text
from closecall.analysis.intervals import Estimate
from closecall.analysis.metrics.split_check import check_splits, prevalence_sentences, scores_sentences
from closecall.analysis.remedies.answer import remedy_answer, simpler_answer
from closecall.analysis.remedies.gains import Gain, gains_over_baseline
from closecall.analysis.remedies.methods import RULES, Labels, Measures, Method, OperatingPoint, measure_method
from closecall.analysis.validation import Bools
from closecall.data.experiments.remedies import NO_REMEDY, REMEDIES, remedy_rank, remedy_title
from closecall.data.experiments.run_tables import RunTable, read_run_tables
from closecall.data.experiments.runs import Run, load_metrics, load_runs
from closecall.data.experiments.store import load_experiment
from closecall.data.io.errors import UserError
from closecall.models.results.valid_runs import complete_rows, valid_rows

LARGE = 200_000
"""Test predictions of a method from which on fewer bootstrap draws are made."""


@dataclass(frozen=True)
class RemedyComparison:
    """The baseline and the finished methods at one ratio. `ids` (n) are the test examples, as in the methods' columns.

    `collapsed` counts the collapsed runs of a method, which are left out; `seconds` is the mean training time of one
    run; `unfinished` names the methods with runs that are not finished.
    """

    experiment: str
    ratio: float
    ids: np.ndarray
    labels: Labels
    baseline: Method
    methods: tuple[Method, ...]
    collapsed: dict[str, int]
    seconds: dict[str, float]
    unfinished: tuple[str, ...]

    @property
    def draws(self) -> int:
        """Bootstrap draws of its intervals."""
        return 200 if self.baseline.pos_probs.size > LARGE else 400

    def method(self, name: str) -> Method | None:
        """The method of this name, the baseline among them; None without one."""
        return next((one for one in (self.baseline, *self.methods) if one.name == name), None)


def compared_ratios(experiment: str) -> list[float]:
    """The ratios at which a baseline run and at least one remedy have finished, rising."""
    finished = [run.config for run in load_runs(experiment) if run.has_predictions]
    baseline, others = ({run.ratio for run in finished if (run.remedy == NO_REMEDY) == one} for one in (True, False))
    return sorted(baseline & others)


def remedy_comparison(experiment: str, ratio: float) -> RemedyComparison:
    """The comparison at one ratio, methods in the order of REMEDIES. UserError without a valid baseline run there."""
    load_experiment(experiment)
    runs = [run for run in load_runs(experiment) if run.config.ratio == ratio]
    finished = [run for run in runs if run.has_predictions]
    if not any(run.config.remedy == NO_REMEDY for run in finished):
        raise UserError(f"{experiment} has no finished baseline run at {ratio_text(ratio)} to compare remedies with.")
    tables = read_run_tables(experiment, finished)
    test, validation = tables["test"], tables["validation"]
    if any(len(set(table.labels.tolist())) < 2 for table in (test, validation)):
        raise UserError(f"{experiment} needs both classes in validation and in test to compare remedies.")
    names = sorted({run.config.remedy for run in finished}, key=remedy_rank)
    prior = 1 / (1 + ratio)
    valid = {name: valid_rows(test, remedy=name, prior=None if name == NO_REMEDY else prior) for name in names}
    if not valid[NO_REMEDY].any():
        raise UserError(f"Every baseline run of {experiment} at {ratio_text(ratio)} collapsed; nothing to compare.")
    methods = [_method(name, test, validation, rows) for name, rows in valid.items()]
    return RemedyComparison(
        experiment,
        ratio,
        test.ids,
        Labels(test.labels, validation.labels),
        methods[0],
        tuple(one for one in methods[1:] if set(one.seeds) & set(methods[0].seeds)),
        {name: int((complete_rows(test, remedy=name) & ~rows).sum()) for name, rows in valid.items()},
        {name: _seconds([run for run in finished if run.config.remedy == name]) for name in names},
        tuple(sorted({run.config.remedy for run in runs if not run.has_predictions}, key=remedy_rank)),
    )


def remedy_gains(comparison: RemedyComparison) -> list[Gain]:
    """The gain of each method over the baseline."""
    return gains_over_baseline(comparison.labels, comparison.baseline, comparison.methods, draws=comparison.draws)


def remedy_measures(comparison: RemedyComparison, *, q: float, rule: str = RULES[0]) -> list[Measures]:
    """The measures of the baseline and of each method at prevalence q, over the seeds shared with the baseline."""
    measures = []
    for method in (comparison.baseline, *comparison.methods):
        seeds = [seed for seed in comparison.baseline.seeds if seed in method.seeds]
        baseline, own = comparison.baseline.only(seeds), method.only(seeds)
        labels, draws = comparison.labels, comparison.draws
        measures.append(measure_method(labels, baseline, own, ratio=comparison.ratio, q=q, rule=rule, draws=draws))
    return measures


def remedy_answers(comparison: RemedyComparison, gains: Sequence[Gain], baseline: Measures) -> list[str]:
    """The answer in a sentence, its numbers, simpler methods, collapsed runs, and how validation differs from test."""
    ratio, labels, baseline_runs = ratio_text(comparison.ratio), comparison.labels, comparison.baseline
    check = check_splits(labels.test, baseline_runs.pos_probs, labels.validation, baseline_runs.val_pos_probs)
    sentences = (
        *remedy_answer(gains, baseline_recall=baseline.at_half.recall.value, ratio=ratio),
        simpler_answer(gains, baseline_auc=baseline.auc.value),
        _collapsed(comparison),
        " ".join((*scores_sentences(check), *prevalence_sentences(check))),
    )
    return [sentence for sentence in sentences if sentence]


def _collapsed(comparison: RemedyComparison) -> str:
    """Which methods have collapsed runs, which are left out."""
    gone = [f"{remedy_title(name)} in {count}" for name, count in comparison.collapsed.items() if count]
    return f"Collapsed runs are left out: {', '.join(gone)}." if gone else ""


def comparison_content(comparison: RemedyComparison, *, q: float, rule: str = RULES[0]) -> dict[str, Any]:
    """The comparison as plain values, for scripts. The keys `arms`, `coming` and `over_plain` keep their old names.

    `true_negative_rate` (specificity) and `mended` (ece_calibrated) are former names of values, kept for scripts.
    """
    gains, measures = remedy_gains(comparison), remedy_measures(comparison, q=q, rule=rule)
    by_name = {gain.name: gain for gain in gains}
    answer, *details = remedy_answers(comparison, gains, measures[0]) or [""]
    content = {
        "experiment": comparison.experiment,
        "ratio": comparison.ratio,
        "q": q,
        "rule": rule,
        "answer": answer,
        "details": details,
        "coming": list(comparison.unfinished),
        "arms": [
            {
                **_measures_content(one),
                "collapsed": comparison.collapsed[one.name],
                "seconds": comparison.seconds[one.name],
                "over_plain": {**asdict(by_name[one.name]), "helps": by_name[one.name].helps}
                if one.name in by_name
                else None,
            }
            for one in measures
        ],
    }
    return _without_nan(content)


def _measures_content(one: Measures) -> dict[str, Any]:
    content = asdict(one)
    for name in ("at_half", "at_own", "at_common"):
        content[name]["true_negative_rate"] = content[name]["specificity"]
    return content | {"mended": content["ece_calibrated"]}


def _without_nan(value: Any) -> Any:
    """The value with None in place of every nan, which JSON has no word for."""
    if isinstance(value, dict):
        return {name: _without_nan(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(one) for one in value]
    return None if isinstance(value, float) and value != value else value


def comparison_row(comparison: RemedyComparison, one: Measures, gain: Gain | None) -> dict[str, Any]:
    """One method as a flat row of numbers for files, shares from 0 to 1."""
    row: dict[str, Any] = {"remedy": one.name, "title": one.title, "ratio": comparison.ratio, "seeds": len(one.seeds)}
    row["collapsed"] = comparison.collapsed[one.name]
    for name in ("at_half", "at_own", "at_common"):
        row |= _point(name.removeprefix("at_"), getattr(one, name))
    row |= _bounds("auc", one.auc) | _bounds("average_precision", one.average_precision)
    row |= {"ece": one.ece.overall, "ece_mended": one.ece_calibrated.overall}
    for name in ("predicted_positive", "predicted_negative"):
        row[f"ece_mended_{name}"] = getattr(one.ece_calibrated, name)
    if gain is not None:
        row |= _bounds("auc_gain", gain.auc) | {"auc_p_holm": gain.auc_p, "auc_noise": gain.auc_noise}
        row |= _bounds("recall_gain", gain.recall) | {"recall_p_holm": gain.recall_p, "recall_noise": gain.recall_noise}
        row |= {"helps": gain.helps}
    return row | {"training_seconds": comparison.seconds[one.name]}


def _method(name: str, test: RunTable, validation: RunTable, rows: Bools) -> Method:
    """Some runs of one remedy, with their probabilities on both splits."""
    known = next((one for one in REMEDIES if one.name == name), None)
    return Method(
        name,
        remedy_title(name),
        tuple(test.seeds[rows].tolist()),
        test.pos_probs[rows],
        validation.pos_probs[rows],
        fine_tunes=known is None or known.fine_tunes,
        moves_prior=known is not None and known.moves_prior,
    )


def _seconds(runs: Sequence[Run]) -> float:
    """The mean training time of some runs; nan where it was not recorded."""
    seconds = []
    for run in runs:
        try:
            seconds.append(float(load_metrics(run)["seconds"]["training"]))
        except (UserError, KeyError, TypeError):
            continue
    return float(np.mean(seconds)) if seconds else float("nan")


def _point(name: str, point: OperatingPoint) -> dict[str, float]:
    columns = _bounds(f"recall_{name}", point.recall) | _bounds(f"tnr_{name}", point.specificity)
    return columns | _bounds(f"precision_{name}", point.precision) | {f"threshold_{name}": point.threshold}


def _bounds(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
