"""The file formats that can be imported: names, suffixes, how to recognise them, and their readers.

To add a format, write its reader and add an entry to `FORMATS`. `read_table`, the terminal's help and the app's
uploaders follow the list. Readers are named as `module:function` and imported on use, so that help texts are quick.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from pkgutil import resolve_name
from typing import TYPE_CHECKING

from closecall.data.io.errors import UserError

if TYPE_CHECKING:
    from closecall.data.readers.table import RawTable, ReadOptions, Source

HEAD_BYTES = 4096
"""How much of a file is looked at to recognise its format."""


@dataclass(frozen=True)
class Format:
    """A format that can be imported.

    `reader` names a function of a Source and ReadOptions that returns a RawTable. `is_certain` and `is_possible` look
    at the first HEAD_BYTES of a file: whether its content alone identifies the format, and whether a file with one of
    the suffixes can be of the format. `folder` is True for a folder in place of a file.
    """

    names: tuple[str, ...]
    suffixes: tuple[str, ...]
    reader: str
    help: str
    is_certain: Callable[[bytes], bool] = lambda head: False
    is_possible: Callable[[bytes], bool] = lambda head: True
    folder: bool = False

    def read(self, source: Source, options: ReadOptions) -> RawTable:
        """Read a source of this format. UserError when it is broken."""
        table: RawTable = resolve_name(self.reader)(source, options)
        return table


def _json_start(head: bytes) -> bytes:
    return head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")[:1]


def _is_parquet(head: bytes) -> bool:
    return head.startswith(b"PAR1")


DELIMITED = Format(
    names=("CSV", "TSV"),
    suffixes=(".csv", ".tsv", ".txt", ".tab"),
    reader="closecall.data.readers.delimited:read_delimited",
    help="Encoding, delimiter, quotes and header are detected.",
)
JSON = Format(
    names=("JSON Lines", "JSON"),
    suffixes=(".jsonl", ".ndjson", ".json"),
    reader="closecall.data.readers.json_records:read_json_records",
    help="One record a line, or one array of records.",
    is_certain=lambda head: _json_start(head) == b"{" and b'":' in head.replace(b" ", b""),
    is_possible=lambda head: _json_start(head) in (b"{", b"["),
)
PARQUET = Format(
    names=("Parquet",),
    suffixes=(".parquet", ".pq"),
    reader="closecall.data.readers.arrow_files:read_parquet",
    help="Class numbers become class names where the file names them.",
    is_certain=_is_parquet,
    is_possible=_is_parquet,
)
NUMPY = Format(
    names=("NumPy",),
    suffixes=(".npy", ".npz"),
    reader="closecall.data.readers.numpy_arrays:read_numpy",
    help="Scores of classes; an array with two dimensions becomes a column for each class.",
    is_certain=lambda head: head.startswith(b"\x93NUMPY"),
    is_possible=lambda head: head.startswith((b"\x93NUMPY", b"PK\x03\x04")),
)
HF_FOLDER = Format(
    names=("folder saved by Hugging Face datasets",),
    suffixes=(),
    reader="closecall.data.readers.arrow_files:read_hf_folder",
    help="As save_to_disk writes it; the splits become a column.",
    folder=True,
)
FORMATS = (DELIMITED, JSON, PARQUET, NUMPY, HF_FOLDER)

_NOT_READABLE = {
    b"PK\x03\x04": "an Excel workbook or a zip archive: save the sheet as CSV, or unpack the archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook: save the sheet as CSV",
    b"\x1f\x8b": "compressed with gzip: unpack it first",
    b"BZh": "compressed with bzip2: unpack it first",
    b"\xfd7zXZ": "compressed with xz: unpack it first",
    b"\x28\xb5\x2f\xfd": "compressed with zstd: unpack it first",
    b"%PDF": "a PDF: save its texts as CSV",
    b"SQLite format 3": "an SQLite database: export the table as CSV",
    b"ARROW1": "an Arrow or Feather file: save it as Parquet",
}
"""First bytes of files that people try to import, and what to do with them."""


def find_format(name: str, head: bytes) -> Format:
    """The format of a file: by its first bytes where they identify one, else by its name, else delimited text.

    UserError for a known format that cannot be imported, and for a file that is not what its suffix says.
    """
    certain = next((one for one in FORMATS if one.is_certain(head)), None)
    if certain:
        return certain
    named = named_format(name) or DELIMITED
    for magic, what in _NOT_READABLE.items():
        if head.startswith(magic) and named is not NUMPY:
            raise UserError(f"{name} is {what}.")
    if not named.is_possible(head):
        raise UserError(
            f"{name} does not hold {named.names[-1]}, the format of its suffix. Check how it was written, or rename it."
        )
    return named


def named_format(name: str) -> Format | None:
    """The format that the suffix of a file name stands for, None for an unknown suffix."""
    suffix = PurePath(name).suffix.lower()
    return next((one for one in FORMATS if suffix in one.suffixes), None)


def file_suffixes() -> list[str]:
    """The suffixes of all formats, without the point, as an uploader takes them."""
    return [suffix.removeprefix(".") for one in FORMATS for suffix in one.suffixes]


def file_formats_text() -> str:
    """The formats of files in words: "CSV, TSV, JSON Lines, JSON or Parquet"."""
    names = [name for one in FORMATS if not one.folder for name in one.names]
    return f"{', '.join(names[:-1])} or {names[-1]}"


def folder_formats_text() -> str:
    """The formats of folders in words: "a folder saved by Hugging Face datasets"."""
    return " or ".join(f"a {name}" for one in FORMATS if one.folder for name in one.names)
