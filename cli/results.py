"""Commands that read a finished experiment: errors, slices, data-map, verdict; and counts, which needs none."""

from typing import TYPE_CHECKING, Annotated

import typer

from closecall.cli.arguments import (
    ErrorOutcome,
    ExperimentId,
    Json,
    Out,
    Ratio,
    RunRemedy,
    RunSeed,
    Threshold,
    one_ratio,
)
from closecall.cli.output import print_json, print_line, print_note, write_or_print
from closecall.data.io.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

SLICE_COLUMNS = (
    "slice", "kind", "n", "wrong", "rate", "rest_rate", "lift", "difference", "interval", "p_bh", "stands_out",
)  # fmt: skip
"""The columns of the slice table that the terminal shows; files hold all of them."""
ErrorOutcomes = Annotated[
    str, typer.Option(help="fn (false negatives), fp (false positives), tp, tn; several with commas.")
]
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


def slices(
    experiment: ExperimentId,
    ratio: Ratio,
    outcome: ErrorOutcome = "fn",
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
    from dataclasses import asdict

    from closecall.models.results.measures.all_measures import stored_measures
    from closecall.models.results.verdict import verdict_content, verdict_on, verdict_words

    decided = verdict_on(experiment)
    if json:
        measures = [asdict(one) for one in stored_measures(experiment)]
        print_json(verdict_content(experiment, decided) | {"measures": measures})
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
