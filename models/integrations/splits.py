"""The datasets of a training script as columns: ids, texts, labels, metadata."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from numbers import Number
from typing import Any

import pandas as pd

from closecall.data.io.errors import UserError

INPUTS = ("input_ids", "attention_mask", "token_type_ids", "labels", "label_ids")
"""Columns that a tokenizer or a Trainer adds: no metadata."""
MAX_META = 20
"""Further columns that are kept as metadata."""


@dataclass(frozen=True)
class Split:
    """One dataset of the script. `rows[i]` is an example as the script's collate function takes it.

    `ids`, `texts`, `labels` (as written) and `meta` (text columns) are aligned with `rows`. `class_names` are those of
    a `datasets.ClassLabel`, else empty.
    """

    name: str
    rows: Any
    ids: list[str]
    texts: list[str]
    labels: list[Any]
    meta: pd.DataFrame
    class_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)


def read_split(name: str, dataset: Any, *, text: str, label: str, id: str | None) -> Split:
    """The columns of a `datasets.Dataset`, a frame, or a sequence of dicts. UserError when a column is missing.

    Without an id column the ids are hashes of the texts, so that the same text has the same id in every script.
    """
    if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
        raise UserError(f"The {name} dataset has no length. Give a dataset, a frame or a list of dicts.")
    if not len(dataset):
        raise UserError(f"The {name} dataset is empty.")
    rows = dataset.to_dict("records") if isinstance(dataset, pd.DataFrame) else dataset
    names = column_names(dataset, rows)
    wanted = {"text": text, "label": label} | ({"id": id} if id else {})
    for role, column in wanted.items():
        if column not in names:
            listed = ", ".join(map(repr, names))
            raise UserError(
                f"The {name} dataset has no column {column!r}. Name its {role} column ({role}=...): {listed}."
            )
    columns = _columns(dataset, rows, names)
    texts = ["" if one is None else str(one) for one in columns[text]]
    return Split(
        name=name,
        rows=rows,
        ids=[str(plain(one)) for one in columns[id]] if id else hashed_ids(name, texts),
        texts=texts,
        labels=[plain(one) for one in columns[label]],
        meta=_meta({key: values for key, values in columns.items() if key not in wanted.values()}),
        class_names=_class_names(dataset, label),
    )


def column_names(dataset: Any, rows: Any) -> list[str]:
    """The names of the columns of a dataset: its own list, else the keys of its first row."""
    names = getattr(dataset, "column_names", None)
    return list(names) if names is not None else [str(name) for name in rows[0]]


def plain(value: Any) -> Any:
    """A tensor or numpy number as a Python number; everything else as it is."""
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value


def hashed_ids(name: str, texts: Sequence[str]) -> list[str]:
    """Ids from the split's name and the text's hash; a text that comes again gets a number."""
    seen: dict[str, int] = {}
    ids = []
    for text in texts:
        key = f"{name}-{sha256(text.encode('utf-8', errors='surrogatepass')).hexdigest()[:16]}"
        seen[key] = seen.get(key, 0) + 1
        ids.append(key if seen[key] == 1 else f"{key}-{seen[key]}")
    return ids


def _columns(dataset: Any, rows: Any, names: Sequence[str]) -> dict[str, list[Any]]:
    """The columns by name, as Python values, those of a tokenizer left out."""
    wanted = [name for name in names if name not in INPUTS]
    if hasattr(dataset, "with_format"):  # another format would return tensors
        unformatted = dataset.with_format(None)
        return {name: list(unformatted[name]) for name in wanted}
    if isinstance(dataset, pd.DataFrame):
        return {name: dataset[name].tolist() for name in wanted}
    columns: dict[str, list[Any]] = {name: [] for name in wanted}
    for place in range(len(rows)):
        row = rows[place]
        for name in wanted:
            columns[name].append(row[name])
    return columns


def _meta(columns: dict[str, list[Any]]) -> pd.DataFrame:
    """The columns that hold one word or number a row, as texts named `meta.<name>`."""
    kept: dict[str, list[str]] = {}
    for name, values in columns.items():
        if len(kept) < MAX_META and _are_single(values):
            kept[f"meta.{name}"] = ["" if value is None else str(plain(value)) for value in values]
    return pd.DataFrame(kept)


def _are_single(values: Iterable[Any]) -> bool:
    return all(value is None or isinstance(plain(value), str | Number) for value in values)


def _class_names(dataset: Any, label: str) -> tuple[str, ...]:
    features: Any = getattr(dataset, "features", None)
    feature = features.get(label) if hasattr(features, "get") else None
    return tuple(getattr(feature, "names", None) or ())
