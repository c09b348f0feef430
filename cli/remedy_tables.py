"""The comparison of remedies as a table, as sentences, as JSON and as a file."""

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
from closecall.analysis.remedies.gains import Gain
from closecall.analysis.remedies.methods import Measures
from closecall.cli.output import print_json, print_note, print_rows
from closecall.data.exchange.table_files import write_table
from closecall.data.exchange.tables import provenance
from closecall.data.experiments.remedies import NO_REMEDY, THRESHOLD, remedy_title
from closecall.models.results.remedy_comparison import (
    RemedyComparison,
    comparison_content,
    comparison_row,
    remedy_answers,
    remedy_gains,
    remedy_measures,
)


def print_comparison(comparison: RemedyComparison, *, q: float, out: Path | None, as_json: bool) -> None:
    """Print a comparison at prevalence q as a table or as JSON, and write it to `out`."""
    if as_json:
        print_json(comparison_content(comparison, q=q))
    gains, measures = remedy_gains(comparison), remedy_measures(comparison, q=q)
    if out is not None:
        by_name = {gain.name: gain for gain in gains}
        table = pd.DataFrame([comparison_row(comparison, one, by_name.get(one.name)) for one in measures])
        write_table(table, out, provenance(comparison.experiment))
        print_note(f"Written to {out}.")
    if not as_json:
        _print_table(comparison, gains, measures, q)


def _print_table(comparison: RemedyComparison, gains: Sequence[Gain], measures: Sequence[Measures], q: float) -> None:
    by_name = {gain.name: gain for gain in gains}
    baseline = measures[0]
    names = [_method_name(comparison, one) for one in measures]
    at = ratio_text(comparison.ratio)
    rates = [{"method": name, **_rates(one)} for name, one in zip(names, measures, strict=True)]
    rates.insert(1, {**rates[0], "method": THRESHOLD, "recall 0.50": "", "specificity 0.50": ""})
    print_rows(rates, title=f"Remedies of {comparison.experiment} at {at}; precision at prevalence {percent_text(q)}")
    ranking = [
        {"method": name, **_ranking(one, by_name.get(one.name)), "s": f"{comparison.seconds[one.name]:.0f}"}
        for name, one in zip(names, measures, strict=True)
    ]
    print_rows(ranking, title="Ranking, gains over the baseline, seconds of training")
    for sentence in remedy_answers(comparison, gains, baseline):
        print_note(sentence)
    print_note(
        f"Seeds of the baseline: {len(comparison.baseline.seeds)}. Own thresholds maximise the mean of recall and "
        "specificity on validation; all numbers are measured on test. The recall gain is measured at the baseline's "
        "false-positive rate. p after Holm over both gains."
    )
    if comparison.unfinished:
        print_note(f"Not finished yet: {', '.join(map(remedy_title, comparison.unfinished))}.")


def _method_name(comparison: RemedyComparison, one: Measures) -> str:
    collapsed = comparison.collapsed[one.name]
    return one.name.replace(NO_REMEDY, "baseline") + (f", {collapsed} collapsed" if collapsed else "")


def _rates(one: Measures) -> dict[str, str]:
    """Rates at threshold 0.50 and at the method's own threshold."""
    return {
        "recall 0.50": percent_text(one.at_half.recall.value),
        "specificity 0.50": percent_text(one.at_half.specificity.value),
        "recall own": percent_text(one.at_own.recall.value),
        "specificity own": percent_text(one.at_own.specificity.value),
        "precision own": percent_text(one.at_own.precision.value),
    }


def _ranking(one: Measures, gain: Gain | None) -> dict[str, Any]:
    """AP, AUC and calibration, and the gains over the baseline with their p values."""
    return {
        "AP": score_text(one.average_precision.value),
        "AUC": score_text(one.auc.value),
        "AUC gain (95 % CI)": score_difference_cell(gain.auc) if gain else "",
        "p (AUC)": p_text(gain.auc_p) if gain else "",
        "recall gain, points (95 % CI)": points_cell(gain.recall) if gain else "",
        "p (recall)": p_text(gain.recall_p) if gain else "",
        "ECE": score_text(one.ece.overall),
    }
