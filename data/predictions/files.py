"""Files of predictions: read as tables, with scores from a second file beside them, and named by their ratio."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from closecall.data.io.errors import UserError
from closecall.data.readers.read import read_table
from closecall.data.readers.table import RawTable


@dataclass(frozen=True)
class PredictionFile:
    """A table of predictions: a path, an upload's bytes with its name, or a DataFrame.

    Ratio and seed are given when no column holds them.
    `split` is that of all its rows when no column holds it. `beside` holds the scores of the same rows in the same
    order, such as predictions.npy; `beside_name` names an upload. `model` names the classifier: each becomes an
    experiment of its own.
    """

    content: str | Path | bytes | pd.DataFrame
    name: str = ""
    ratio: float | None = None
    seed: int | None = None
    split: str = ""
    model: str = ""
    beside: str | Path | bytes | pd.DataFrame | None = None
    beside_name: str = ""

    @property
    def title(self) -> str:
        """The name of the file without its folder."""
        if self.name:
            return self.name
        if isinstance(self.content, pd.DataFrame):
            return "the DataFrame"
        return "the upload" if isinstance(self.content, bytes) else Path(self.content).name


def read_predictions(file: PredictionFile, limit: int | None = None) -> RawTable:
    """The table of a file with the columns of the file beside it. UserError when their rows do not correspond."""
    table = read_table(file.content, file.name, limit=limit)
    if file.beside is None:
        return table
    beside = read_table(file.beside, file.beside_name, limit=limit)
    for one in (table, beside):
        if len(one.rejected):
            unread = f"{len(one.rejected):,} rows could not be read"
            raise UserError(f"{one.source}: {unread}, so rows cannot be joined in order. Correct them.")
    if len(table.frame) != len(beside.frame):
        raise UserError(
            f"{table.source} has {len(table.frame):,} rows and {beside.source} {len(beside.frame):,}. "
            "Rows are joined in their order, so both need the same number."
        )
    renamed = beside.frame.rename(columns=_beside_names(table.frame.columns.tolist(), beside.frame.columns.tolist()))
    joined = f"Row i of {beside.source} belongs to row i of {table.source}."
    notes = (*table.notes, *beside.notes, joined)
    return replace(table, frame=pd.concat([table.frame, renamed], axis=1), notes=notes)


def named_ratio(text: str) -> tuple[float | None, int | None, str]:
    """The ratio and seed in the name of a column or file, and the rest: `bert_1to10` is 10 and "bert", `r5-s1` 5 and 1.

    None for what is not named.
    """
    ratio = _RATIO.search(text)
    if ratio is None:
        return None, None, _bare(text)
    value = float((ratio["to"] or ratio["r"]).replace("p", "."))
    if not 0 < value <= 1000:
        return None, None, _bare(text)
    rest = text[: ratio.start()] + " " + text[ratio.end() :]
    seed = _SEED.search(rest)
    if seed is not None:
        rest = rest[: seed.start()] + " " + rest[seed.end() :]
    return value, int(seed[1]) if seed else None, _bare(rest)


_RATIO = re.compile(
    r"(?<![0-9a-z])(?:1[\s_-]?(?:to|:|in|vs|v|x)[\s_-]?(?P<to>\d+(?:\.\d+)?)|(?:ratio|r)[\s_=-]?(?P<r>\d+(?:[.p]\d+)?))(?![0-9a-z])",
    re.IGNORECASE,
)
_SEED = re.compile(r"(?<![0-9a-z])(?:seed|s)[\s_=-]?(\d+)(?![0-9a-z])", re.IGNORECASE)
_WORDS = re.compile(
    r"(?i)(?<![a-z])(?:probabilit(?:y|ies)|probas?|probs?|scores?|preds?|predictions?|logits?|p|none)(?![a-z])"
)


def _bare(text: str) -> str:
    """A name without words for scores and without separators at its ends."""
    return re.sub(r"[\s_:.\-]+", " ", _WORDS.sub(" ", text.replace("_", " "))).strip()


def _beside_names(taken: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """New names for columns that the first table has, too."""
    return {name: "predicted_label" if name == "label" else f"{name} (scores)" for name in names if name in taken}
