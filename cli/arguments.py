"""The arguments and options that several commands share, and the conversion of option texts into values."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from closecall.data.exchange.export_formats import suffixes_text
from closecall.data.io.errors import UserError

DatasetName = Annotated[str, typer.Argument(metavar="DATASET", help="A dataset; see closecall datasets.")]
ExperimentId = Annotated[str, typer.Argument(metavar="EXPERIMENT", help="An experiment; see closecall experiments.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
Keep = Annotated[str, typer.Option(help="checkpoint: each run's complete classifier; head: head and predictions only.")]
On = Annotated[str, typer.Option(help="Train on Ray: ray, or ray://host:10001. Without it: on this machine.")]
Out = Annotated[Path | None, typer.Option(help=f"File to write: {suffixes_text()}, by its suffix.")]
Prevalence = Annotated[float, typer.Option(help="Prevalence in use: the share of positives where it is deployed.")]
Ratio = Annotated[str, typer.Option(help="The ratio of the run, as 10 or 1:10.")]
Run = Annotated[str | None, typer.Option(help="One run, such as r10-s0-none. Without it: all of the experiment.")]
RunRemedy = Annotated[str, typer.Option(help="The remedy of the run.")]
RunSeed = Annotated[int | None, typer.Option(help="The seed of the run. Without it: the first.")]
ErrorOutcome = Annotated[str, typer.Option(help="fn (false negatives) or fp (false positives).")]
Threshold = Annotated[
    float, typer.Option(help="Examples with at least this probability are predicted positive.", min=0.0, max=1.0)
]
Title = Annotated[str, typer.Option(help="Title of the experiment.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until the work is done and show its progress.")]
Yes = Annotated[bool, typer.Option("--yes", help="Accept the proposed columns for those not named.")]


def one_ratio(text: str) -> float:
    """The r of a ratio written as `10` or `1:10`."""
    from closecall.data.predictions.rows import ratio_number

    try:
        return ratio_number(text)
    except ValueError:
        raise UserError(
            f"{text.strip()!r} is not a ratio. Write 10 or 1:10; several with commas: 1,2,3,5,10."
        ) from None


def many_ratios(text: str) -> list[float]:
    """Ratios separated by commas: `1,2,3,5,10` or `1:1,1:10`."""
    return [one_ratio(part) for part in text.split(",")]


def many_seeds(text: str) -> list[int]:
    """Seeds separated by commas: `0,1,2`."""
    parts = [part.strip() for part in text.split(",")]
    wrong = next((part for part in parts if not part.isdecimal()), None)
    if wrong is not None:
        raise UserError(f"{wrong!r} is not a seed. Write whole numbers from 0, separated by commas: 0,1,2.")
    return [int(part) for part in parts]


def many_names(text: str) -> list[str]:
    """Names separated by commas: `focal, class-weights`; none in an empty text."""
    return [part.strip() for part in text.split(",") if part.strip()]


def column_roles(pairs: Sequence[str], roles: Sequence[str]) -> dict[str, str]:
    """Column names by role, from `id=post_id`, `label=gold` ... UserError for unknown roles and repeated ones."""
    columns: dict[str, str] = {}
    for pair in pairs:
        role, equals, column = pair.partition("=")
        role = role.strip().replace("-", "_")
        if not equals or not column or role not in roles:
            raise UserError(f"{pair!r} does not name a column. Write ROLE=NAME; roles are {', '.join(roles)}.")
        if role in columns:
            raise UserError(f"The {role} column is named twice: {columns[role]!r} and {column!r}. Name it once.")
        columns[role] = column
    return columns


def given(**options: Any) -> dict[str, Any]:
    """The options that are not None, so that the defaults of a request apply to the others."""
    return {name: value for name, value in options.items() if value is not None}
