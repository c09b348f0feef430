"""Atomic writes: a reader sees the old file or the new one, never a part of one."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from closecall.data.io.errors import UserError

Record = TypeVar("Record")


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is synced and replaces `path`, else it is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically. Unpaired surrogates, which broken input holds, become `?`."""
    with atomic_write(path) as temporary:
        temporary.write_bytes(text.encode("utf-8", errors="replace"))


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON object atomically, indented, keys in the order given."""
    write_text(path, json.dumps(content, ensure_ascii=False, indent=2, default=_plain) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; UserError naming the file when it is missing or broken."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing.") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as JSON ({error}). Restore it or delete its folder.") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} does not hold a JSON object. Restore it or delete its folder.")
    return content


def read_record(path: Path, record: Callable[..., Record]) -> Record | None:
    """A JSON object as a record with these fields; None without the file, or with the fields of another version."""
    if not path.exists():
        return None
    try:
        return record(**read_json(path))
    except TypeError:
        return None


def write_frame(path: Path, frame: pd.DataFrame) -> None:
    """Write a frame as Parquet, atomically."""
    with atomic_write(path) as temporary:
        frame.to_parquet(temporary, index=False)


def read_frame(path: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """Read a Parquet file; UserError naming it when it is missing or broken."""
    try:
        return pd.read_parquet(path, columns=columns)
    except FileNotFoundError:
        raise UserError(f"{path} is missing.") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as Parquet ({error}). Restore it or delete its folder.") from error


def read_columns(path: Path, columns: list[str]) -> pa.Table:
    """Read columns of a Parquet file as Arrow, without the cost of a frame; UserError as `read_frame`."""
    try:
        return pq.read_table(path, columns=columns)
    except FileNotFoundError:
        raise UserError(f"{path} is missing.") from None
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path} cannot be read as Parquet ({error}). Restore it or delete its folder.") from error


def write_array(path: Path, array: np.ndarray) -> None:
    """Write one array as .npy, atomically."""
    with atomic_write(path) as temporary:
        np.save(temporary, array, allow_pickle=False)


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays as .npz, atomically."""
    with atomic_write(path) as temporary, temporary.open("wb") as out:
        np.savez(out, allow_pickle=False, **arrays)


def write_folder(path: Path, fill: Callable[[Path], None]) -> None:
    """Call `fill` on a temporary folder beside `path`, then replace `path` by it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as holder:
        fresh = Path(holder) / "new"
        fresh.mkdir()
        fill(fresh)
        for file in fresh.rglob("*"):
            if file.is_file():
                with file.open("rb") as written:
                    os.fsync(written.fileno())
        if path.exists():
            path.rename(Path(holder) / "old")
        fresh.rename(path)


def append_line(path: Path, record: Mapping[str, Any]) -> None:
    """Append one JSON line to a log and sync it. One call writes the line, so that two writers do not mix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps(record, ensure_ascii=False, default=_plain).encode("utf-8", errors="replace") + b"\n"
    with path.open("a+b", buffering=0) as log:
        size = log.seek(0, os.SEEK_END)
        if size and os.pread(log.fileno(), 1, size - 1) != b"\n":
            line = b"\n" + line  # a crash left half a line; start a new one
        log.write(line)
        os.fsync(log.fileno())


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read a log of JSON lines. Lines that are not JSON objects, as a crash leaves them, are skipped."""
    if not path.exists():
        return []
    records = []
    for line in path.read_bytes().split(b"\n"):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            records.append(record)
    return records


def file_sha256(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    digest = sha256()
    with path.open("rb") as content:
        while block := content.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
