"""The race of remedies at one ratio of an experiment, read from its runs. Nothing here imports torch."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from closecall.analysis.formatting import ratio_text
from closecall.analysis.intervals import Estimate
from closecall.analysis.remedies.answer import remedy_answer, simpler_answer
from closecall.analysis.remedies.gains import Gain, gains_over_baseline
from closecall.analysis.remedies.methods import RULES, Labels, Measures, Method, OperatingPoint, measure_method
from closecall.analysis.validation import Bools
from closecall.data.experiments.remedies import PLAIN, REMEDIES, remedy_rank, remedy_title
from closecall.data.experiments.run_tables import RunTable, read_run_tables
from closecall.data.experiments.runs import Run, load_metrics, load_runs
from closecall.data.experiments.store import load_experiment
from closecall.data.io.errors import UserError
from closecall.models.results.valid_runs import complete_rows, valid_rows

LARGE = 200_000
"""Test predictions of an arm from which on fewer bootstrap draws are made."""


@dataclass(frozen=True)
class RemedyComparison:
    """The finished arms at one ratio. `ids` (n) are the test examples in the order of the arms' columns.

    `collapsed` counts the runs of an arm that learned nothing and are left out; `seconds` is the mean training time of
    one run; `coming` names the arms with runs that are not finished.
    """

    experiment: str
    ratio: float
    ids: np.ndarray
    labels: Labels
    plain: Method
    arms: tuple[Method, ...]
    collapsed: dict[str, int]
    seconds: dict[str, float]
    coming: tuple[str, ...]

    @property
    def draws(self) -> int:
        return 200 if self.plain.pos_probs.size > LARGE else 400

    def arm(self, name: str) -> Method | None:
        return next((one for one in (self.plain, *self.arms) if one.name == name), None)


def compared_ratios(experiment: str) -> list[float]:
    """The ratios at which the plain run and at least one remedy have finished, rising."""
    finished = [run.config for run in load_runs(experiment) if run.has_predictions]
    plain, others = ({run.ratio for run in finished if (run.remedy == PLAIN) == one} for one in (True, False))
    return sorted(plain & others)


def remedy_comparison(experiment: str, ratio: float) -> RemedyComparison:
    """The comparison at one ratio; its arms in the order of work. UserError without a valid baseline run there."""
    load_experiment(experiment)
    runs = [run for run in load_runs(experiment) if run.config.ratio == ratio]
    finished = [run for run in runs if run.has_predictions]
    if not any(run.config.remedy == PLAIN for run in finished):
        raise UserError(f"{experiment} has no finished baseline run at {ratio_text(ratio)} to compare remedies with.")
    tables = read_run_tables(experiment, finished)
    test, validation = tables["test"], tables["validation"]
    if any(len(set(table.labels.tolist())) < 2 for table in (test, validation)):
        raise UserError(f"{experiment} needs both classes in validation and in test to compare remedies.")
    names = sorted({run.config.remedy for run in finished}, key=remedy_rank)
    prior = 1 / (1 + ratio)
    valid = {name: valid_rows(test, remedy=name, prior=None if name == PLAIN else prior) for name in names}
    if not valid[PLAIN].any():
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


def remedy_gains(race: RemedyComparison) -> list[Gain]:
    """What each arm gains over plain."""
    return gains_over_baseline(race.labels, race.plain, race.arms, draws=race.draws)


def remedy_measures(race: RemedyComparison, *, q: float, rule: str = RULES[0]) -> list[Measures]:
    """What each arm is worth, plain first, each over the seeds that it shares with plain."""
    measures = []
    for arm in (race.plain, *race.arms):
        seeds = [seed for seed in race.plain.seeds if seed in arm.seeds]
        plain, own = race.plain.only(seeds), arm.only(seeds)
        measures.append(measure_method(race.labels, plain, own, ratio=race.ratio, q=q, rule=rule, draws=race.draws))
    return measures


def remedy_answers(race: RemedyComparison, gains: Sequence[Gain], plain: Measures) -> list[str]:
    """The answer in a sentence, the numbers behind it, how the arms without fine-tuning do: what there is to say."""
    told = remedy_answer(gains, baseline_recall=plain.at_half.recall.value, ratio=ratio_text(race.ratio))
    return [part for part in (*told, simpler_answer(gains, baseline_auc=plain.auc.value), _collapsed(race)) if part]


def _collapsed(race: RemedyComparison) -> str:
    """Which arms have runs that are left out because they learned nothing."""
    gone = [f"{remedy_title(name)} in {count}" for name, count in race.collapsed.items() if count]
    return f"Runs that learned nothing are left out: {', '.join(gone)}." if gone else ""


def comparison_content(race: RemedyComparison, *, q: float, rule: str = RULES[0]) -> dict[str, Any]:
    """The race as plain values, for scripts."""
    gains, measures = remedy_gains(race), remedy_measures(race, q=q, rule=rule)
    by_name = {gain.name: gain for gain in gains}
    answer, *details = remedy_answers(race, gains, measures[0]) or [""]
    content = {
        "experiment": race.experiment,
        "ratio": race.ratio,
        "q": q,
        "rule": rule,
        "answer": answer,
        "details": details,
        "coming": list(race.coming),
        "arms": [
            {
                **asdict(one),
                "collapsed": race.collapsed[one.name],
                "seconds": race.seconds[one.name],
                "over_plain": {**asdict(by_name[one.name]), "helps": by_name[one.name].helps}
                if one.name in by_name
                else None,
            }
            for one in measures
        ],
    }
    return _without_nan(content)


def _without_nan(value: Any) -> Any:
    """None in the place of every nan, which JSON does not know."""
    if isinstance(value, dict):
        return {name: _without_nan(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(one) for one in value]
    return None if isinstance(value, float) and value != value else value


def comparison_row(race: RemedyComparison, one: Measures, gain: Gain | None) -> dict[str, Any]:
    """One arm as a flat row of numbers, shares from 0 to 1: for files."""
    row: dict[str, Any] = {"remedy": one.name, "title": one.title, "ratio": race.ratio, "seeds": len(one.seeds)}
    row["collapsed"] = race.collapsed[one.name]
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
    return row | {"training_seconds": race.seconds[one.name]}


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
    """The mean training time of some runs; nan where it was not written down."""
    told = []
    for run in runs:
        try:
            told.append(float(load_metrics(run)["seconds"]["training"]))
        except (UserError, KeyError, TypeError):
            continue
    return float(np.mean(told)) if told else float("nan")


def _point(name: str, point: OperatingPoint) -> dict[str, float]:
    columns = _bounds(f"recall_{name}", point.recall) | _bounds(f"tnr_{name}", point.specificity)
    return columns | _bounds(f"precision_{name}", point.precision) | {f"threshold_{name}": point.threshold}


def _bounds(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
