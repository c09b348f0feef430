"""Commands that read a finished experiment: errors, causes, slices, data-map, verdict; and counts, which needs none."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from closecall.cli.arguments import ExperimentId, Json, Out, Ratio, RunRemedy, RunSeed, Threshold, one_ratio
from closecall.cli.output import print_json, print_line, print_note, print_rows, write_or_print
from closecall.data.io.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from closecall.analysis.causes.miss_wording import CausesOfErrors
    from closecall.models.runtime.progress import Progress

SLICE_COLUMNS = (
    "slice", "kind", "n", "wrong", "rate", "rest_rate", "lift", "difference", "interval", "p_bh", "stands_out",
)  # fmt: skip
"""The columns of the slice table that the terminal shows; files hold all of them."""
ErrorOutcomes = Annotated[
    str, typer.Option(help="fn (false negatives), fp (false positives), tp, tn; several with commas.")
]
SliceOutcome = Annotated[str, typer.Option(help="fn (false negatives) or fp (false positives).")]
CountsAtSmaller = Annotated[str, typer.Argument(metavar="TP/N,TN/N", help="At the smaller ratio: 92/100,92/100.")]
CountsAtLarger = Annotated[str, typer.Argument(metavar="TP/N,TN/N", help="At the larger ratio: 80/100,98/100.")]


def errors(
    experiment: ExperimentId,
    ratio: Ratio,
    outcome: ErrorOutcomes = "fn",
    seed: RunSeed = None,
    remedy: RunRemedy = "none",
    split: Annotated[str, typer.Option(help="test or validation.")] = "test",
    threshold: Threshold = 0.5,
    out: Out = None,
    json: Json = False,
) -> None:
    """List or write the misclassified examples of a run, the most confident errors first.

    Example: closecall errors posts-1-1-to-1-10 --ratio 10 --outcome fn --out false-negatives.csv
    """
    from closecall.analysis.formatting import probability_text, ratio_text
    from closecall.data.exchange.tables import provenance
    from closecall.data.experiments.runs import finished_run
    from closecall.models.results.example_tables import errors_table

    run = finished_run(experiment, ratio=one_ratio(ratio), seed=seed, remedy=remedy)
    own = run.config
    table = errors_table(
        experiment, ratio=own.ratio, seed=own.seed, remedy=remedy, outcome=outcome, split=split, threshold=threshold
    )
    print_note(
        f"{len(table):,} examples ({outcome}) at {ratio_text(own.ratio)}, seed {own.seed}, "
        f"threshold {probability_text(threshold)}, {split} split."
    )
    columns = ["id", "outcome", "pos_prob", "class_name", "text"]
    write_or_print(table, provenance(experiment, run=run.name, threshold=threshold), out, columns, as_json=json)


def causes(
    experiment: ExperimentId,
    ratio: Annotated[str | None, typer.Option(help="The ratio, as 10 or 1:10. Without it: the largest.")] = None,
    outcome: SliceOutcome = "fn",
    remedy: RunRemedy = "none",
    threshold: Threshold = 0.5,
    out: Out = None,
    json: Json = False,
) -> None:
    """Report why examples are misclassified: the cause of each error, and how often each holds for correct examples.

    Example: closecall causes posts-1-1-to-1-10 --ratio 10 --outcome fn --out causes.csv
    """
    from dataclasses import asdict, replace

    from closecall.analysis.causes.miss_wording import causes_table
    from closecall.cli.explain import texts_added
    from closecall.data.annotations.causes import load_evidence
    from closecall.data.exchange.table_files import write_table
    from closecall.data.exchange.tables import provenance
    from closecall.data.experiments.store import load_experiment
    from closecall.models.explain.causes import compute_evidence
    from closecall.models.results.causes import causes_of
    from closecall.models.results.measures import measures_of
    from closecall.models.results.run_predictions import read_run_predictions

    largest = max(load_experiment(experiment).ratios)
    chosen = one_ratio(ratio) if ratio is not None else largest
    causes_of(experiment, ratio=chosen, outcome=outcome, threshold=threshold, remedy=remedy)  # errors before the work
    compute_evidence(experiment, report=_phase_notes())
    found = causes_of(experiment, ratio=chosen, outcome=outcome, threshold=threshold, remedy=remedy)
    tables = read_run_predictions(experiment)
    measures = measures_of(experiment, tables["test"], load_evidence(experiment), ratio=chosen, threshold=threshold)
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
            print_note(f"{one.title} ({one.answer}): {one.sentence}")


def _print_causes(experiment: str, found: "CausesOfErrors") -> None:
    """The causes with counts, shares and intervals, what was not measured, and where to read the errors."""
    from closecall.analysis.causes.miss_wording import chance_sentence
    from closecall.analysis.causes.misses import MISS_CAUSE_BY_KEY
    from closecall.analysis.formatting import count_text, probability_text, ratio_text
    from closecall.analysis.metrics.outcomes import OUTCOME_NAME, OUTCOME_NAMES

    print_note(
        f"{count_text(len(found.examples), OUTCOME_NAME[found.outcome])} of {found.of:,} at {ratio_text(found.ratio)}, "
        f"threshold {probability_text(found.threshold)}, by most of {count_text(found.seeds, 'seed')}. "
        "Each is assigned the first cause that holds."
    )
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


def slices(
    experiment: ExperimentId,
    ratio: Ratio,
    outcome: SliceOutcome = "fn",
    seed: RunSeed = None,
    remedy: RunRemedy = "none",
    threshold: Threshold = 0.5,
    out: Out = None,
    json: Json = False,
) -> None:
    """Find slices with more errors than the rest: words, lengths, columns and clusters, tested on the test split.

    Example: closecall slices posts-1-1-to-1-10 --ratio 10 --outcome fn --out slices.csv
    """
    from closecall.data.exchange.tables import provenance
    from closecall.data.experiments.runs import finished_run
    from closecall.models.explain.slices import run_findings
    from closecall.models.results.slice_wording import CLASS_NAMES, finding_text, slice_tests_text

    if outcome not in CLASS_NAMES:
        raise UserError(
            f"{outcome!r} is not an outcome for slices. Choose fn (false negatives) or fp (false positives)."
        )
    run = finished_run(experiment, ratio=one_ratio(ratio), seed=seed, remedy=remedy)
    findings = run_findings(experiment, run, outcome=outcome, threshold=threshold)
    print_note(finding_text(findings, run.config.ratio, outcome))
    print_note(slice_tests_text(findings, outcome))
    table = slice_table(findings.table, outcome)
    origin = provenance(experiment, run=run.name, threshold=threshold)
    write_or_print(table, origin, out, [name for name in SLICE_COLUMNS if name in table], as_json=json)


def slice_table(table: "pd.DataFrame", outcome: str) -> "pd.DataFrame":
    """The tested slices as exported: outcome, slice (in words), rule (as links contain it), kind, then the numbers."""
    interval = [f"{low:.3f} to {high:.3f}" for low, high in zip(table["low"], table["high"], strict=True)]
    exported = table.drop(columns="candidate").assign(outcome=outcome, interval=interval)
    front = ["outcome", "slice", "rule", "kind"]
    return exported[[*front, *(name for name in exported if name not in front)]]


def data_map(
    experiment: ExperimentId,
    ratio: Ratio,
    seed: RunSeed = None,
    remedy: RunRemedy = "none",
    out: Out = None,
    json: Json = False,
) -> None:
    """List or write the data map of a run: confidence, variability and region of each training example.

    Example: closecall data-map posts-1-1-to-1-10 --ratio 10 --out data-map.csv
    """
    from closecall.analysis.formatting import ratio_text
    from closecall.data.exchange.tables import provenance
    from closecall.data.experiments.runs import finished_run
    from closecall.models.results.example_tables import data_map_table

    run = finished_run(experiment, ratio=one_ratio(ratio), seed=seed, remedy=remedy)
    table = data_map_table(run)
    own, positives = run.config, table[table["label"] == 1]
    never = int((positives["correctness"] == 0).sum())
    print_note(
        f"{len(table):,} training examples at {ratio_text(own.ratio)}, seed {own.seed}, {int(table['epochs'].max())} "
        f"epochs. Positives never predicted correctly in training: {never:,}/{len(positives):,}."
    )
    columns = ["id", "label", "confidence", "variability", "correctness", "region", "text"]
    write_or_print(table, provenance(experiment, run=run.name), out, columns, as_json=json)


def verdict(experiment: ExperimentId, json: Json = False) -> None:
    """Report why recall fell between the ratios, with the evidence and the confidence of each cause.

    Example: closecall verdict posts-1-1-to-1-10 --json
    """
    from closecall.models.results.verdict import verdict_content, verdict_on, verdict_words

    decided = verdict_on(experiment)
    if json:
        print_json(verdict_content(experiment, decided))
        return
    for line in verdict_words(decided):
        print_line(line)


def counts(first: CountsAtSmaller, second: CountsAtLarger, json: Json = False) -> None:
    """Decompose a drop in recall from counts alone: true positives and true negatives at two ratios.

    Example: closecall counts 368/400,368/400 320/400,392/400
    """
    from closecall.models.results.counts import counts_content, counts_text

    content = counts_content(first, second)
    if json:
        print_json(content)
        return
    for line in counts_text(content):
        print_line(line)
