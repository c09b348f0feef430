"""Columns of a raw table by role: which holds the texts, labels, ids, groups and splits."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from closecall.data.io.errors import UserError
from closecall.data.readers.table import MAX_CLASSES, RawTable

SYNONYMS = {
    "train": ("train", "training", "trn", "tr", "learn"),
    "validation": ("validation", "valid", "val", "dev", "devel", "development", "eval"),
    "test": ("test", "testing", "tst", "te", "heldout", "held-out", "holdout", "hold-out"),
}
LABEL_NAMES = ("label", "labels", "class", "class_name", "category", "target", "y", "gold", "sentiment")
_CANONICAL = {synonym: split for split, synonyms in SYNONYMS.items() for synonym in synonyms}


@dataclass(frozen=True)
class ColumnRoles:
    """The column of each role, "" for none."""

    text: str = ""
    label: str = ""
    id: str = ""
    group: str = ""
    split: str = ""


def columns_overview(table: RawTable) -> pd.DataFrame:
    """Describe each column: a frame of column, distinct, missing, median_length and examples (a list of up to
    three different values, cut to 80 characters)."""
    rows = []
    for name in table.frame.columns:
        cells = table.frame[name]
        filled = cells[cells.notna() & (cells != "")]
        examples = [str(value)[:80] for value in filled.drop_duplicates().head(3)]
        length = float(filled.str.len().median()) if len(filled) else 0.0
        rows.append((name, int(filled.nunique()), int(len(cells) - len(filled)), length, examples))
    return pd.DataFrame(rows, columns=["column", "distinct", "missing", "median_length", "examples"])


def guess_columns(table: RawTable) -> ColumnRoles:
    """Propose the columns of each role by their names and contents. A person confirms the proposal."""
    overview = columns_overview(table).set_index("column")
    rows = len(table.frame)
    taken: set[str] = set()

    def pick(names: Sequence[str], fitting: pd.Series) -> str:
        candidates = [name for name in overview.index[fitting] if name not in taken]
        named = [name for wanted in names for name in candidates if name.casefold().strip() == wanted]
        if named:
            taken.add(named[0])
        return named[0] if named else ""

    is_split = pd.Series([_is_split(table.frame[name]) for name in overview.index], index=overview.index)
    split = pick(["split", "split (folder)", "fold", "set", "subset", "partition"], is_split)
    few = (overview["distinct"] >= 2) & (overview["distinct"] <= min(MAX_CLASSES, max(2, rows // 2)))
    label = pick(LABEL_NAMES, few) or pick(LABEL_NAMES, overview["distinct"] == 1)  # one class: rows sorted by class
    long = overview["distinct"] > 0
    text = pick(["text", "sentence", "content", "body", "post", "review", "comment", "message", "tweet"], long)
    unique = overview["distinct"] == rows
    identifier = pick(["id", "ids", "uid", "uuid", "doc_id", "post_id", "example_id", "idx", "index"], unique)
    group = pick(["group", "group_id", "user", "user_id", "author", "author_id", "thread", "thread_id"], long)
    rest = overview.drop(index=list(taken))
    if not text and len(rest):
        text = str(rest["median_length"].idxmax())
        rest = rest.drop(index=text)
    fewest = rest.loc[few.reindex(rest.index), "distinct"]
    if not label and len(fewest):
        label = str(fewest.idxmin())
    return ColumnRoles(text, label, identifier, group, split)


def split_name(value: str) -> str:
    """The split that a source's own name means ("dev" is validation), or "" when it is not known."""
    return _CANONICAL.get(value.strip().casefold(), "")


def split_names(values: pd.Series, column: str) -> pd.Series:
    """The splits that the values of a column name. UserError that lists the unknown values."""
    known = {value: split_name(value) for value in values.unique()}
    unknown = sorted(value for value, split in known.items() if not split)
    if unknown:
        raise UserError(
            f"Column {column} has unknown splits: {_listed(unknown)}. "
            "Rename them to train, validation or test, or leave the split column out."
        )
    return values.map(known)


def _listed(names: Iterable[str], most: int = 8) -> str:
    shown = list(names)
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return ", ".join(repr(name) for name in shown[:most]) + more


def _is_split(cells: pd.Series) -> bool:
    values = cells.dropna().unique()
    return len(values) > 0 and len(values) <= 5 and all(split_name(str(value)) for value in values)
