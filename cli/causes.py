"""The command `causes`: why examples are misclassified, and which ones."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from closecall.cli.arguments import ErrorOutcome, ExperimentId, Json, Out, RunRemedy, Threshold, one_ratio
from closecall.cli.output import print_frame, print_json, print_line, print_note, print_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

    from closecall.analysis.causes.miss_wording import CausesOfErrors
    from closecall.models.runtime.progress import Progress


def causes(
    experiment: ExperimentId,
    ratio: Annotated[str | None, typer.Option(help="The ratio, as 10 or 1:10. Without it: the largest.")] = None,
    outcome: ErrorOutcome = "fn",
    remedy: RunRemedy = "none",
    threshold: Threshold = 0.5,
    by: Annotated[
        str | None, typer.Option(help="Count the errors by a column instead: class, or one kept at import.")
    ] = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Report why examples are misclassified: the cause of each error, and how often each holds for correct examples.

    Example: closecall causes posts-1-1-to-1-10 --ratio 10 --outcome fn --out causes.csv
    """
    from dataclasses import asdict, replace

    from closecall.analysis.causes.miss_wording import causes_table
    from closecall.cli.explain import texts_added
    from closecall.data.exchange.table_files import write_table
    from closecall.data.exchange.tables import provenance
    from closecall.data.experiments.runs import finished_run
    from closecall.data.experiments.store import load_experiment
    from closecall.models.explain.causes import compute_evidence
    from closecall.models.queue.jobs import wait_for_embeddings
    from closecall.models.results.causes import causes_of
    from closecall.models.results.measures.all_measures import stored_measures

    largest = max(load_experiment(experiment).ratios)
    chosen = one_ratio(ratio) if ratio is not None else largest
    finished_run(experiment, ratio=chosen, remedy=remedy)  # UserError that lists those there are
    found = causes_of(experiment, ratio=chosen, outcome=outcome, threshold=threshold, remedy=remedy)
    if by is not None:
        _by_column(experiment, found, by, out, as_json=json)
        return
    wait_for_embeddings(experiment, print_note)
    compute_evidence(experiment, report=_phase_notes())
    found = causes_of(experiment, ratio=chosen, outcome=outcome, threshold=threshold, remedy=remedy)
    measures = stored_measures(experiment, ratio=chosen, threshold=threshold)
    if out is not None or json:
        table = texts_added(experiment, causes_table(found))
    if out is not None:
        origin = replace(provenance(experiment, threshold=threshold), ratio=chosen)
        write_table(table, out, origin)
        print_note(f"Written to {out}.")
    if json:
        content = {"experiment": experiment, **causes_content(found, table)}
        print_json(content | {"measures": [asdict(one) for one in measures]})
    elif out is None:
        _print_causes(experiment, found)
        for one in measures:
            print_note(f"{one.heading}. {one.sentence}")


def _print_causes(experiment: str, found: "CausesOfErrors") -> None:
    """The causes with counts, shares and intervals, what was not measured, and where to read the errors."""
    from closecall.analysis.causes.miss_wording import chance_sentence, errors_sentence
    from closecall.analysis.causes.misses import MISS_CAUSE_BY_KEY
    from closecall.analysis.metrics.outcomes import OUTCOME_NAMES

    print_note(f"{errors_sentence(found)} Each is assigned the first cause that holds.")
    print_rows([_cause_row(row) for row in found.summary.to_dict("records")])
    print_note(
        f"{OUTCOME_NAMES[found.outcome].capitalize()}: share of all, with its 95 % CI. p, with Holm's correction: "
        "whether the cause is more frequent than by chance; empty for causes without a test."
    )
    for row in found.summary[found.summary["p_holm"].notna()].to_dict("records"):
        print_note(f"{row['title']}: {chance_sentence(row, found.outcome)}")
    for key, reason in found.not_measured:
        print_note(f"Not measured, {MISS_CAUSE_BY_KEY[key].title.lower()}: {reason}")
    print_note(
        f"Read each error with its evidence: closecall causes {experiment} --ratio {found.ratio:g} --outcome "
        f"{found.outcome} --out causes.csv. Or filter by cause on the page Errors: closecall app"
    )


def _cause_row(row: dict[Any, Any]) -> dict[str, Any]:
    from math import isnan

    from closecall.analysis.formatting import p_text, share_text

    compared = not isnan(row["p_holm"])
    return {
        "cause": row["title"],
        "errors": share_text(row["errors"], row["of_errors"]),
        "p": p_text(row["p_holm"]) if compared else "",
        "reported": bool(row["reported"]),
    }


def causes_content(found: "CausesOfErrors", examples: "pd.DataFrame") -> dict[str, Any]:
    """The causes as plain values, for scripts. Shares are between 0 and 1; null where not measured.

    `examples`: as `causes_table`, with or without texts.
    """
    from dataclasses import asdict

    reference = found.reference
    return {
        "outcome": found.outcome,
        "ratio": found.ratio,
        "remedy": found.remedy,
        "threshold": found.threshold,
        "seeds": found.seeds,
        "of": found.of,
        "reference": asdict(reference) | {"thresholds": reference.thresholds.tolist()} if reference else None,
        "causes": _plain_rows(found.summary),
        "not_measured": dict(found.not_measured),
        "examples": _plain_rows(examples),
    }


def _plain_rows(frame: "pd.DataFrame") -> list[dict[str, Any]]:
    """The rows of a frame as values that JSON can hold."""
    import json as json_module

    rows: list[dict[str, Any]] = json_module.loads(frame.to_json(orient="records", double_precision=6))
    return rows


def _phase_notes() -> "Callable[[Progress], None]":
    """A report that prints each phase of the work once, and every tenth of it."""
    shown: list[tuple[str, int]] = []

    def report(progress: "Progress") -> None:
        mark = progress.phase, 10 * progress.step // max(progress.steps, 1)
        if mark not in shown:
            shown.append(mark)
            print_note(f"{progress.phase.capitalize()} ({100 * progress.step // max(progress.steps, 1)} %)")

    return report


def _by_column(experiment: str, found: "CausesOfErrors", name: str, out: "Path | None", *, as_json: bool) -> None:
    """The errors by a column: the sentence and the table, or one JSON object. `out`: the table as a file."""
    from dataclasses import replace

    from closecall.data.exchange.table_files import write_table
    from closecall.data.exchange.tables import provenance
    from closecall.models.results.metadata_errors import (
        chosen_column,
        column_rows,
        column_sentence,
        errors_by_column,
    )
    from closecall.models.results.run_predictions import read_run_predictions

    one = chosen_column(errors_by_column(experiment, read_run_predictions(experiment)["test"], found), name)
    if out is not None:
        origin = replace(provenance(experiment, threshold=found.threshold), ratio=found.ratio)
        write_table(one.table, out, origin)
        print_note(f"Written to {out}.")
    if as_json:
        facts = {"outcome": found.outcome, "ratio": found.ratio, "remedy": found.remedy, "threshold": found.threshold}
        column = {"column": one.column, "kind": one.kind, "skipped": one.skipped, "sentence": column_sentence(one)}
        print_json({"experiment": experiment, **facts, **column, "values": _plain_rows(one.table)})
        return
    print_line(column_sentence(one))
    if out is None and not one.skipped:
        print_frame(column_rows(one))
