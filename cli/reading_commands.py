"""The part of the command table that reads finished experiments: verdict, errors, words, labels, the list."""

from pathlib import Path
from typing import Annotated

import typer

from closecall.cli.arguments import ExperimentId, Json, On, Out, RunRemedy, RunSeed, Threshold, Wait
from closecall.data.exchange.export_formats import format_names_text

commands = typer.Typer()


@commands.command()
def remedies(
    experiment: ExperimentId,
    ratio: Annotated[str, typer.Option(help="The ratio compared. Without it: the largest with a finished arm.")] = "",
    q: Annotated[float, typer.Option(help="Share of positives where it will be used.")] = 1 / 11,
    add: Annotated[str, typer.Option(help="Queue these first: focal,class-weights ... or all.")] = "",
    ratios: Annotated[str, typer.Option(help="With --add: at these ratios. Without it: all.")] = "",
    seeds: Annotated[str, typer.Option(help="With --add: with these seeds. Without it: all.")] = "",
    on: On = "",
    wait: Wait = False,
    out: Out = None,
    json: Json = False,
) -> None:
    """Compare remedies with plain cross-entropy, or queue more of them.

    Example: closecall remedies posts-1-1-to-1-10 --add focal,class-weights --ratios 10 --wait
    """
    from closecall.cli import remedies

    if add:
        remedies.add(experiment, add, ratios=ratios, seeds=seeds, on=on, wait=wait, as_json=json)
    else:
        remedies.compare(experiment, ratio=ratio, q=q, out=out, as_json=json)


@commands.command()
def errors(
    experiment: ExperimentId,
    ratio: Annotated[str, typer.Option(help="The ratio whose run is looked at.")],
    outcome: Annotated[str, typer.Option(help="fn (misses), fp (false alarms), tp, tn; several with commas.")] = "fn",
    seed: RunSeed = None,
    remedy: RunRemedy = "none",
    split: Annotated[str, typer.Option(help="test or validation.")] = "test",
    threshold: Threshold = 0.5,
    out: Out = None,
    json: Json = False,
) -> None:
    """List or write the misclassified examples of a run, the most confident errors first.

    Example: closecall errors posts-1-1-to-1-10 --ratio 10 --outcome fn --out misses.csv
    """
    from closecall.cli import terminal

    terminal.errors(
        experiment, ratio, outcome, seed=seed, remedy=remedy, split=split, threshold=threshold, out=out, as_json=json
    )


@commands.command()
def slices(
    experiment: ExperimentId,
    ratio: Annotated[str, typer.Option(help="The ratio whose run is looked at.")],
    outcome: Annotated[
        str, typer.Option(help="fn (misses among positives) or fp (false alarms among negatives).")
    ] = "fn",
    seed: RunSeed = None,
    remedy: RunRemedy = "none",
    threshold: Threshold = 0.5,
    out: Out = None,
    json: Json = False,
) -> None:
    """Say what the errors of a run share: words, lengths, columns and clusters, tested on the test split.

    Example: closecall slices posts-1-1-to-1-10 --ratio 10 --outcome fn --out slices.csv
    """
    from closecall.cli.slices import report_slices

    report_slices(experiment, ratio, outcome, seed=seed, remedy=remedy, threshold=threshold, out=out, as_json=json)


@commands.command("data-map")
def data_map(
    experiment: ExperimentId,
    ratio: Annotated[str, typer.Option(help="The ratio whose training is looked at.")],
    seed: RunSeed = None,
    remedy: RunRemedy = "none",
    out: Out = None,
    json: Json = False,
) -> None:
    """List or write what training found easy, ambiguous or hard: confidence, variability, region of each example.

    Example: closecall data-map posts-1-1-to-1-10 --ratio 10 --out data-map.csv
    """
    from closecall.cli import terminal

    terminal.data_map(experiment, ratio, seed=seed, remedy=remedy, out=out, as_json=json)


@commands.command()
def why(
    experiment: ExperimentId,
    example: Annotated[str, typer.Argument(metavar="ID", help="The example's id; see closecall errors.")],
    ratio: Annotated[str, typer.Option(help="The ratio whose run is asked.")],
    seed: RunSeed = None,
    remedy: RunRemedy = "none",
    threshold: Threshold = 0.5,
    text: Annotated[str | None, typer.Option(help="Other words: what every run says of them instead.")] = None,
    json: Json = False,
) -> None:
    """Which words carry a prediction, and the shortest deletion that turns it.

    Example: closecall why posts-1-1-to-1-10 post-00042 --ratio 10
    """
    from closecall.cli import why

    why.why(experiment, example, ratio, seed=seed, remedy=remedy, threshold=threshold, text=text, as_json=json)


@commands.command()
def audit(experiment: ExperimentId, out: Out = None, json: Json = False) -> None:
    """List or write the labels that look wrong, with their neighbours; recall without them.

    Example: closecall audit posts-1-1-to-1-10 --out suspects.csv
    """
    from closecall.cli import audit

    audit.audit(experiment, out=out, as_json=json)


@commands.command("hard-cases")
def hard_cases(
    experiment: ExperimentId,
    out: Annotated[Path | None, typer.Option(help="File to write; for hf a folder, or a .zip of it.")] = None,
    form: Annotated[str, typer.Option(help=f"{format_names_text()}. Without it: by the suffix of the file.")] = "",
    import_: Annotated[
        Path | None, typer.Option("--import", help="Read a list back: our own, or a labelling tool's JSON export.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Write what the imported list changes.")] = False,
    remove_missing: Annotated[
        bool, typer.Option("--remove-missing", help="Take off the list what the imported list no longer holds.")
    ] = False,
    who: Annotated[str, typer.Option(help="Your name, kept beside what is imported.")] = "",
    json: Json = False,
) -> None:
    """List or write the hard cases of an experiment, or read a list back and show what it changes.

    Example: closecall hard-cases posts-1-1-to-1-10 --out hard-cases.parquet
    """
    from closecall.cli import cases

    if import_ is None:
        cases.hard_cases(experiment, out=out, form=form, as_json=json)
    else:
        cases.import_cases(experiment, import_, accept=yes, remove_missing=remove_missing, who=who, as_json=json)


@commands.command()
def relabel(
    experiment: ExperimentId,
    training_only: Annotated[
        bool, typer.Option("--training-only", help="Leave validation and test as they are.")
    ] = False,
    queue: Annotated[bool, typer.Option("--queue", help="Train the same experiment again on the new version.")] = False,
    wait: Wait = False,
    json: Json = False,
) -> None:
    """Apply the decisions of the hard-case list as the next version of the dataset; the old one stays.

    Example: closecall relabel posts-1-1-to-1-10 --queue
    """
    from closecall.cli import cases

    cases.relabel(experiment, training_only=training_only, queue=queue, wait=wait, as_json=json)


@commands.command()
def verdict(experiment: ExperimentId, json: Json = False) -> None:
    """Say why recall was lost, with what that rests on and how sure it is.

    Example: closecall verdict posts-1-1-to-1-10 --json
    """
    from closecall.cli import terminal

    terminal.verdict(experiment, as_json=json)


@commands.command()
def counts(
    first: Annotated[str, typer.Argument(metavar="FOUND,ALONE", help="At the smaller ratio: 92/100,92/100.")],
    second: Annotated[str, typer.Argument(metavar="FOUND,ALONE", help="At the larger ratio: 80/100,98/100.")],
    json: Json = False,
) -> None:
    """Part a drop in recall that you know from counts only: positives found and negatives left alone, at two ratios.

    Example: closecall counts 368/400,368/400 320/400,392/400
    """
    from closecall.cli import terminal

    terminal.counts(first, second, as_json=json)
