"""Where examples stand in a frame or array, by id."""

from collections.abc import Iterable

import numpy as np
import pandas as pd


def places_of(index: pd.Index, ids: Iterable[str]) -> np.ndarray:
    """The row numbers of ids, -1 for those that are not there."""
    wanted = ids if isinstance(ids, np.ndarray) else list(ids)
    return index.get_indexer(pd.Index(np.asarray(wanted, dtype=object), dtype=object))


def place_of(index: pd.Index, one: str) -> int:
    """The row number of one id, -1 when it is not there."""
    try:
        place = index.get_loc(one)
    except KeyError:
        return -1
    return place if isinstance(place, int) else -1
