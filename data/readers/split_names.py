"""Which split does a source's own name mean? "dev" is validation."""

from collections.abc import Iterable

import pandas as pd

from closecall.data.io.errors import UserError

SYNONYMS = {
    "train": ("train", "training", "trn", "tr", "learn"),
    "validation": ("validation", "valid", "val", "dev", "devel", "development", "eval"),
    "test": ("test", "testing", "tst", "te", "heldout", "held-out", "holdout", "hold-out"),
}
_CANONICAL = {synonym: split for split, synonyms in SYNONYMS.items() for synonym in synonyms}


def split_name(value: str) -> str:
    """The split that a source's own name means ("dev" is validation), or "" when it is not known."""
    return _CANONICAL.get(value.strip().casefold(), "")


def split_names(values: pd.Series, column: str) -> pd.Series:
    """The splits meant by a column's values; UserError that lists those not known."""
    meant = {value: split_name(value) for value in values.unique()}
    unknown = sorted(value for value, split in meant.items() if not split)
    if unknown:
        raise UserError(
            f"Column {column} has splits that are not known: {_listed(unknown)}. "
            "Rename them to train, validation or test, or leave the split column out."
        )
    return values.map(meant)


def _listed(names: Iterable[str], most: int = 8) -> str:
    shown = list(names)
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return ", ".join(repr(name) for name in shown[:most]) + more
