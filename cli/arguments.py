"""What people type after a command, read into values: ratios, seeds, and columns by role."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from closecall.data.exchange.export_formats import suffixes_text
from closecall.data.io.errors import UserError


def one_ratio(text: str) -> float:
    """The r of a ratio written as `10` or `1:10`."""
    try:
        ratio = float(text.strip().removeprefix("1:"))
    except ValueError:
        ratio = 0.0
    if not 0 < ratio <= 1000:
        raise UserError(f"{text.strip()!r} is not a ratio. Write 10 or 1:10; several with commas: 1,2,3,5,10.")
    return ratio


def many_ratios(text: str) -> list[float]:
    """Ratios with commas between them: `1,2,3,5,10` or `1:1,1:10`."""
    return [one_ratio(part) for part in text.split(",")]


def many_seeds(text: str) -> list[int]:
    """Seeds with commas between them: `0,1,2`."""
    parts = [part.strip() for part in text.split(",")]
    wrong = next((part for part in parts if not part.isdecimal()), None)
    if wrong is not None:
        raise UserError(f"{wrong!r} is not a seed. Write whole numbers from 0 on, with commas between them: 0,1,2.")
    return [int(part) for part in parts]


def names(text: str) -> list[str]:
    """Names with commas between them: `focal, class-weights`; none in an empty text."""
    return [part.strip() for part in text.split(",") if part.strip()]


def column_roles(pairs: Sequence[str], roles: Sequence[str]) -> dict[str, str]:
    """Columns by role, from `id=post_id`, `label=gold` ..."""
    named: dict[str, str] = {}
    for pair in pairs:
        role, equals, column = pair.partition("=")
        role = role.strip().replace("-", "_")
        if not equals or not column or role not in roles:
            raise UserError(f"{pair!r} does not name a column. Write ROLE=NAME; roles are {', '.join(roles)}.")
        if role in named:
            raise UserError(f"The {role} column is named twice: {named[role]!r} and {column!r}. Name it once.")
        named[role] = column
    return named


# The arguments and options that several commands of the terminal have.

DatasetName = Annotated[str, typer.Argument(metavar="DATASET", help="A dataset; see closecall datasets.")]
ExperimentId = Annotated[str, typer.Argument(metavar="EXPERIMENT", help="An experiment; see closecall experiments.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
Wait = Annotated[bool, typer.Option("--wait", help="Stay until the work is done, with live progress.")]
On = Annotated[str, typer.Option(help="Train on Ray: ray, or ray://host:10001. Without it: here.")]
Title = Annotated[str, typer.Option(help="A title to know the experiment by.")]
Out = Annotated[Path | None, typer.Option(help=f"File to write: {suffixes_text()}, by its suffix.")]
Run = Annotated[str | None, typer.Option(help="One run, such as r10-s0-none. Without it: all of the experiment.")]
Yes = Annotated[bool, typer.Option("--yes", help="Take the proposed columns for those not named.")]
ROLES = "id, label, probability, logit, logit_negative, logit_positive, text, ratio, seed, split."
MaxTokens = Annotated[int, typer.Option(help="Tokens of a text that are read; longer texts are cut.")]
Keep = Annotated[str, typer.Option(help="checkpoint: each run's whole classifier; head: head and predictions only.")]
RunSeed = Annotated[int | None, typer.Option(help="The run's seed. Without it: the first.")]
RunRemedy = Annotated[str, typer.Option(help="The run's remedy.")]
Threshold = Annotated[
    float, typer.Option(help="Probability from which an example is called positive.", min=0.0, max=1.0)
]
