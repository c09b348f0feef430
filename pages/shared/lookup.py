"""Where examples stand in a frame or array, by id."""

from collections.abc import Iterable

import numpy as np
import pandas as pd


def places_of(index: pd.Index, ids: Iterable[str]) -> np.ndarray:
    """The row numbers of ids, -1 for those that are not there."""
    return index.get_indexer(pd.Index(np.asarray(list(ids), dtype=object)))


def place_of(index: pd.Index, one: str) -> int:
    """The row number of one id, -1 when it is not there."""
    return int(places_of(index, [one])[0])
