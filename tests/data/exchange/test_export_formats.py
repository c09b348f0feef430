"""One list of export formats: an entry is all that a new format needs."""

from pathlib import Path
from pkgutil import resolve_name

import pandas as pd
import pytest

from closecall.data.exchange import export_formats, table_files
from closecall.data.exchange.export_formats import EXPORT_FORMATS, TABLE_FORMATS, ExportFormat, export_format
from closecall.data.exchange.table_files import write_table
from closecall.data.exchange.tables import ExportTable, Provenance

ORIGIN = Provenance("posts", "0" * 64, "sweep")


def write_ids(table: ExportTable) -> bytes:
    """A writer for the test below: the ids alone."""
    return "\n".join(table.frame["id"]).encode()


def test_every_entry_has_writers_a_help_text_and_a_file_name_of_its_own() -> None:
    writers = [one.writer for one in EXPORT_FORMATS] + [one.companion[1] for one in EXPORT_FORMATS if one.companion]
    assert all(callable(resolve_name(writer)) for writer in writers)
    assert all(one.help and one.mime for one in EXPORT_FORMATS)
    names = [one.file_name("list") for one in EXPORT_FORMATS]
    assert len(set(names)) == len(names) and {"list.csv", "list-argilla.json"} <= set(names)


def test_only_formats_for_any_table_are_named_by_their_suffix() -> None:
    assert [one.suffix for one in TABLE_FORMATS] == [f".{one.name}" for one in TABLE_FORMATS]
    assert export_format("hf").unpacks and not export_format("hf").any_table


def test_a_new_entry_is_written_by_its_suffix(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ids = ExportFormat("ids", "Ids", ".ids", "text/plain", "tests.data.exchange.test_export_formats:write_ids", "Ids.")
    for module in (export_formats, table_files):
        monkeypatch.setattr(module, "TABLE_FORMATS", (*TABLE_FORMATS, ids))
    write_table(pd.DataFrame({"id": ["a", "b"]}), tmp_path / "list.ids", ORIGIN)
    assert (tmp_path / "list.ids").read_text() == "a\nb"
    assert export_formats.suffixes_text() == ", ".join(one.suffix for one in TABLE_FORMATS) + " or .ids"
