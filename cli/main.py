"""The terminal face of Close Call: a table of commands, nothing else."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from closecall.cli.arguments import ROLES, DatasetName, ExperimentId, Json, Keep, MaxTokens, On, Run, Title, Wait, Yes
from closecall.cli.reading_commands import commands
from closecall.data.readers.formats import file_formats_text, folder_formats_text

app = typer.Typer(
    name="closecall",
    help="Why does a text classifier miss its rare class? Train at several ratios, read the errors, export a list.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.command()
def demo(
    distant: Annotated[bool, typer.Option("--distant", help="The control: classes far apart in meaning.")] = False,
    if_empty: Annotated[bool, typer.Option("--if-empty", help="Only when there is no experiment yet.")] = False,
    wait: Wait = False,
    json: Json = False,
) -> None:
    """Train on built-in newsgroup posts at ratios 1, 2, 3, 5 and 10.

    Example: closecall demo --wait
    """
    from closecall.cli import terminal

    terminal.demo(distant=distant, if_empty=if_empty, wait=wait, as_json=json)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help=f"{file_formats_text()} file, or {folder_formats_text()}.")],
    name: Annotated[str, typer.Option(help="Name of the new dataset. Without it: the file's name.")] = "",
    title: Annotated[str, typer.Option(help="A title to know the dataset by.")] = "",
    text_column: Annotated[str, typer.Option(help="The column with the texts.")] = "",
    label_column: Annotated[str, typer.Option(help="The column with the classes.")] = "",
    positive: Annotated[list[str] | None, typer.Option(help="A positive (rare) class; repeat for several.")] = None,
    negative: Annotated[list[str] | None, typer.Option(help="A negative class. Without it: all others.")] = None,
    id_column: Annotated[str, typer.Option(help="A column of ids. Without it: row numbers.")] = "",
    group_column: Annotated[str, typer.Option(help="Rows of one group stay in one split.")] = "",
    split_column: Annotated[str, typer.Option(help="A column that says train, validation or test.")] = "",
    test_share: Annotated[float, typer.Option(help="Share of the examples for the test split.")] = 0.35,
    validation_share: Annotated[float, typer.Option(help="Share for the validation split.")] = 0.15,
    seed: Annotated[int, typer.Option(help="Seed of the split.")] = 0,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Import labelled texts as a dataset. Columns that are not named are proposed.

    Example: closecall import posts.csv --text-column body --label-column topic --positive mac
    """
    from closecall.cli import terminal
    from closecall.data.datasets.import_request import ImportRequest
    from closecall.data.readers.columns import ColumnRoles

    columns = ColumnRoles(text_column, label_column, id_column, group_column, split_column)
    classes = tuple(positive or ()), tuple(negative) if negative else None
    request = ImportRequest(columns, *classes, name, title, test_share, validation_share, seed)
    terminal.import_dataset(file, request, accept=yes, as_json=json)


@app.command()
def builtin(
    name: Annotated[str, typer.Argument(help="A built-in dataset. Without it: list them, with licences.")] = "",
    json: Json = False,
) -> None:
    """Import a built-in dataset, or list them.

    Example: closecall builtin newsgroups-close
    """
    from closecall.cli import terminal

    terminal.import_builtin(name, as_json=json)


@app.command()
def datasets(json: Json = False) -> None:
    """List the datasets: positives and negatives of each split.

    Example: closecall datasets
    """
    from closecall.cli import terminal

    terminal.list_datasets(as_json=json)


@app.command()
def experiments(json: Json = False) -> None:
    """List the experiments and how far they are.

    Example: closecall experiments --json
    """
    from closecall.cli import terminal

    terminal.list_experiments(as_json=json)


@app.command()
def sweep(
    dataset: DatasetName,
    ratios: Annotated[
        str | None, typer.Option(help="Training negatives for each training positive.", show_default="1,2,3,5,10")
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="Seeds, with commas between them.", show_default="0")] = None,
    encoder: Annotated[
        str | None, typer.Option(help="minilm (built in), a local folder or a hub id.", show_default="minilm")
    ] = None,
    positives: Annotated[int | None, typer.Option(help="Cap on the training positives.")] = None,
    kind: Annotated[
        str | None,
        typer.Option("--sweep", help="fixed_positives, fixed_negatives or matched.", show_default="fixed_positives"),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training examples.", show_default="3")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Texts in one step.", show_default="16")] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="The highest learning rate.", show_default="5e-05")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(help="Tokens of a text that are read; longer texts are cut.", show_default="128")
    ] = None,
    equal_steps: Annotated[bool, typer.Option("--equal-steps", help="As many steps at every ratio.")] = False,
    test_negatives: Annotated[int | None, typer.Option(help="Cap on validation and test negatives, each.")] = None,
    remedies: Annotated[str, typer.Option(help="Train remedies too: focal,class-weights ... or all.")] = "",
    keep: Keep = "checkpoint",
    on: On = "",
    preview: Annotated[bool, typer.Option("--preview", help="A rough picture of all ratios first.")] = False,
    title: Title = "",
    wait: Wait = False,
    json: Json = False,
) -> None:
    """Train the same classifier at several ratios and seeds.

    Example: closecall sweep posts --ratios 1,2,3,5,10 --seeds 0,1 --wait
    """
    from closecall.cli import terminal

    options = {"ratios": ratios, "seeds": seeds, "positives": positives, "sweep": kind, "remedies": remedies}
    options |= {"test_negatives_cap": test_negatives, "keep": keep, "on": on, "preview": preview, "title": title}
    options |= {"encoder": encoder, "epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate}
    options |= {"max_tokens": max_tokens, "equal_steps": equal_steps}
    terminal.sweep(dataset, options, wait=wait, as_json=json)


@app.command()
def status(
    experiment: Annotated[str, typer.Argument(help="An experiment. Without it: all, in one line each.")] = "",
    wait: Wait = False,
    json: Json = False,
) -> None:
    """Show how far the runs are, and what each gets right.

    Example: closecall status posts-1-1-to-1-10 --wait
    """
    from closecall.cli import terminal

    terminal.status(experiment, wait=wait, as_json=json)


@app.command()
def cancel(experiment: ExperimentId, run: Run = None) -> None:
    """Stop what is queued or running; what is finished is kept.

    Example: closecall cancel posts-1-1-to-1-10
    """
    from closecall.cli import terminal

    terminal.cancel(experiment, run)


@app.command()
def resume(experiment: ExperimentId, run: Run = None, on: On = "", wait: Wait = False, json: Json = False) -> None:
    """Go on with what was interrupted, cancelled or failed, from the last checkpoint.

    Example: closecall resume posts-1-1-to-1-10 --wait
    """
    from closecall.cli import terminal

    terminal.resume(experiment, run, on=on, wait=wait, as_json=json)


@app.command()
def keep(
    experiment: ExperimentId,
    what: Annotated[str, typer.Argument(help="checkpoint: the whole classifier; head: its head and the predictions.")],
    wait: Wait = False,
    json: Json = False,
) -> None:
    """Free the disk of checkpoints, or have them again (which trains the runs again).

    Example: closecall keep posts-1-1-to-1-10 head
    """
    from closecall.cli import terminal

    terminal.keep(experiment, what, wait=wait, as_json=json)


@app.command()
def predict(
    dataset: DatasetName,
    checkpoint: Annotated[str, typer.Option(help="A fine-tuned classifier: a local folder or a hub id.")],
    ratio: Annotated[str, typer.Option(help="The ratio that it was trained at.")],
    seed: Annotated[int, typer.Option(help="The seed that it was trained with.")] = 0,
    experiment: Annotated[str, typer.Option(help="Join this experiment of loaded classifiers.")] = "",
    max_tokens: MaxTokens = 128,
    title: Title = "",
    wait: Wait = False,
    json: Json = False,
) -> None:
    """Predict and embed a dataset with a classifier that is fine-tuned already.

    Example: closecall predict posts --checkpoint ./my-classifier --ratio 10 --wait
    """
    from closecall.cli import terminal

    terminal.predict(
        dataset, checkpoint, ratio, seed=seed, experiment=experiment, max_tokens=max_tokens, title=title, wait=wait,
        as_json=json,
    )  # fmt: skip


@app.command("import-predictions")
def import_predictions(
    files: Annotated[list[Path], typer.Argument(help=f"{file_formats_text()} files with id, label and probability.")],
    ratios: Annotated[str, typer.Option(help="The ratio of each file, when no column tells it.")] = "",
    seeds: Annotated[str, typer.Option(help="The seed of each file, when no column tells it.")] = "",
    column: Annotated[list[str] | None, typer.Option(help="ROLE=NAME; repeat for several. Roles: " + ROLES)] = None,
    positive: Annotated[str, typer.Option(help="The label of the positive class.")] = "",
    dataset: Annotated[str, typer.Option(help="The dataset they belong to. Without it one is made.")] = "",
    common_only: Annotated[bool, typer.Option("--common-only", help="Leave out ids that some run lacks.")] = False,
    title: Title = "",
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Load predictions made elsewhere, with or without texts, at one ratio or several.

    Example: closecall import-predictions at-1.csv at-10.csv --ratios 1,10 --yes
    """
    from closecall.cli import terminal

    request = terminal.prediction_request(files, column, ratios=ratios, seeds=seeds)
    request = replace(request, title=title, dataset=dataset, positive=positive, common_only=common_only)
    terminal.import_predictions(request, accept=yes, as_json=json)


app.add_typer(commands)


@app.command()
def report(
    experiment: ExperimentId,
    out: Annotated[Path, typer.Option(help="The HTML file to write.")] = Path("report.html"),
    q: Annotated[float, typer.Option(help="Share of positives where it will be used.", min=0.0, max=1.0)] = 1 / 11,
) -> None:
    """Write one self-contained page with the figures and words of an experiment, for people without the app.

    Example: closecall report posts-1-1-to-1-10 --out report.html
    """
    from closecall.cli.report import write_report

    write_report(experiment, out, q=q)


@app.command("app")
def app_(
    port: Annotated[int, typer.Option(help="Port on localhost.", min=1, max=65535)] = 8501,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the browser.")] = True,
) -> None:
    """Open the app on localhost. Ctrl-C ends the app; training goes on.

    Example: closecall app --port 8502 --no-browser
    """
    from closecall.cli.launch import launch_app

    launch_app(port, browser=browser)


@app.command()
def assets(json: Json = False) -> None:
    """Fetch the built-in encoder and texts and check that they are whole.

    Example: closecall assets
    """
    from closecall.cli import terminal

    terminal.fetch(as_json=json)


def main() -> None:
    """Run a command. What a person can mend is one sentence on standard error and exit code 2; Ctrl-C is 130."""
    from closecall.data.io.errors import UserError

    try:
        app(prog_name="closecall")
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
