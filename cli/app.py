"""`closecall app` and `closecall FILE`: import predictions, and replace this process by the Streamlit server."""

import os
import subprocess
import sys
import tempfile
import time
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from closecall.cli.arguments import Json, Title
from closecall.cli.output import asset_progress, print_json, print_line, print_note
from closecall.data.io.errors import UserError

if TYPE_CHECKING:
    from closecall.data.experiments.store import ExperimentConfig
    from closecall.data.predictions.importing import ImportedPredictions

Sources = Annotated[
    list[str], typer.Argument(help="Files, a folder, https://..., hf://datasets/... or OWNER/NAME.", metavar="FILE...")
]
FIRST_PORT = 8501
PORTS = 50
"""How many ports from the first are tried."""
READY_SECONDS = 60.0


def app(
    port: Annotated[int, typer.Option(help="Port on localhost.", min=1, max=65535)] = FIRST_PORT,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the browser.")] = True,
) -> None:
    """Open the app on localhost. Ctrl-C stops the app; training continues.

    Example: closecall app --port 8502 --no-browser
    """
    from closecall.cli.progress import print_unfinished

    free_port(port, exactly=True)
    print_unfinished()
    print_note(f"Close Call opens at {address_of(port)} (Ctrl-C stops the app; training continues).")
    _become_app(port, browser=browser)


def open_(
    sources: Sources,
    text: Annotated[str, typer.Option(help="The column with the texts.")] = "",
    label: Annotated[str, typer.Option(help="The column with the true class.")] = "",
    prob: Annotated[str, typer.Option(help="The column with probabilities, logits or lists; or each class's.")] = "",
    positive: Annotated[str, typer.Option(help="The positive class; several with commas.")] = "",
    id: Annotated[str, typer.Option(help="The column with ids. Without it: row numbers.")] = "",
    split: Annotated[str, typer.Option(help="The column with train, validation or test.")] = "",
    ratio: Annotated[str, typer.Option(help="The column with ratios, or the ratio of each file: 1,10.")] = "",
    seed: Annotated[str, typer.Option(help="The column with seeds, or the seed of each file: 0,1.")] = "",
    dataset: Annotated[str, typer.Option(help="The dataset they belong to. Without it a new one is created.")] = "",
    in_order: Annotated[bool, typer.Option("--in-order", help="Rows are the dataset's examples in its order.")] = False,
    title: Title = "",
    port: Annotated[int | None, typer.Option(help="Port on localhost. Without it: the first free one.")] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the browser.")] = True,
    no_open: Annotated[bool, typer.Option("--no-open", "--import-only", help="Import, and print the id only.")] = False,
    json: Json = False,
) -> None:
    """Open predictions on the Errors page; columns that are not named are guessed. `closecall FILE` does the same.

    Example: closecall open predictions.parquet --positive spam
    """
    from closecall.cli.import_proposals import guessed_predictions
    from closecall.data.predictions.importing import PredictionImportRequest, import_predictions
    from closecall.data.predictions.sources import prediction_sources

    named = {"text": text, "label": label, "id": id, "split": split}
    with tempfile.TemporaryDirectory() as scratch:
        with asset_progress() as progress:
            files, notes = prediction_sources(sources, Path(scratch), progress)
        files, columns, guesses = guessed_predictions(files, named, prob, ratio, seed)
        for sentence in (*notes, *guesses):
            print_note(sentence)
        request = PredictionImportRequest(
            files, columns, title, dataset, positive, in_order=in_order, guess_positive=True, reuse=True
        )
        imported = import_predictions(request)
    for sentence in (*imported.notes, _counts(imported.experiment)):
        print_note(sentence)
    _show(imported, port, browser=browser, no_open=no_open, json=json)


def _counts(experiment: "ExperimentConfig") -> str:
    """The positive classes, and how many examples of both classes have predictions."""
    from closecall.data.datasets.store import load_info
    from closecall.data.experiments.store import load_evaluation

    positives = load_info(experiment.dataset).positive_classes
    labels = load_evaluation(experiment.id)["label"]
    counts = f"{int((labels == 1).sum()):,} positives, {int((labels == 0).sum()):,} negatives"
    return f"Positive class: {', '.join(positives)}. {counts}."


def _show(imported: "ImportedPredictions", port: int | None, *, browser: bool, no_open: bool, json: bool) -> None:
    """Print the id, or replace this process by the app; the browser opens the Errors page when the app answers."""
    experiment = imported.experiment.id
    if not imported.is_new:
        print_note("These predictions were imported before; they were not written again.")
    if json:
        ids = [one.id for one in (imported.experiment, *imported.others)]
        print_json({"experiment": experiment, "experiments": ids, "dataset": imported.experiment.dataset,
                    "is_new": imported.is_new, "notes": imported.notes})  # fmt: skip
        return
    if no_open:
        print_line(experiment)
        return
    from closecall.models.runtime.app_command import has_display

    chosen = free_port(port or FIRST_PORT, exactly=port is not None)
    address = f"{address_of(chosen)}/errors?experiment={quote(experiment)}"
    print_line(address)
    print_note("Ctrl-C stops the app. Later: closecall app.")
    if browser and has_display():
        subprocess.Popen([sys.executable, "-m", "closecall.cli.app", address], start_new_session=True)
    _become_app(chosen, browser=False)


def _become_app(port: int, *, browser: bool) -> None:
    """Replace this process by the app, on the workspace of the current folder."""
    from closecall.models.runtime.app_command import app_command, app_environment
    from closecall.models.runtime.child_process import PACKAGE_FOLDER

    environment = app_environment()  # before the folder changes: a relative workspace is that of the caller
    command = app_command(PACKAGE_FOLDER / "app.py", port, browser=browser)
    os.chdir(PACKAGE_FOLDER)
    os.execve(sys.executable, [sys.executable, *command], environment)


def address_of(port: int) -> str:
    """The address of an app on this machine."""
    return f"http://localhost:{port}"


def free_port(first: int, *, exactly: bool) -> int:
    """The first free port from `first` on, or `first` itself. UserError when it is in use, or all are."""
    from closecall.models.runtime.app_command import is_free_port

    found = next((port for port in range(first, first + (1 if exactly else PORTS)) if is_free_port(port)), None)
    if found is None:
        raise UserError(f"Port {first} is in use. Choose another, such as --port {first + 1}.")
    return found


def open_when_ready(address: str) -> None:
    """Open a page of an app in the browser as soon as the app answers."""
    from closecall.models.runtime.app_command import app_answers

    start = time.monotonic()
    while time.monotonic() < start + READY_SECONDS:
        if app_answers(address):
            webbrowser.open(address)
            return
        time.sleep(0.2)


if __name__ == "__main__":
    open_when_ready(sys.argv[1])
