"""What users hand over as data, as a DataFrame; its columns by name; and the notation of ratios and seeds."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from closecall.data.datasets.preparation import MAX_META
from closecall.data.io.errors import UserError
from closecall.data.predictions.rows import ratio_number, seed_number

SPLIT = "split"
"""The column that tells apart the frames of a mapping such as a DatasetDict."""


def as_frame(data: Any) -> pd.DataFrame:
    """The data as a DataFrame: a DataFrame, a mapping of splits, or anything with `to_pandas`, such as a Dataset of
    Hugging Face, a polars DataFrame or an Arrow table. Class numbers of a Dataset become class names.

    UserError for anything else.
    """
    if isinstance(data, pd.DataFrame):
        return data
    if isinstance(data, Mapping) and data:
        parts = [as_frame(part) for part in data.values()]
        if any(SPLIT in part for part in parts):
            raise UserError(f"The splits have a column {SPLIT!r} already. Rename it, or pass one DataFrame.")
        named = [part.assign(**{SPLIT: str(name)}) for name, part in zip(data, parts, strict=True)]
        return pd.concat(named, ignore_index=True)
    if not hasattr(data, "to_pandas"):
        raise UserError(f"Pass a pandas DataFrame or a Hugging Face Dataset, not {_kind(data)}.")
    frame: pd.DataFrame = data.to_pandas()
    names = {column: getattr(kind, "names", None) for column, kind in (getattr(data, "features", None) or {}).items()}
    classes = {column: dict(enumerate(known)) for column, known in names.items() if known}
    return frame.assign(**{column: frame[column].map(known) for column, known in classes.items()})


def metadata_names(frame: pd.DataFrame, metadata: Sequence[str] | str | None, roles: Sequence[str]) -> list[str]:
    """The columns that are kept as metadata: the named ones, or up to MAX_META others with one value in each cell."""
    if metadata is not None:
        return list(dict.fromkeys([metadata] if isinstance(metadata, str) else map(str, metadata)))
    others = [name for name in frame.columns if str(name) not in roles]
    return [str(name) for name in others if _has_plain_values(frame[name])][:MAX_META]


def read_ratio(value: Any) -> float:
    """The r of `1:r` from 10, "10" or "1:10". UserError otherwise."""
    try:
        return ratio_number(str(value))
    except ValueError:
        raise UserError(f"{value!r} is not a ratio. Write the negatives per positive as 10 or as '1:10'.") from None


def read_seed(value: Any) -> int:
    """A seed from 3, 3.0 or "3". UserError otherwise."""
    try:
        return int(seed_number(str(value)))
    except ValueError:
        raise UserError(f"{value!r} is not a seed. Write a whole number from 0 on.") from None


def row_name(position: int) -> str:
    """A row for messages, as a notebook finds it again."""
    return f"row {position} (.iloc[{position}])"


def _has_plain_values(column: pd.Series) -> bool:
    """Whether the first values are single ones: no lists, arrays or records, such as embeddings or logits."""
    return all(pd.api.types.is_scalar(value) for value in column.head(100))


def _kind(data: Any) -> str:
    return "an empty mapping" if isinstance(data, Mapping) else f"a {type(data).__name__}"
