"""The command `closecall`: the table of all commands, and the exit codes.

Modules with commands import nothing heavy at their top, so that `closecall --help` stays fast. Each command imports
what it needs when it runs.
"""

import sys
from collections.abc import Callable

import typer

from closecall.cli import app as app_commands
from closecall.cli import cases, causes, datasets, explain, remedies, report, results, train

app = typer.Typer(
    name="closecall",
    help="Error analysis for text classifiers with a rare positive class: train at several ratios, read the errors.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

COMMANDS: dict[str, Callable[..., None]] = {
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


def main() -> None:
    """Run a command. A UserError is one sentence on standard error and exit code 2; Ctrl-C is exit code 130."""
    from closecall.data.io.errors import UserError

    try:
        app(prog_name="closecall")
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
