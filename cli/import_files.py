"""Bring a person's file in: columns and classes that are not named are proposed, and taken only when accepted."""

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from closecall.data.datasets.preparation import build_dataset, class_counts
from closecall.data.datasets.store import Dataset, save_dataset
from closecall.data.io.errors import UserError
from closecall.data.io.workspace import slug
from closecall.data.predictions.columns import PredictionColumns
from closecall.data.predictions.importing import (
    ImportedPredictions,
    PredictionFile,
    import_predictions,
    preview_predictions,
)
from closecall.data.readers.read import ColumnGuess, guess_columns, read_table
from closecall.data.readers.table import RawTable
from closecall.data.readers.table_formats import restored_table

PREVIEW_ROWS = 1_000
SHOWN_CLASSES = 20
NOT_NAMED = ColumnGuess()


@dataclass(frozen=True)
class ImportChoice:
    """What was named for an import; "" and () stand for what was not."""

    columns: ColumnGuess = NOT_NAMED
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    name: str = ""
    title: str = ""
    test_share: float = 0.35
    validation_share: float = 0.15
    seed: int = 0


def import_file(path: Path, choice: ImportChoice, *, accept: bool = False) -> Dataset:
    """Import a file or folder as a dataset and save it.

    UserError with a proposal, as a command to type, when the text or label column or the positive class is not named;
    `accept` takes the proposed columns, never a proposed class.
    """
    columns = _chosen_columns(path, choice, accept)
    table = restored_table(read_table(path))
    if not choice.positive:
        raise UserError(_class_question(path, table, columns))
    dataset = build_dataset(
        table,
        name=slug(choice.name or path.stem),
        title=choice.title or choice.name or path.stem,
        text_column=columns.text,
        label_column=columns.label,
        positive_classes=choice.positive,
        negative_classes=choice.negative or None,
        id_column=columns.id or None,
        group_column=columns.group or None,
        split_column=columns.split or None,
        seed=choice.seed,
        test_share=choice.test_share,
        validation_share=choice.validation_share,
    )
    return save_dataset(dataset)


def import_prediction_files(
    paths: Sequence[Path],
    columns: PredictionColumns,
    *,
    ratios: Sequence[float] = (),
    seeds: Sequence[int] = (),
    title: str = "",
    dataset: str = "",
    positive: str = "",
    common_only: bool = False,
    accept: bool = False,
) -> ImportedPredictions:
    """Import predictions made elsewhere; `ratios` and `seeds` are one for each file, or one for all, or none."""
    files = [
        PredictionFile(path, ratio=ratio, seed=seed)
        for path, ratio, seed in zip(
            paths, _one_each(ratios, len(paths), "ratio"), _one_each(seeds, len(paths), "seed"), strict=True
        )
    ]
    if not accept and not (columns.id and columns.label and _has_score(columns)):
        raise UserError(_prediction_question(files, columns))
    return import_predictions(
        files,
        columns=None if columns == PredictionColumns() else _completed(files[0], columns),
        title=title,
        dataset=dataset,
        positive=positive,
        common_only=common_only,
    )


def _chosen_columns(path: Path, choice: ImportChoice, accept: bool) -> ColumnGuess:
    named = choice.columns
    if named.text and named.label:
        return named
    guess = guess_columns(read_table(path, limit=PREVIEW_ROWS))
    both = ColumnGuess(**{role: name or getattr(guess, role) for role, name in asdict(named).items()})
    if not accept or not (both.text and both.label):
        raise UserError(_column_question(path, both, choice))
    return both


def _column_question(path: Path, columns: ColumnGuess, choice: ImportChoice) -> str:
    named = replace(columns, text=columns.text or "NAME", label=columns.label or "NAME")
    command = _import_command(path, named, choice.positive or ("CLASS",))
    accept = ", or accept its columns with --yes" if columns.text and columns.label else ""
    return f"{path.name}: which columns are meant? This is proposed; change it where it is wrong{accept}:\n  {command}"


def _class_question(path: Path, table: RawTable, columns: ColumnGuess) -> str:
    counts = class_counts(table, columns.label)
    listed = ", ".join(f"{name!r} ({count:,})" for name, count in counts.head(SHOWN_CLASSES).items())
    more = f" and {len(counts) - SHOWN_CLASSES} more" if len(counts) > SHOWN_CLASSES else ""
    command = _import_command(path, columns, (str(counts.index[-1]),))
    return (
        f"{path.name}: which class is the positive (rare) one? Column {columns.label} holds {listed}{more}. "
        f"For the rarest:\n  {command}"
    )


def _import_command(path: Path, columns: ColumnGuess, positive: Sequence[str]) -> str:
    options = [part for role, name in asdict(columns).items() if name for part in (f"--{role}-column", name)]
    classes = [part for name in positive for part in ("--positive", name)]
    return shlex.join(["closecall", "import", str(path), *options, *classes])


def _prediction_question(files: Sequence[PredictionFile], columns: PredictionColumns) -> str:
    chosen = _completed(files[0], columns)
    options = [part for role, name in asdict(chosen).items() if name for part in ("--column", f"{role}={name}")]
    command = shlex.join(["closecall", "import-predictions", *(str(file.content) for file in files), *options])
    needed = {"an id column": chosen.id, "a label column": chosen.label, "a probability column": _has_score(chosen)}
    missing = [what for what, found in needed.items() if not found]
    found = f" No {' and no '.join(what.split(' ', 1)[1] for what in missing)} was recognised." if missing else ""
    return (
        f"{files[0].name or Path(str(files[0].content)).name}: which columns are meant?{found} "
        f"This is proposed; change it where it is wrong, or accept it with --yes:\n  {command}"
    )


def _completed(file: PredictionFile, columns: PredictionColumns) -> PredictionColumns:
    """The named columns, the others as proposed; a named score column keeps other proposed ones away."""
    _, proposal = preview_predictions(file)
    scores = ("probability", "logit", "logit_negative", "logit_positive")
    keep_away = scores if _has_score(columns) else ()
    return PredictionColumns(
        **{
            role: name or ("" if role in keep_away else getattr(proposal, role))
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
