"""Read Parquet files and folders saved by Hugging Face `datasets`; replace class numbers by class names."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from closecall.data.io.errors import UserError
from closecall.data.io.files import file_sha256, read_json
from closecall.data.readers.json_records import json_cell
from closecall.data.readers.table import BATCH, Batch, RawTable, ReadOptions, Source, check_columns, gather

ClassNames = Mapping[str, Sequence[str]]
"""Class names of each ClassLabel column, in the order of their numbers."""
Piece = tuple[str, ClassNames, pa.RecordBatch]
"""The name of a split, its class names, and a batch of its rows."""


def read_parquet(source: Source, options: ReadOptions) -> RawTable:
    """Read a Parquet file batch by batch; rows are numbered from 1."""
    columns = options.columns
    with _readable(source.name), source.open() as content:
        file = pq.ParquetFile(content)
        names = _require_distinct(list(file.schema_arrow.names), source.name)
        check_columns(names, columns or (), source.name)
        classes = _class_names(file.schema_arrow.metadata)
        pieces = (("", classes, piece) for piece in file.iter_batches(BATCH, columns=list(columns or names)))
        frame, rows, notes = gather(source, _batches(pieces, columns or names, "", options.limit))
    return RawTable(frame, rows, source.name, "", tuple(notes))


def read_hf_folder(source: Source, options: ReadOptions) -> RawTable:
    """Read a folder written by `Dataset.save_to_disk` or `DatasetDict.save_to_disk`.

    The splits of a DatasetDict become a column `split` (`split (folder)` when that name is taken); rows are numbered
    from 1 through all splits.
    """
    assert isinstance(source.content, Path)
    folder, columns = source.content, options.columns
    parts = _split_folders(folder)
    with _readable(folder.name):
        names = next((list(piece.schema.names) for _, _, piece in _pieces(parts)), None)
        if names is None:
            raise UserError(f"{folder} holds no rows.")
        _require_distinct(names, folder.name)
        split_column = "" if "" in parts else "split (folder)" if "split" in names else "split"
        offered = [*names, *([split_column] if split_column else [])]
        check_columns(offered, columns or (), folder.name)
        batches = _batches(_pieces(parts), columns or offered, split_column, options.limit)
        frame, rows, notes = gather(Source(folder.name, folder), batches)
    if split_column:
        notes.append(f"Splits in the folder: {', '.join(parts)}; rows are numbered through them in this order.")
    return RawTable(frame, rows, folder.name, "" if options.limit else _sha256(parts), tuple(notes))


def _require_distinct(names: list[str], source: str) -> list[str]:
    """Return the names; UserError when two columns have the same name."""
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{source} has two columns named {name!r}. Rename one of them.")
    return names


def _sha256(parts: Mapping[str, Path]) -> str:
    """The sha256 of all Arrow files of a saved folder, in the order of its splits."""
    digest = sha256()
    for part in parts.values():
        for shard in _shards(part):
            digest.update(file_sha256(shard).encode())
    return digest.hexdigest()


def _split_folders(folder: Path) -> dict[str, Path]:
    """The folder of each split by name; one split named "" for a single Dataset."""
    if (folder / "dataset_dict.json").exists():
        names = read_json(folder / "dataset_dict.json").get("splits", [])
        return {str(name): folder / Path(str(name)).name for name in names}
    if (folder / "state.json").exists():
        return {"": folder}
    raise UserError(
        f"{folder} is a folder, but not one that Hugging Face datasets saved (there is no dataset_dict.json or "
        "state.json in it). Name a file, or a folder written by save_to_disk."
    )


def _shards(folder: Path) -> list[Path]:
    listed = read_json(folder / "state.json").get("_data_files", [])
    shards = [folder / Path(str(one.get("filename", ""))).name for one in listed]
    for shard in shards:
        if not shard.is_file():
            raise UserError(f"{shard} is missing: the saved dataset is not complete. Copy the whole folder again.")
    return shards


def _stream(file: Any) -> Any:
    """The Arrow reader of a shard. `datasets` writes the stream format, other tools the file format."""
    try:
        return pa.ipc.open_stream(file)
    except pa.ArrowInvalid:
        file.seek(0)
        return pa.ipc.open_file(file)


def _record_batches(reader: Any) -> Iterator[pa.RecordBatch]:
    if hasattr(reader, "num_record_batches"):
        return (reader.get_batch(number) for number in range(reader.num_record_batches))
    return iter(reader)


def _pieces(parts: Mapping[str, Path]) -> Iterator[Piece]:
    """The record batches of a saved folder, split by split."""
    for split, folder in parts.items():
        described = _features(read_json(folder / "dataset_info.json").get("features"))
        for path in _shards(folder):
            with pa.OSFile(str(path)) as file:
                reader = _stream(file)
                classes = described or _class_names(reader.schema.metadata)
                yield from ((split, classes, piece) for piece in _record_batches(reader))


def _batches(pieces: Iterator[Piece], columns: Sequence[str], split_column: str, limit: int | None) -> Iterator[Batch]:
    done = 0
    for split, classes, piece in pieces:
        part = piece if limit is None else piece.slice(0, limit - done)
        names = [name for name in columns if name in part.schema.names]
        cells: dict[str, Any] = {name: _cells(part.column(name), classes.get(name)) for name in names}
        if split_column in columns:
            cells[split_column] = [split] * len(part)
        yield range(done + 1, done + len(part) + 1), cells
        done += len(part)
        if limit is not None and done >= limit:
            return


def _cells(array: pa.Array, names: Sequence[str] | None) -> pa.Array | list[str | None]:
    """A column as strings: class names for class numbers, whole floats without a point, nested values as JSON."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if names is not None and pa.types.is_integer(array.type):
        numbers = array.to_pylist()
        return [names[one] if one is not None and 0 <= one < len(names) else None for one in numbers]
    kind = array.type
    if pa.types.is_nested(kind) or pa.types.is_floating(kind):
        return [json_cell(value) for value in array.to_pylist()]
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return [None if value is None else value.decode("utf-8", "replace") for value in array.to_pylist()]
    return pc.cast(array, pa.large_string())


def _class_names(metadata: Mapping[bytes, bytes] | None) -> ClassNames:
    """Class names that Hugging Face stores in the metadata of a file."""
    try:
        described = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, ValueError, TypeError):
        return {}
    return _features(described)


def _features(described: Any) -> ClassNames:
    if not isinstance(described, dict):
        return {}
    kinds = {name: one for name, one in described.items() if isinstance(one, dict)}
    return {name: one["names"] for name, one in kinds.items() if one.get("_type") == "ClassLabel" and one.get("names")}


@contextmanager
def _readable(name: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{name} cannot be read ({str(error).splitlines()[0][:200]}). Write it again.") from error
