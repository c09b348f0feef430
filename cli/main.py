"""The command `closecall`: the table of all commands, and the exit codes.

Modules with commands import nothing heavy at their top, so that `closecall --help` stays fast. Each command imports
what it needs when it runs.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from closecall.cli import app as app_commands
from closecall.cli import cases, causes, datasets, explain, remedies, report, results, train
from closecall.cli.output import print_line
from closecall.data.io.web_files import is_web_address
from closecall.data.readers.hub import is_hub_address

app = typer.Typer(
    name="closecall",
    help="Error analysis for text classifiers with a rare positive class: train at several ratios, read the errors.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

COMMANDS: dict[str, Callable[..., None]] = {
    "open": app_commands.open_,
    "demo": train.demo,
    "import": datasets.import_,
    "builtin": datasets.builtin,
    "datasets": datasets.datasets,
    "check": datasets.check,
    "experiments": train.experiments,
    "sweep": train.sweep,
    "status": train.status,
    "cancel": train.cancel,
    "resume": train.resume,
    "keep": train.keep,
    "predict": train.predict,
    "import-predictions": datasets.import_predictions,
    "remedies": remedies.remedies,
    "errors": results.errors,
    "causes": causes.causes,
    "slices": results.slices,
    "data-map": results.data_map,
    "why": explain.why,
    "audit": explain.audit,
    "hard-cases": cases.hard_cases,
    "relabel": cases.relabel,
    "verdict": results.verdict,
    "counts": results.counts,
    "report": report.report,
    "app": app_commands.app,
    "assets": datasets.assets,
}
for _name, _command in COMMANDS.items():
    app.command(_name)(_command)


def _print_version(wanted: bool) -> None:
    if wanted:
        import closecall

        print_line(closecall.__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """The options without a command."""


def _with_command(arguments: list[str]) -> list[str]:
    """The arguments with `open` in front of a file, folder or address that is named in place of a command.

    Options may come first: `closecall --positive mac predictions.csv`.
    """
    first = arguments[0] if arguments else ""
    if not first or first in COMMANDS or first in ("--help", "--version", "--install-completion", "--show-completion"):
        return arguments
    named = arguments if first.startswith("-") else arguments[:1]
    has_suffix = bool(Path(first).suffix) and not first.startswith("-")  # a missing file is named as such
    return ["open", *arguments] if has_suffix or any(_is_source(one) for one in named) else arguments


def _is_source(text: str) -> bool:
    """Whether a text names a file or folder that is there, or an address of the web or the hub."""
    return is_web_address(text) or Path(text).expanduser().exists() or is_hub_address(text)


def main() -> None:
    """Run a command. A UserError is one sentence on standard error and exit code 2; Ctrl-C is exit code 130."""
    from closecall.data.io.errors import UserError

    try:
        app(_with_command(sys.argv[1:]), prog_name="closecall")
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
