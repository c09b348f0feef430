"""From the strings of a table to checked predictions: the first bad cell is named with its file, row and column."""

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
from scipy.special import expit

from closecall.data.io.errors import UserError
from closecall.data.predictions.columns import PredictionColumns
from closecall.data.readers.columns import split_names
from closecall.data.readers.table import RawTable

EDGE = 1e-7
"""Probabilities nearer to 0 or 1 than this have the log-odds of this: -16.1 and 16.1."""


def prediction_rows(table: RawTable, columns: PredictionColumns) -> tuple[pd.DataFrame, list[str]]:
    """The predictions of one file, and sentences on what was found.

    Columns: id, label (as written), pos_prob, logit, logit_negative, logit_positive (float64), text, split ("" for
    none), ratio (nan: not given), seed (nan: not given), source, source_row. UserError for the first bad cell.
    """
    scores, notes = _scores(table, columns)
    rows = pd.DataFrame(
        {
            "id": _needed(table, columns.id, "id"),
            "label": _needed(table, columns.label, "label"),
            **scores,
            "text": _texts(table, columns.text),
            "split": _splits(table, columns.split),
            "ratio": _numbers(table, columns.ratio, ratio_number, "a ratio, such as 10 or 1:10"),
            "seed": _numbers(table, columns.seed, _seed_number, "a seed, a whole number from 0 on"),
            "source": table.source,
            "source_row": table.source_rows,
        }
    )
    if len(table.rejected):
        first = table.rejected["source_row"].iloc[0]
        notes.append(f"{table.source}: {len(table.rejected):,} rows could not be read; the first is row {first:,}.")
    return rows, notes


def ratio_number(text: str) -> float:
    """The r of `1:r`, from "10", "10.0" or "1:10". ValueError otherwise."""
    value = float(text.strip().removeprefix("1:"))
    if not 0 < value <= 1000:
        raise ValueError(text)
    return value


def log_odds(pos_probs: np.ndarray) -> np.ndarray:
    """ln(p / (1 - p)), with p clipped to EDGE .. 1 - EDGE."""
    clipped: np.ndarray = np.clip(pos_probs, EDGE, 1 - EDGE)
    odds: np.ndarray = np.log(clipped) - np.log1p(-clipped)
    return odds


def _scores(table: RawTable, columns: PredictionColumns) -> tuple[dict[str, np.ndarray], list[str]]:
    """Probability, log-odds and both logits, whichever way they were given."""
    if columns.probability:
        pos_probs = _floats(table, columns.probability, _probability_number, "a probability between 0 and 1")
        logits, at_edge = log_odds(pos_probs), int(((pos_probs < EDGE) | (pos_probs > 1 - EDGE)).sum())
        negative, positive = -logits / 2, logits / 2
        words = "probabilities are 0 or 1, or next to it"
    else:
        given = _given_logits(table, columns)
        at_edge = int(np.isinf(given).any(axis=1).sum())
        negative, positive = np.where(np.isinf(given), np.sign(given) * log_odds(np.ones(1)), given).T
        logits = positive - negative
        pos_probs = expit(logits)
        words = "logits are infinite"
    notes = [f"{table.source}: {at_edge:,} {words}; their logits are taken as -16.1 or 16.1."] if at_edge else []
    scores = {"pos_prob": pos_probs, "logit": logits, "logit_negative": negative, "logit_positive": positive}
    return scores, notes


def _given_logits(table: RawTable, columns: PredictionColumns) -> np.ndarray:
    """Both logits (n x 2); a single log-odds column is shared out evenly."""
    if columns.logit:
        halves = _floats(table, columns.logit, _logit_number, "a number (log-odds)") / 2
        return np.column_stack([-halves, halves])
    pair = (columns.logit_negative, columns.logit_positive)
    return np.column_stack([_floats(table, name, _logit_number, "a number (logit)") for name in pair])


def _needed(table: RawTable, column: str, what: str) -> pd.Series:
    cells = table.frame[column].fillna("").astype(object).str.strip()
    empty = np.flatnonzero(cells == "")
    if len(empty):
        raise UserError(f"{_place(table, int(empty[0]), column)} there is no {what}. Fill it or remove the row.")
    return cells


def _texts(table: RawTable, column: str) -> pd.Series | str:
    return table.frame[column].fillna("").astype(object) if column else ""


def _splits(table: RawTable, column: str) -> pd.Series | str:
    if not column:
        return ""
    cells = _needed(table, column, "split")
    try:
        return split_names(cells, column)
    except UserError as error:
        raise UserError(f"{table.source}: {error}") from None


def _numbers(table: RawTable, column: str, read: Callable[[str], float], what: str) -> np.ndarray:
    return _floats(table, column, read, what) if column else np.full(len(table.frame), np.nan)


def _floats(table: RawTable, column: str, read: Callable[[str], float], what: str) -> np.ndarray:
    """The numbers of a column. Each spelling is read once; the first that is none is named."""
    cells = table.frame[column].fillna("").astype(object)
    codes, spellings = pd.factorize(cells)
    values = np.empty(len(spellings))
    for number, spelling in enumerate(spellings):
        try:
            values[number] = read(spelling)
        except ValueError:
            place = _place(table, int(np.flatnonzero(codes == number)[0]), column)
            correction = (
                _mend(spelling, spellings) if "probability" in what else "Correct the cell, or choose another column."
            )
            raise UserError(f"{place} {spelling!r} is not {what}. {correction}") from None
    return values[codes]


def _probability_number(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise ValueError(text)
    return value


def _logit_number(text: str) -> float:
    value = float(text)
    if np.isnan(value):
        raise ValueError(text)
    return value


def _seed_number(text: str) -> float:
    value = float(text)
    if value < 0 or not value.is_integer():
        raise ValueError(text)
    return value


def _mend(spelling: str, spellings: Iterable[str]) -> str:
    """What most likely happened to a column of probabilities, one of which is none."""
    if "," in spelling:
        return "Write numbers with a decimal point, not a comma."
    numbers = pd.to_numeric(pd.Series(list(spellings)).str.rstrip("%"), errors="coerce")
    if (numbers < 0).any():
        return "If the column holds log-odds, choose it as such."
    if spelling.endswith("%") or (numbers > 1).sum() > 1:
        return "If the column is in per cent, divide it by 100; if it holds log-odds, choose it as such."
    return "Correct the cell, or choose another column."


def _place(table: RawTable, row: int, column: str) -> str:
    return f"{table.source}, row {table.source_rows[row]:,}, column {column}:"
