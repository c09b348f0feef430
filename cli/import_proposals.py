"""Imports from the terminal: columns and classes that are not named are proposed, and used only when accepted."""

import shlex
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from closecall.data.datasets.import_request import ImportRequest, class_counts
from closecall.data.datasets.preparation import build_dataset
from closecall.data.datasets.store import Dataset, save_dataset
from closecall.data.io.errors import UserError
from closecall.data.io.workspace import slug
from closecall.data.predictions.columns import PredictionColumns
from closecall.data.predictions.importing import (
    ImportedPredictions,
    PredictionFile,
    PredictionImportRequest,
    import_predictions,
    preview_predictions,
)
from closecall.data.readers.columns import ColumnRoles, guess_columns
from closecall.data.readers.read import read_table
from closecall.data.readers.table import RawTable

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

    UserError with a proposed command when the id, label or score column is not named, unless `accept`.
    """
    files, columns = request.files, request.columns or PredictionColumns()
    if not accept and not (columns.id and columns.label and _has_score(columns)):
        raise UserError(_prediction_proposal(files, columns))
    completed = None if columns == PredictionColumns() else _completed(files[0], columns)
    return import_predictions(replace(request, columns=completed))


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
    chosen = _completed(files[0], columns)
    options = [part for role, name in asdict(chosen).items() if name for part in ("--column", f"{role}={name}")]
    command = shlex.join(["closecall", "import-predictions", *(str(file.content) for file in files), *options])
    needed = {"id column": chosen.id, "label column": chosen.label, "probability column": _has_score(chosen)}
    missing = [column for column, is_known in needed.items() if not is_known]
    unrecognised = f" No {' and no '.join(missing)} was recognised." if missing else ""
    return (
        f"{files[0].name or Path(str(files[0].content)).name}: which columns hold what?{unrecognised} "
        f"Proposed command; correct it where it is wrong, or accept it with --yes:\n  {command}"
    )


def _completed(file: PredictionFile, columns: PredictionColumns) -> PredictionColumns:
    """The named columns, and proposed ones for the rest; a named score column excludes proposed score columns."""
    _, proposal = preview_predictions(file)
    scores = ("probability", "logit", "logit_negative", "logit_positive")
    excluded = scores if _has_score(columns) else ()
    return PredictionColumns(
        **{
            role: name or ("" if role in excluded else getattr(proposal, role))
            for role, name in asdict(columns).items()
        }
    )


def _has_score(columns: PredictionColumns) -> bool:
    return bool(columns.probability or columns.logit or columns.logit_negative or columns.logit_positive)


def _one_each(values: Sequence[Any], n: int, what: str) -> list[Any]:
    if not values:
        return [None] * n
    if len(values) not in (1, n):
        raise UserError(
            f"There are {n} files and {len(values)} {what}s. Give one {what} for each file, in their order."
        )
    return list(values) * (n if len(values) == 1 else 1)
