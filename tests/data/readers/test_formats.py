"""One list of import formats: recognised by content, else by suffix; an entry is all that a new format needs."""

from pkgutil import resolve_name

import numpy as np
import pandas as pd
import pytest

from closecall.data.io.errors import UserError
from closecall.data.readers import formats
from closecall.data.readers.formats import DELIMITED, FORMATS, JSON, PARQUET, Format, file_suffixes, find_format
from closecall.data.readers.read import read_table
from closecall.data.readers.table import RawTable, ReadOptions, Source


def read_words(source: Source, options: ReadOptions) -> RawTable:
    """A reader for the test below: one word a row."""
    with source.open() as content:
        words = content.read().decode().split()[: options.limit]
    return RawTable(pd.DataFrame({"text": words}), np.arange(1, len(words) + 1), source.name)


@pytest.mark.parametrize(
    ("name", "head", "expected"),
    [
        ("x.csv", b"text,label\n", DELIMITED),
        ("x.CSV", b'{"text": "a"}\n', JSON),
        ("x.jsonl", b'\xef\xbb\xbf{"text": "a"}\n', JSON),
        ("x.json", b"[{}]", JSON),
        ("x.csv", b"PAR1\x15", PARQUET),
        ("x", b"a\tb\n", DELIMITED),
        ("x.unknown", b"[a] b c", DELIMITED),
    ],
)
def test_content_decides_before_the_suffix(name: str, head: bytes, expected: Format) -> None:
    assert find_format(name, head) is expected


@pytest.mark.parametrize(("name", "head"), [("x.parquet", b"text,label\n"), ("x.json", b"text,label\n")])
def test_a_suffix_that_the_content_contradicts_is_refused(name: str, head: bytes) -> None:
    with pytest.raises(UserError, match=f"{name} does not hold .*, the format of its suffix"):
        find_format(name, head)


def test_every_entry_has_a_reader_a_help_text_and_suffixes_of_its_own() -> None:
    assert all(callable(resolve_name(one.reader)) and one.help for one in FORMATS)
    assert len(set(file_suffixes())) == len(file_suffixes()) and "csv" in file_suffixes()


def test_a_new_entry_is_read_offered_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    words = Format(("Words",), (".words",), "tests.data.readers.test_formats:read_words", "One word a row.")
    monkeypatch.setattr(formats, "FORMATS", (*FORMATS, words))
    assert read_table(b"one two three", "x.words", limit=2).frame["text"].tolist() == ["one", "two"]
    assert "words" in file_suffixes() and formats.file_formats_text().endswith(" or Words")
