"""The cells of prediction tables as numbers and lists of numbers, in the spellings that people's files have."""

import ast
import json
import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd

from closecall.data.io.errors import UserError
from closecall.data.readers.table import RawTable

ROUNDING = 1e-5
"""Probabilities this far outside 0 .. 1 come from rounding in 32-bit arithmetic and are clipped."""
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?inf|nan")
_WITH_COMMA = re.compile(r"\s*[-+]?\d*,\d+\s*")
_PLAIN = re.compile(r"\s*[-+]?\d+\s*")
_LIST_START = ("[", "{", "(", "array(", "tensor(")


def place(table: RawTable, row: int, column: str) -> str:
    """A cell for messages: file, row and column."""
    return f"{table.source}, row {table.source_rows[row]:,}, column {column}:"


def filled_cells(table: RawTable, column: str, what: str) -> pd.Series:
    """The cells of a column without white space around them; UserError that names the first empty one."""
    cells = table.frame[column].fillna("").astype(object).str.strip()
    empty = np.flatnonzero(cells == "")
    if len(empty):
        raise UserError(f"{place(table, int(empty[0]), column)} there is no {what}. Fill it or remove the row.")
    return cells


def numbers(table: RawTable, column: str, read: Callable[[str], float], what: str) -> np.ndarray:
    """The numbers of a column. Each spelling is read once; UserError names the first that is no number."""
    cells = table.frame[column].fillna("").astype(object)
    codes, spellings = pd.factorize(cells)
    values = np.empty(len(spellings))
    for number, spelling in enumerate(_with_points(spellings)):
        try:
            values[number] = read(spelling)
        except ValueError:
            where = place(table, int(np.flatnonzero(codes == number)[0]), column)
            correction = "Correct the cell, or choose another column."
            if "probability" in what:
                correction = _correction(spelling, spellings)
            raise UserError(f"{where} {spelling!r} is not {what}. {correction}") from None
    return values[codes]


def probabilities(table: RawTable, column: str) -> tuple[np.ndarray, list[str]]:
    """The probabilities of a column, clipped to 0 .. 1 where rounding left them outside, and a sentence on that."""
    values = numbers(table, column, _probability_number, "a probability between 0 and 1")
    return clipped(values, f"{table.source}, column {column}")


def clipped(values: np.ndarray, where: str) -> tuple[np.ndarray, list[str]]:
    """The values within 0 .. 1, and a sentence when rounding left some outside."""
    outside = int(((values < 0) | (values > 1)).sum())
    notes = [f"{where}: probabilities clipped, which rounding left outside 0 to 1: {outside:,}."] if outside else []
    return np.clip(values, 0, 1), notes


def logits(table: RawTable, column: str, what: str) -> np.ndarray:
    """The logits of a column, which may be infinite."""
    return numbers(table, column, _logit_number, what)


def is_list(cell: Any) -> bool:
    """Whether a cell looks like a list of scores."""
    return isinstance(cell, str) and cell.lstrip().startswith(_LIST_START) and bool(re.search(r"\d", cell))


def score_list(cell: str) -> list[tuple[str, float]]:
    """The classes and scores of a cell: `[0.1, 0.9]`, numpy's `[0.1 0.9]`, `{"mac": 0.9, "pc": 0.1}`,
    `[{"label": "LABEL_1", "score": 0.9}, ...]` or one such record. Classes of plain numbers are "0", "1" ...

    ValueError for any other cell.
    """
    value = _parsed(cell)
    while isinstance(value, list | tuple) and len(value) == 1 and isinstance(value[0], list | tuple):
        value = value[0]
    if isinstance(value, dict):
        value = [value] if {"label", "score"} <= set(value) else [{"label": k, "score": v} for k, v in value.items()]
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(cell)
    try:
        if all(isinstance(one, dict) for one in value):
            return [(str(one["label"]), float(one["score"])) for one in value]
        return [(str(number), float(one)) for number, one in enumerate(value)]
    except (KeyError, TypeError):
        raise ValueError(cell) from None


def decimal_points(cells: Iterable[str]) -> bool:
    """Whether all cells are whole numbers or have a decimal comma, and some have one."""
    listed = list(cells)
    fitting = all(_WITH_COMMA.fullmatch(one) or _PLAIN.fullmatch(one) for one in listed)
    return fitting and any("," in one for one in listed)


def _with_points(spellings: Iterable[str]) -> list[str]:
    """The spellings with decimal points, and without per cent signs, where every one is written that way."""
    listed = list(spellings)
    if listed and all(one.strip().endswith("%") for one in listed):
        bare = _with_points([one.strip().removesuffix("%").strip() for one in listed])
        return [_hundredth(one) for one in bare]
    return [one.replace(",", ".") for one in listed] if decimal_points(listed) else listed


def _hundredth(text: str) -> str:
    try:
        return repr(float(text) / 100)
    except ValueError:
        return text + "%"


def _probability_number(text: str) -> float:
    value = float(text)
    if not -ROUNDING <= value <= 1 + ROUNDING:
        raise ValueError(text)
    return value


def _logit_number(text: str) -> float:
    value = float(text)
    if np.isnan(value):
        raise ValueError(text)
    return value


def _correction(spelling: str, spellings: Iterable[str]) -> str:
    """What most likely happened to a column of probabilities, one of which is none."""
    if "," in spelling:
        return "Write numbers with a decimal point, not a comma."
    values = pd.to_numeric(pd.Series(list(spellings)).str.rstrip("%"), errors="coerce")
    if (values < 0).any():
        return "If the column holds log-odds, choose it as such."
    if spelling.endswith("%") or (values > 1).sum() > 1:
        return "If the column is in per cent, divide it by 100; if it holds log-odds, choose it as such."
    return "Correct the cell, or choose another column."


def _parsed(cell: str) -> Any:
    """The value that a cell holds, as JSON, as Python, or as numbers between brackets. ValueError for none."""
    try:
        return json.loads(cell)
    except ValueError:
        pass
    try:
        return ast.literal_eval(cell.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        pass
    if "..." in cell or not cell.lstrip().startswith(_LIST_START):
        raise ValueError(cell)
    inside = re.sub(r"dtype=[\w.]+|device='[^']*'|grad_fn=<[^>]*>", "", cell)
    return [float(one) for one in _NUMBER.findall(inside)]
