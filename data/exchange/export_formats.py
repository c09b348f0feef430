"""The file formats that tables and hard-case lists are exported to: names, suffixes, writers.

To add a format, write its writer and add an entry to `EXPORT_FORMATS`. `--out` and `--form` in the terminal, their help
and the downloads of the Hard cases page follow the list. Writers are named as `module:function` and imported on use, so
that help texts are quick.
"""

from __future__ import annotations

from dataclasses import dataclass
from pkgutil import resolve_name
from typing import TYPE_CHECKING

from closecall.data.io.errors import UserError

if TYPE_CHECKING:
    from closecall.data.exchange.tables import ExportTable


@dataclass(frozen=True)
class ExportFormat:
    """A format that can be exported.

    `name` is typed after `--form`, `title` is shown. `writer` names a function of an ExportTable that returns the bytes
    of the file. `any_table` is False for formats that only fit the hard-case list. `unpacks`: the bytes are a zip
    archive, which is unpacked where the path to write is a folder. `companion` is the ending of a second file and its
    writer.
    """

    name: str
    title: str
    suffix: str
    mime: str
    writer: str
    help: str
    any_table: bool = True
    unpacks: bool = False
    companion: tuple[str, str] | None = None

    def write(self, table: ExportTable) -> bytes:
        """The file as bytes."""
        content: bytes = resolve_name(self.writer)(table)
        return content

    def write_companion(self, table: ExportTable) -> bytes:
        """The second file as bytes; only for formats that have one."""
        content: bytes = resolve_name(self.companion[1])(table) if self.companion else b""
        return content

    def file_name(self, stem: str) -> str:
        """The name of a download, such as `hard-cases.csv` or `hard-cases-argilla.json`."""
        mark = "" if self.suffix == f".{self.name}" else f"-{self.name}"
        return f"{stem}{mark}{self.suffix}"


EXPORT_FORMATS = (
    ExportFormat(
        name="csv",
        title="CSV",
        suffix=".csv",
        mime="text/csv",
        writer="closecall.data.exchange.table_files:csv_file",
        help="Cells that a spreadsheet could take for a formula begin with an apostrophe.",
    ),
    ExportFormat(
        name="jsonl",
        title="JSONL",
        suffix=".jsonl",
        mime="application/x-ndjson",
        writer="closecall.data.exchange.table_files:jsonl_file",
        help="One JSON object a row; texts are unchanged.",
    ),
    ExportFormat(
        name="parquet",
        title="Parquet",
        suffix=".parquet",
        mime="application/vnd.apache.parquet",
        writer="closecall.data.exchange.table_files:parquet_file",
        help="Texts are unchanged; the provenance is in the file's metadata, too.",
    ),
    ExportFormat(
        name="hf",
        title="Hugging Face",
        suffix=".zip",
        mime="application/zip",
        writer="closecall.data.exchange.table_files:hf_zip",
        help="A folder, or a zip of it, that datasets.load_dataset loads.",
        any_table=False,
        unpacks=True,
    ),
    ExportFormat(
        name="label-studio",
        title="Label Studio",
        suffix=".json",
        mime="application/json",
        writer="closecall.data.exchange.annotation_export:label_studio_file",
        help="Tasks to import; the labelling interface is written beside them. NUL becomes U+FFFD.",
        any_table=False,
        companion=("-interface.xml", "closecall.data.exchange.annotation_export:label_studio_interface_file"),
    ),
    ExportFormat(
        name="argilla",
        title="Argilla",
        suffix=".json",
        mime="application/json",
        writer="closecall.data.exchange.annotation_export:argilla_file",
        help="Records for dataset.records.from_json of Argilla 2. NUL becomes U+FFFD.",
        any_table=False,
    ),
)
TABLE_FORMATS = tuple(one for one in EXPORT_FORMATS if one.any_table)


def export_format(name: str, formats: tuple[ExportFormat, ...] = EXPORT_FORMATS) -> ExportFormat:
    """The format of this name. UserError that lists the known ones."""
    found = next((one for one in formats if one.name == name), None)
    if found is None:
        by_form = "" if formats == TABLE_FORMATS else ", or name one with --form"
        known = ", ".join(one.name for one in formats)
        raise UserError(
            f"{name or 'A file without a suffix'!r} is not a format for export. Formats are {known}. "
            f"Name a file that ends in {suffixes_text()}{by_form}."
        )
    return found


def suffixes_text() -> str:
    """The suffixes that name a format by themselves: ".csv, .jsonl or .parquet"."""
    suffixes = [one.suffix for one in TABLE_FORMATS]
    return f"{', '.join(suffixes[:-1])} or {suffixes[-1]}"


def format_names_text() -> str:
    """The names of all formats: "csv, jsonl, parquet, hf, label-studio or argilla"."""
    names = [one.name for one in EXPORT_FORMATS]
    return f"{', '.join(names[:-1])} or {names[-1]}"
