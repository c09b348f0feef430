"""The labelled examples of a frame, checked, and their dataset in the workspace: made once, found again."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
import pandas as pd

from closecall.api.frames import metadata_names, row_name
from closecall.data.datasets.store import (
    Dataset,
    DatasetInfo,
    dataset_of_source,
    fresh_dataset_name,
    load_dataset,
    save_dataset,
)
from closecall.data.io.errors import UserError
from closecall.data.io.workspace import slug
from closecall.data.predictions.classes import choose_positive
from closecall.data.predictions.saving import predicted_dataset
from closecall.data.predictions.validation import with_labels
from closecall.data.readers.columns import split_names
from closecall.data.readers.frames import cell_text, frame_sha256
from closecall.data.readers.read import read_table
from closecall.data.readers.table import MAX_CLASSES, nearest

Positive = str | int | float | bool | Sequence[Any] | None
"""The value of the positive class in the label column, or several; None when the labels imply it (1, yes, true)."""


@dataclass(frozen=True)
class TruthColumns:
    """Names of the columns of a frame; None for absent ones. `metadata` None: all others with single values."""

    text: str | None
    label: str
    id: str | None = None
    split: str | None = None
    metadata: Sequence[str] | str | None = None

    @property
    def roles(self) -> list[str]:
        """The columns with a role, each once."""
        named = (self.text, self.label, self.id, self.split)
        return list(dict.fromkeys(str(one) for one in named if one is not None))


@dataclass(frozen=True)
class Truth:
    """Labelled examples. `rows`: id, text, label (0 or 1), class_name, split, source_row (its position) and
    `meta.<name>`, aligned with the frame. `classes`: the negative and the positive class names.
    """

    rows: pd.DataFrame
    classes: tuple[tuple[str, ...], tuple[str, ...]]


def read_truth(frame: pd.DataFrame, columns: TruthColumns, positive: Positive, *, others: Sequence[str] = ()) -> Truth:
    """Check the labels, ids, texts and splits of a frame. `others` are columns with another role, such as the ratio.

    Ids are those of the id column, else the index where it is unique, else the positions. UserError for an unknown
    column, a missing label or id, an unknown positive class, and for labels of one class.
    """
    kept = metadata_names(frame, columns.metadata, [*columns.roles, *others])
    table = read_table(frame, columns=list(dict.fromkeys([*columns.roles, *kept])))
    cells = table.frame
    classes, labels, names = _classes(_filled(cells, str(columns.label), "label"), str(columns.label), positive)
    rows = pd.DataFrame(
        {
            "id": _ids(frame, cells, columns.id),
            "text": "" if columns.text is None else cells[str(columns.text)].fillna("").astype(object),
            "label": labels.astype(np.int8),
            "class_name": classes.astype(object),
            "split": _splits(cells, columns.split),
            "source_row": np.arange(len(cells)),
        }
    )
    further = {f"meta.{name}": cells[name] for name in kept}
    return Truth(pd.concat([rows, pd.DataFrame(further, index=rows.index)], axis=1), names)


def truth_dataset(truth: Truth, title: str) -> tuple[Dataset, bool]:
    """The dataset of these examples, without training ones, and whether it was made now.

    An earlier one with the same content is used again. Where an id has several rows (runs), the first counts.
    """
    examples = truth.rows[truth.rows["split"] != "train"].drop_duplicates("id").assign(group="")
    digest = _digest(examples, truth.classes)
    known = dataset_of_source(digest)
    if known is not None:
        return load_dataset(known), False
    negatives, positives = truth.classes
    info = DatasetInfo(
        name=fresh_dataset_name(slug(title)),
        title=title,
        positive_classes=positives,
        negative_classes=negatives,
        origin="A DataFrame in Python",
        source_sha256=digest,
    )
    examples = examples.reset_index(drop=True)
    return save_dataset(predicted_dataset(info, examples, examples.filter(regex=r"^meta\."))), True


def _classes(
    cells: pd.Series, column: str, positive: Positive
) -> tuple[pd.Series, pd.Series, tuple[tuple[str, ...], tuple[str, ...]]]:
    """The class name and the label (0 or 1) of each row, and the names of the negative and the positive classes."""
    present, wanted = list(cells.unique()), class_texts(positive)
    if len(present) > MAX_CLASSES:
        raise UserError(f"Column {column!r} has {len(present):,} different values; choose the column of the labels.")
    for name in wanted:
        if name not in present:
            near = nearest(name, present)
            raise UserError(f"Column {column!r} has no class {name!r}{near} Its classes are {_listed(present)}.")
    if len(present) < 2 or set(present) <= set(wanted):
        raise UserError(f"Column {column!r} needs a positive and a negative class; it holds {_listed(present)}.")
    if len(present) > 2 and not wanted:
        raise UserError(f"Column {column!r} has {len(present)} classes: {_listed(present)}. Name the positive one.")
    placed = pd.DataFrame({"label": cells})
    classes, _ = choose_positive(placed, wanted, None, guess=False)
    rows, names = with_labels(placed, classes), classes.names
    negatives = tuple(names[one] for one in present if one in classes.negatives)
    return rows["class_name"], rows["label"], (negatives, tuple(names[one] for one in classes.positives))


def class_texts(positive: Positive) -> tuple[str, ...]:
    """The positive classes as they are written in a table."""
    if positive is None:
        return ()
    several = list(positive) if isinstance(positive, list | tuple | set | frozenset | np.ndarray) else [positive]
    return tuple(str(cell_text(one)).strip() for one in several)


def _filled(cells: pd.DataFrame, column: str, what: str) -> pd.Series:
    values = cells[column].fillna("").astype(object).str.strip()
    empty = np.flatnonzero(values == "")
    if len(empty):
        raise UserError(
            f"Column {column!r}: there is no {what} in {row_name(int(empty[0]))} ({len(empty):,} such rows). "
            "Fill it, or leave these rows out."
        )
    return values


def _ids(frame: pd.DataFrame, cells: pd.DataFrame, column: str | None) -> pd.Series:
    if column is not None:
        return _filled(cells, str(column), "id")
    positions = pd.Series(np.arange(len(frame)).astype(str), dtype=object)
    if frame.index.nlevels > 1 or not frame.index.is_unique or frame.index.hasnans:
        return positions
    if pd.api.types.is_integer_dtype(frame.index.dtype):
        return pd.Series(frame.index.astype(str), dtype=object)
    texts = pd.Series([str(cell_text(one)).strip() for one in frame.index], dtype=object)
    return texts if texts.is_unique and (texts != "").all() else positions


def _splits(cells: pd.DataFrame, column: str | None) -> pd.Series | str:
    return "test" if column is None else split_names(_filled(cells, str(column), "split"), str(column))


def _digest(examples: pd.DataFrame, classes: tuple[tuple[str, ...], tuple[str, ...]]) -> str:
    """A hash of everything that the dataset holds."""
    cells = frame_sha256(examples.drop(columns="source_row"))
    return sha256(f"{cells} {classes}".encode()).hexdigest()


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:20])) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
