"""`closecall remedies`: compare remedies with the baseline at one ratio, or queue more of them."""

from pathlib import Path
from typing import Annotated

import typer

from closecall.cli.arguments import (
    ExperimentId,
    Json,
    On,
    Out,
    Prevalence,
    Wait,
    many_names,
    many_ratios,
    many_seeds,
    one_ratio,
)
from closecall.cli.output import print_note
from closecall.data.io.errors import UserError

ComparedRatio = Annotated[str, typer.Option(help="The ratio compared. Without it: the largest with a finished remedy.")]


def remedies(
    experiment: ExperimentId,
    ratio: ComparedRatio = "",
    q: Prevalence = 1 / 11,
    add: Annotated[str, typer.Option(help="Queue these first: focal,class-weights ... or all.")] = "",
    ratios: Annotated[str, typer.Option(help="With --add: at these ratios. Without it: all.")] = "",
    seeds: Annotated[str, typer.Option(help="With --add: with these seeds. Without it: all.")] = "",
    on: On = "",
    wait: Wait = False,
    out: Out = None,
    json: Json = False,
) -> None:
    """Compare remedies with the baseline (cross-entropy without a remedy), or queue more of them.

    Example: closecall remedies posts-1-1-to-1-10 --add focal,class-weights --ratios 10 --wait
    """
    if add:
        _queue(experiment, add, ratios=ratios, seeds=seeds, on=on, wait=wait, as_json=json)
    else:
        _compare(experiment, ratio=ratio, q=q, out=out, as_json=json)


def _queue(experiment: str, remedies: str, *, ratios: str, seeds: str, on: str, wait: bool, as_json: bool) -> None:
    from closecall.analysis.formatting import count_text
    from closecall.cli.progress import print_queued
    from closecall.models.queue.jobs import queue_remedies

    new = queue_remedies(
        experiment,
        many_names(remedies),
        ratios=many_ratios(ratios) if ratios else None,
        seeds=many_seeds(seeds) if seeds else None,
        on=on,
    )
    print_note(f"{count_text(len(new), 'new run')}." if new else "The experiment has all of these runs already.")
    print_queued(experiment, wait=wait, as_json=as_json)


def _compare(experiment: str, *, ratio: str, q: float, out: Path | None, as_json: bool) -> None:
    """Print the comparison at one ratio, or write it to `out`."""
    from closecall.cli.remedy_tables import print_comparison
    from closecall.data.experiments.store import load_experiment
    from closecall.models.results.remedy_comparison import compared_ratios, remedy_comparison

    load_experiment(experiment)
    if not 0 < q < 1:
        raise UserError(f"q is {q:g}; it is the share of positives, between 0 and 1, such as 0.09.")
    finished = compared_ratios(experiment)
    if not ratio and not finished:
        raise UserError(
            f"{experiment} has no ratio with a finished remedy and a finished baseline. Queue some: "
            f"closecall remedies {experiment} --add focal,class-weights --wait"
        )
    comparison = remedy_comparison(experiment, one_ratio(ratio) if ratio else finished[-1])
    print_comparison(comparison, q=q, out=out, as_json=as_json)
