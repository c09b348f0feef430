"""From the strings of a table to the rows of its runs: the first bad cell is named with its file, row and column."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from closecall.data.io.errors import UserError
from closecall.data.predictions.cells import filled_cells, is_list, numbers
from closecall.data.predictions.classes import Classes
from closecall.data.predictions.columns import PredictionColumns
from closecall.data.predictions.files import PredictionFile, named_ratio
from closecall.data.predictions.metadata import RIVAL, further_columns
from closecall.data.predictions.proposals import number_role
from closecall.data.predictions.scores import Given, given_scores
from closecall.data.readers.columns import split_names
from closecall.data.readers.table import RawTable


@dataclass(frozen=True)
class Part:
    """The rows of a file, or of one of its columns of models, before the positive classes are known.

    `rows`: id and label (as written, "" for none), text, split ("" for none), ratio (nan: not given), seed (nan: not
    given), model ("" for none), source, source_row, and `meta.<name>`. `given` makes their scores.
    """

    rows: pd.DataFrame
    given: Given
    notes: tuple[str, ...] = ()

    def scored(self, classes: Classes) -> tuple[pd.DataFrame, list[str]]:
        """The rows with pos_prob, logit, logit_negative, logit_positive and `rival.<name>`, and sentences."""
        folded = self.given(classes)
        rivals = folded.rivals.rename(columns=lambda name: f"{RIVAL}{name}")
        return pd.concat([self.rows.assign(**folded.scores), rivals], axis=1), folded.notes


def prediction_parts(table: RawTable, columns: PredictionColumns, file: PredictionFile) -> Iterator[Part]:
    """The parts of a table: one, or one for each column of `models`. UserError for the first bad cell."""
    further, notes = further_columns(table, columns.named)
    rows = _with_run(pd.concat([_rows(table, columns), further], axis=1), file)
    if len(table.rejected):
        first = table.rejected["source_row"].iloc[0]
        notes.append(f"{table.source}: {len(table.rejected):,} rows could not be read; the first is row {first:,}.")
    if not columns.models:
        yield Part(rows, given_scores(table, columns), tuple(notes))
        return
    for number, name in enumerate(columns.models):
        own = rows if number == 0 else rows.drop(columns=further.columns)
        yield Part(_of_column(own, name), given_scores(table, _alone(table, columns, name)), tuple(notes))
        notes = []


def ratio_number(text: str) -> float:
    """The r of `1:r`, from "10", "10.0" or "1:10". ValueError otherwise."""
    value = float(text.strip().removeprefix("1:"))
    if not 0 < value <= 1000:
        raise ValueError(text)
    return value


def seed_number(text: str) -> float:
    """A seed from "3" or "3.0". ValueError for anything but a whole number from 0 on."""
    value = float(text)
    if value < 0 or not value.is_integer():
        raise ValueError(text)
    return value


def in_row_order(rows: pd.DataFrame) -> pd.Series:
    """Ids from the order of the rows, from 1 in each run: `row-000001`. Equal places are one example in every run."""
    runs = rows[["model", "ratio", "seed"]].astype(object).fillna("")
    places = runs.groupby(["model", "ratio", "seed"], sort=False).cumcount() + 1
    return "row-" + places.astype(str).str.zfill(6)


def _rows(table: RawTable, columns: PredictionColumns) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": filled_cells(table, columns.id, "id") if columns.id else "",
            "label": _labels(table, columns.label),
            "text": _texts(table, columns.text),
            "split": _splits(table, columns.split),
            "ratio": _optional(table, columns.ratio, ratio_number, "a ratio, such as 10 or 1:10"),
            "seed": _optional(table, columns.seed, seed_number, "a seed, a whole number from 0 on"),
            "model": _texts(table, columns.model),
            "source": table.source,
            "source_row": table.source_rows,
        },
        index=range(len(table.frame)),
    )


def _with_run(rows: pd.DataFrame, file: PredictionFile) -> pd.DataFrame:
    """The ratio, seed and model given with the file, where no column holds them."""
    given = {"ratio": file.ratio, "seed": file.seed}
    for name, value in given.items():
        if value is not None and rows[name].notna().any():
            raise UserError(f"{rows['source'].iloc[0]} has a {name} column, and a {name} was given beside it. Use one.")
    rows = rows.fillna({name: value for name, value in given.items() if value is not None})
    rows = rows.assign(model=file.model) if file.model else rows
    return rows.assign(split=rows["split"].replace("", file.split)) if file.split else rows


def _of_column(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows of the run that a column stands for: its ratio and seed, else its model, from the column's name."""
    ratio, seed, rest = named_ratio(name)
    if ratio is None:
        return rows.assign(model=name)
    rows = rows.assign(ratio=ratio, model=rest if rest and rest != "mean" else rows["model"])
    return rows if seed is None else rows.assign(seed=float(seed))


def _alone(table: RawTable, columns: PredictionColumns, name: str) -> PredictionColumns:
    """The columns of one model: its column by what its cells hold."""
    cells = table.frame[name].dropna().head(1_000)
    role = "scores" if len(cells) and is_list(cells.iloc[0]) else number_role(cells)
    return PredictionColumns.of({**asdict(columns), "models": (), role: name})


def _labels(table: RawTable, column: str) -> pd.Series | str:
    return filled_cells(table, column, "label").str.removesuffix(".0") if column else ""


def _texts(table: RawTable, column: str) -> pd.Series | str:
    return table.frame[column].fillna("").astype(object) if column else ""


def _splits(table: RawTable, column: str) -> pd.Series | str:
    if not column:
        return ""
    cells = filled_cells(table, column, "split")
    try:
        return split_names(cells, column)
    except UserError as error:
        raise UserError(f"{table.source}: {error}") from None


def _optional(table: RawTable, column: str, read: Callable[[str], float], what: str) -> np.ndarray:
    return numbers(table, column, read, what) if column else np.full(len(table.frame), np.nan)
