"""Imports from the terminal: columns and classes that are not named are proposed, and used only when accepted."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from closecall.analysis.formatting import count_text
from closecall.cli.arguments import many_ratios, many_seeds
from closecall.data.datasets.import_request import ImportRequest, class_counts
from closecall.data.datasets.preparation import build_dataset
from closecall.data.datasets.store import Dataset, save_dataset
from closecall.data.io.errors import UserError
from closecall.data.io.workspace import slug
from closecall.data.predictions.columns import ROLE_TITLES, SCORES, PredictionColumns
from closecall.data.predictions.files import PredictionFile
from closecall.data.predictions.importing import (
    ImportedPredictions,
    PredictionImportRequest,
    import_predictions,
    preview_predictions,
)
from closecall.data.predictions.proposals import score_roles
from closecall.data.readers.columns import ColumnRoles, guess_columns
from closecall.data.readers.read import read_table
from closecall.data.readers.table import RawTable, check_columns

PREVIEW_ROWS = 1_000
SHOWN_CLASSES = 20


def import_file(path: Path, request: ImportRequest, *, accept: bool = False) -> Dataset:
    """Import a file or folder as a dataset and save it. Name and title default to the file's name.

    UserError with a proposed command when the text column, the label column or the positive class is not named.
    `accept` uses the proposed columns, never a proposed class.
    """
    columns = _chosen_columns(path, request, accept)
    table = read_table(path)
    if not request.positive_classes:
        raise UserError(_class_proposal(path, table, columns))
    name, title = slug(request.name or path.stem), request.title or request.name or path.stem
    return save_dataset(build_dataset(table, replace(request, columns=columns, name=name, title=title)))


def prediction_files(
    paths: Sequence[Path], ratios: Sequence[float] = (), seeds: Sequence[int] = ()
) -> tuple[PredictionFile, ...]:
    """Files with their ratio and seed. `ratios` and `seeds` hold one value for each file, one for all, or none."""
    given = zip(paths, _one_each(ratios, len(paths), "ratio"), _one_each(seeds, len(paths), "seed"), strict=True)
    return tuple(PredictionFile(path, ratio=ratio, seed=seed) for path, ratio, seed in given)


def import_prediction_files(request: PredictionImportRequest, *, accept: bool = False) -> ImportedPredictions:
    """Import predictions made elsewhere.

    UserError with a proposed command when the label or score column is not named, unless `accept`.
    """
    files, columns = request.files, request.columns or PredictionColumns()
    if not accept and not (columns.label and columns.has_score):
        raise UserError(_prediction_proposal(files, columns))
    completed = None if columns == PredictionColumns() else _completed(preview_predictions(files[0])[1], columns)
    return import_predictions(replace(request, columns=completed))


def guessed_predictions(
    files: Sequence[PredictionFile], named: Mapping[str, str], scores: str, ratios: str, seeds: str
) -> tuple[tuple[PredictionFile, ...], PredictionColumns | None, list[str]]:
    """The files with their ratios and seeds, the named and guessed columns, and a sentence for each guess.

    The columns are None where nothing is named and each of several files is read by its own names.

    `scores`, `ratios` and `seeds` name columns; ratios and seeds may be numbers instead, one for each file.
    """
    table, proposal = preview_predictions(files[0])
    names = table.frame.columns.tolist()
    roles = {role: name for role, name in named.items() if name}
    given: dict[str, Any] = {"ratios": (), "seeds": ()}
    for role, text, read in (("ratio", ratios, many_ratios), ("seed", seeds, many_seeds)):
        if text in names:
            roles[role] = text
        elif text:
            given[f"{role}s"] = read(text)
    if scores:
        wanted = [scores] if scores in names else [name.strip() for name in scores.split(",")]
        check_columns(names, wanted, table.source)
        roles |= score_roles(table.frame, wanted, roles.get("label", proposal.label))
    columns = _completed(proposal, PredictionColumns.of(roles))
    guesses = [
        f"{ROLE_TITLES[role]}: {_listed(name)}." for role, name in asdict(columns).items() if name and role not in roles
    ]
    if given["ratios"]:
        columns = replace(columns, ratio="")
    own = None if len(files) > 1 and not roles and not given["ratios"] else columns
    each = [_one_each(given[f"{one}s"], len(files), one) for one in ("ratio", "seed")]
    return tuple(_of_run(*run) for run in zip(files, *each, strict=True)), own, guesses


def _of_run(file: PredictionFile, ratio: float | None, seed: int | None) -> PredictionFile:
    if ratio is not None:
        file = replace(file, ratio=ratio, model="")
    return file if seed is None else replace(file, seed=seed)


def _listed(names: str | Sequence[str]) -> str:
    return f"column {names}" if isinstance(names, str) else f"columns {', '.join(names)}"


def _chosen_columns(path: Path, request: ImportRequest, accept: bool) -> ColumnRoles:
    named = request.columns
    if named.text and named.label:
        return named
    guess = guess_columns(read_table(path, limit=PREVIEW_ROWS))
    both = ColumnRoles(**{role: name or getattr(guess, role) for role, name in asdict(named).items()})
    if not accept or not (both.text and both.label):
        raise UserError(_column_proposal(path, both, request))
    return both


def _column_proposal(path: Path, columns: ColumnRoles, request: ImportRequest) -> str:
    named = replace(columns, text=columns.text or "NAME", label=columns.label or "NAME")
    command = _import_command(path, named, request.positive_classes or ("CLASS",))
    accept = ", or accept the columns with --yes" if columns.text and columns.label else ""
    return f"{path.name}: which columns hold what? Proposed command; correct it where it is wrong{accept}:\n  {command}"


def _class_proposal(path: Path, table: RawTable, columns: ColumnRoles) -> str:
    counts = class_counts(table, columns.label)
    listed = ", ".join(f"{name!r} ({count:,})" for name, count in counts.head(SHOWN_CLASSES).items())
    more = f" and {len(counts) - SHOWN_CLASSES} more" if len(counts) > SHOWN_CLASSES else ""
    command = _import_command(path, columns, (str(counts.index[-1]),))
    return (
        f"{path.name}: which class is the positive (rare) one? Column {columns.label} holds {listed}{more}. "
        f"For the rarest:\n  {command}"
    )


def _import_command(path: Path, columns: ColumnRoles, positive: Sequence[str]) -> str:
    options = [part for role, name in asdict(columns).items() if name for part in (f"--{role}-column", name)]
    classes = [part for name in positive for part in ("--positive", name)]
    return shlex.join(["closecall", "import", str(path), *options, *classes])


def _prediction_proposal(files: Sequence[PredictionFile], columns: PredictionColumns) -> str:
    chosen = _completed(preview_predictions(files[0])[1], columns)
    named = {role: name if isinstance(name, str) else ",".join(name) for role, name in asdict(chosen).items()}
    options = [part for role, name in named.items() if name for part in ("--column", f"{role}={name}")]
    command = shlex.join(["closecall", "import-predictions", *(str(file.content) for file in files), *options])
    needed = {"label column": chosen.label, "probability column": chosen.has_score}
    missing = [column for column, is_known in needed.items() if not is_known]
    unrecognised = f" No {' and no '.join(missing)} was recognised." if missing else ""
    return (
        f"{files[0].name or Path(str(files[0].content)).name}: which columns hold what?{unrecognised} "
        f"Proposed command; correct it where it is wrong, or accept it with --yes:\n  {command}"
    )


def _completed(proposal: PredictionColumns, columns: PredictionColumns) -> PredictionColumns:
    """The named columns, and proposed ones for the rest; a named score column excludes proposed score columns."""
    excluded = SCORES if columns.has_score else ()
    named = asdict(columns)
    return PredictionColumns.of(
        {role: name or ("" if role in excluded else getattr(proposal, role)) for role, name in named.items()}
    )


def _one_each(values: Sequence[Any], n: int, what: str) -> list[Any]:
    if not values:
        return [None] * n
    if len(values) not in (1, n):
        given = f"{count_text(n, 'file')} and {count_text(len(values), what)} were given."
        raise UserError(f"{given} Give one {what} for each file, in their order.")
    return list(values) * (n if len(values) == 1 else 1)
