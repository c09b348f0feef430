"""What `closecall remedies` does: queue arms, or show them beside plain cross-entropy."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from closecall.analysis.formatting import (
    p_text,
    percent_text,
    points_cell,
    ratio_text,
    score_difference_cell,
    score_text,
)
from closecall.analysis.intervals import Estimate
from closecall.analysis.remedies.gains import Gain
from closecall.analysis.remedies.methods import Measures
from closecall.cli.arguments import many_ratios, many_seeds, names, one_ratio
from closecall.cli.output import print_json, print_note, print_rows
from closecall.cli.tables import print_queued
from closecall.data.exchange.table_files import write_table
from closecall.data.exchange.tables import provenance
from closecall.data.experiments.remedies import PLAIN, THRESHOLD, remedy_title
from closecall.data.experiments.store import load_experiment
from closecall.data.io.errors import UserError
from closecall.models.queue.jobs import queue_remedies
from closecall.models.results.remedy_comparison import (
    RemedyComparison,
    compared_ratios,
    comparison_content,
    comparison_row,
    remedy_answers,
    remedy_comparison,
    remedy_gains,
    remedy_measures,
)


def add(experiment: str, remedies: str, *, ratios: str, seeds: str, on: str, wait: bool, as_json: bool) -> None:
    """Queue remedies of an experiment."""
    fresh = queue_remedies(
        experiment,
        names(remedies),
        ratios=many_ratios(ratios) if ratios else None,
        seeds=many_seeds(seeds) if seeds else None,
        on=on,
    )
    told = "1 run is new." if len(fresh) == 1 else f"{len(fresh):,} runs are new."
    print_note(told if fresh else "All of these runs were there already.")
    print_queued(experiment, wait=wait, as_json=as_json)


def compare(experiment: str, *, ratio: str, q: float, out: Path | None, as_json: bool) -> None:
    """Show, write or print the race at one ratio."""
    load_experiment(experiment)
    if not 0 < q < 1:
        raise UserError(f"q is {q:g}; it is the share of positives, between 0 and 1, such as 0.09.")
    race = remedy_comparison(experiment, one_ratio(ratio) if ratio else _largest(experiment))
    if as_json:
        print_json(comparison_content(race, q=q))
    gains, measures = remedy_gains(race), remedy_measures(race, q=q)
    by_name = {gain.name: gain for gain in gains}
    if out is not None:
        table = pd.DataFrame([comparison_row(race, one, by_name.get(one.name)) for one in measures])
        write_table(table, out, provenance(experiment))
        print_note(f"Written to {out}.")
    if not as_json:
        _show(race, gains, measures, q)


def _largest(experiment: str) -> float:
    ratios = compared_ratios(experiment)
    if not ratios:
        raise UserError(
            f"{experiment} has no finished remedy beside a plain run. Queue some: closecall remedies {experiment} "
            "--add focal,class-weights --wait"
        )
    return ratios[-1]


def _show(race: RemedyComparison, gains: Sequence[Gain], measures: Sequence[Measures], q: float) -> None:
    by_name = {gain.name: gain for gain in gains}
    plain = measures[0]
    rows = [_row(race, one, by_name.get(one.name)) for one in measures]
    rows.insert(1, _moved(plain))
    print_rows(
        rows, title=f"Remedies of {race.experiment} at {ratio_text(race.ratio)}, precision at q = {100 * q:.3g} %"
    )
    for sentence in remedy_answers(race, gains, plain):
        print_note(sentence)
    print_note(
        f"Seeds of plain: {len(race.plain.seeds)}. Thresholds are chosen on validation and told on test. Own: the best "
        "mean of both recalls. Gains are over plain, recall at plain's false alarms in points; p after Holm over both."
    )
    if race.coming:
        print_note(f"Still to come: {', '.join(map(remedy_title, race.coming))}.")


def _row(race: RemedyComparison, one: Measures, gain: Gain | None) -> dict[str, Any]:
    gone = race.collapsed[one.name]
    return {
        "arm": one.name.replace(PLAIN, "plain") + (f", {gone} collapsed" if gone else ""),
        "found .5": _percent(one.at_half.recall),
        "alone .5": _percent(one.at_half.specificity),
        **_at_own(one),
        "AUC": score_text(one.auc.value),
        "AUC gain": score_difference_cell(gain.auc) if gain else "",
        "p": p_text(gain.auc_p) if gain else "",
        "recall gain": points_cell(gain.recall) if gain else "",
        "p ": p_text(gain.recall_p) if gain else "",
        "ECE": score_text(one.ece.overall),
        "s": f"{race.seconds[one.name]:.0f}",
    }


def _moved(plain: Measures) -> dict[str, Any]:
    """The arm that needs no training: plain, cut at its own threshold."""
    row: dict[str, Any] = {"arm": THRESHOLD, "found .5": "", "alone .5": "", **_at_own(plain)}
    empty = ("AUC gain", "p", "recall gain", "p ", "ECE")
    return {**row, "AUC": score_text(plain.auc.value), **dict.fromkeys(empty, ""), "s": "0"}


def _at_own(one: Measures) -> dict[str, str]:
    return {
        "found own": _percent(one.at_own.recall),
        "alone own": _percent(one.at_own.specificity),
        "precise own": _percent(one.at_own.precision),
        "AP": score_text(one.average_precision.value),
    }


def _percent(estimate: Estimate) -> str:
    return percent_text(estimate.value)
