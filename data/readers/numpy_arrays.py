"""Read NumPy files: `.npy` with one array, `.npz` with several of the same length. Nothing is unpickled."""

import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from closecall.data.io.errors import UserError
from closecall.data.readers.json_records import json_cell
from closecall.data.readers.table import RawTable, ReadOptions, Source, check_columns, gather

MAX_COLUMNS = 500
"""More columns than this are an embedding or another array, not scores of classes."""


def read_numpy(source: Source, options: ReadOptions) -> RawTable:
    """Read arrays as columns; rows are numbered from 1.

    (n,) and (n, 1) become a column, (n, K) the columns `NAME_0` ... `NAME_K-1`. NAME is `scores` in a `.npy` file.
    """
    try:
        with source.open() as content:
            loaded = np.load(content, allow_pickle=False)
            arrays = dict(loaded) if isinstance(loaded, np.lib.npyio.NpzFile) else {"scores": loaded}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{source.name} cannot be read ({_reason(error)}). Save an array of numbers by numpy.save."
        ) from None
    columns = _columns({name: array for name, array in arrays.items() if array.ndim}, source.name)
    check_columns(list(columns), options.columns or (), source.name)
    kept = {name: array[: options.limit] for name, array in columns.items() if name in (options.columns or columns)}
    length = len(next(iter(kept.values())))
    cells = {name: [json_cell(value) for value in _plain(array)] for name, array in kept.items()}
    frame, rows, notes = gather(source, [(range(1, length + 1), cells)])
    return RawTable(frame, rows, source.name, "", tuple(notes))


def _columns(arrays: Mapping[str, Any], source: str) -> dict[str, np.ndarray]:
    """The arrays cut into columns. UserError for arrays of other shapes or lengths."""
    columns: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        flat = array if array.ndim == 2 else array[:, None] if array.ndim == 1 else None
        if flat is None or flat.shape[1] > MAX_COLUMNS:
            raise UserError(
                f"{source}: array {name} has the shape {array.shape}; scores have the shape (n,) or (n, classes)."
            )
        single = flat.shape[1] == 1
        columns |= {name if single else f"{name}_{number}": flat[:, number] for number in range(flat.shape[1])}
    lengths = {len(array) for array in columns.values()}
    if len(lengths) != 1 or 0 in lengths:
        raise UserError(f"{source} needs arrays with the same number of rows, at least one; it has {sorted(lengths)}.")
    return columns


def _plain(array: np.ndarray) -> list[Any]:
    if array.dtype.kind == "S":
        return [value.decode("utf-8", "replace") for value in array.tolist()]
    return list(array.tolist())


def _reason(error: Exception) -> str:
    if "pickle" in str(error) or "object" in str(error).casefold():
        return "it holds Python objects, not numbers"
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__
