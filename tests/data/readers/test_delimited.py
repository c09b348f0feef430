"""Delimited files: their form is found and said, and no row is lost unsaid."""

import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from closecall.data.io.errors import UserError
from closecall.data.io.files import file_sha256
from closecall.data.readers.read import read_table
from closecall.data.readers.table import RawTable

HOSTILE = [
    "<script>alert('x')</script>",
    '=HYPERLINK("http://localhost","click")',
    "\u202eright to left \u05e9\u05dc\u05d5\u05dd",
    "\U0001f600 \U0001f469\u200d\U0001f4bb emoji",
    "line one\nline two\r\nline three",
    'she said "no", twice',
    "tab\there; semicolon | bar",
    "a" * 100_000,
    "NA",
    "null",
    " leading and trailing ",
]


def csv(text: str, name: str = "posts.csv", **choices: object) -> RawTable:
    return read_table(text.encode(), name, **choices)  # type: ignore[arg-type]


def rows(table: RawTable) -> list[list[str]]:
    return table.frame.to_numpy().tolist()


def test_a_csv_is_read_with_the_lines_on_which_its_records_start() -> None:
    table = csv('text,label\n"a\nb ""c"", d",1\n\nplain,0\n')
    assert rows(table) == [['a\nb "c", d', "1"], ["plain", "0"]]
    assert table.source_rows.tolist() == [2, 5]
    assert table.notes == () and table.rejected.empty


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_the_delimiter_is_found_and_noted(delimiter: str) -> None:
    body = "\n".join(f'"text, one; two | three\t{n}"{delimiter}{n % 2}' for n in range(30))
    table = csv(f"text{delimiter}label\n{body}\n", "posts.txt")
    assert list(table.frame) == ["text", "label"] and len(table.frame) == 30
    assert (delimiter == ",") == (not table.notes)


def test_a_delimiter_that_is_named_is_taken() -> None:
    assert rows(csv("text~label\na,b~1\nc~0\n", delimiter="~")) == [["a,b", "1"], ["c", "0"]]
    with pytest.raises(UserError, match="cannot separate columns"):
        csv("text,label\na,1\n", delimiter="::")


def test_tsv_texts_with_stray_quotes_keep_all_their_rows() -> None:
    table = csv('text\tlabel\n"Hello he said\t1\nfoo\t0\n"Bar\t1\n', "posts.tsv")
    assert rows(table) == [['"Hello he said', "1"], ["foo", "0"], ['"Bar', "1"]]
    assert any("Quotation marks are taken as part of the texts" in note for note in table.notes)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r'text,label\n"he said \"hi, you\" ok",1\n"b, c",0\nd,0\n', ['he said "hi, you" ok', "b, c", "d"]),
        (r'label, text\n1, "a, b"\n0, "c, d"\n0, e\n', ["a, b", "c, d", "e"]),
        (r'sep=;\ntext;label\n"a, b; c";1\nd;0\n', ["a, b; c", "d"]),
    ],
)
def test_other_ways_to_write_quotes_and_delimiters_are_found(text: str, expected: list[str]) -> None:
    assert csv(text.replace(r"\n", "\n")).frame["text"].tolist() == expected


def test_backslashes_stay_where_quotes_enclose_cells() -> None:
    assert csv('text,label\n"a\\\\b, c\\",1\n"d, ""e""",0\n').frame["text"].tolist() == ["a\\\\b, c\\", 'd, "e"']


def test_a_stray_quote_late_in_a_large_file_loses_no_row() -> None:
    late = '"Hello he said\t1\n' + "".join(f"later {n}\t1\n" for n in range(10))
    early = "".join(f"{'long ' * 120}, number {n}\t{n % 2}\n" for n in range(2_000))
    for end in ("", 'and "this\t0\n', '"Bar\t1\n'):
        table = csv(f"text\tlabel\n{early}{late}{end}", "posts.tsv")
        assert len(table.frame) == 2_011 + bool(end) and table.rejected.empty
        assert table.frame["text"].iloc[2_000] == '"Hello he said'


def test_a_cell_with_lines_like_rows_is_kept_and_noted() -> None:
    table = csv('text,label\n"x, y",1\n"list:\na,b\nc,d\ne,f\nend",0\n"x, z",0\n')
    assert table.frame["text"].iloc[1] == "list:\na,b\nc,d\ne,f\nend"
    assert table.notes == (
        "The record on line 3 holds lines that look like rows: a quotation mark may not be closed there.",
    )


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_is_read(ending: str) -> None:
    table = csv(ending.join(["text,label", "a,1", "b,0"]))
    assert rows(table) == [["a", "1"], ["b", "0"]] and table.source_rows.tolist() == [2, 3]


@pytest.mark.parametrize(
    "first",
    ["3,Fears for pension", "good movie,pos", '"' + "long " * 30 + '",x'],
)
def test_a_first_row_of_data_is_not_taken_for_names(first: str) -> None:
    table = csv(f"{first}\n4,other\nfine,pos\nok,pos\n")
    assert list(table.frame) == ["column 1", "column 2"]
    assert len(table.frame) == 4 and table.source_rows[0] == 1
    assert any("first row is taken as data" in note for note in table.notes)


@pytest.mark.parametrize("head", ["text,label", "0,1", "1,2", "Text,Label"])
def test_column_names_are_taken_for_names(head: str) -> None:
    table = csv(f"{head}\ngood,1\nbad,0\ngood,1\n")
    assert list(table.frame) == head.split(",") and len(table.frame) == 3


def test_the_header_option_is_used() -> None:
    assert csv("a,b\nc,d\n", header=False).frame["column 1"].tolist() == ["a", "c"]
    assert list(csv("3,b\nc,d\n", header=True).frame) == ["3", "b"]


def test_an_index_column_and_duplicate_column_names_get_distinct_names() -> None:
    table = csv(",text,text,label\n0,a,x,1\n1,b,y,0\n")
    assert list(table.frame) == ["column 1", "text", "text (3)", "label"]
    assert table.notes == ("Two columns are named 'text'; the later one is called 'text (3)'.",)


def test_rows_that_do_not_fit_are_set_aside_with_their_lines() -> None:
    table = csv("text,label\nfine,1\na, b, c,1\nshort\nempty cells more,0,,\ntext,label\nlast,0\n")
    assert table.frame["text"].tolist() == ["fine", "empty cells more", "last"]
    assert table.rejected[["source_row", "reason"]].to_numpy().tolist() == [
        [3, "has 4 cells where 2 are expected"],
        [4, "has 1 cells where 2 are expected"],
        [6, "repeats the column names"],
    ]
    assert table.notes == ("Rows set aside because they do not fit the header: 3.",)


def test_a_hostile_csv_comes_back_as_it_was_written(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": HOSTILE, "label": ["1", "0"] * 5 + ["1"]})
    path = tmp_path / "hostile.csv"
    frame.to_csv(path, index=False)
    table = read_table(path)
    assert table.frame["text"].tolist() == HOSTILE
    assert table.sha256 == file_sha256(path)


cells = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(cells, st.sampled_from(["yes", "no"])), min_size=1, max_size=30))
def test_whatever_pandas_writes_is_read_back(pairs: list[tuple[str, str]]) -> None:
    frame = pd.DataFrame(pairs, columns=["a text column", "a label column"], dtype=str)
    buffer = io.StringIO(newline="")
    frame.to_csv(buffer, index=False, quoting=1)
    table = read_table(buffer.getvalue().encode(), "x.csv", delimiter=",", encoding="utf-8", header=True)
    assert table.frame["a text column"].tolist() == [text.replace("\0", " ") for text, _ in pairs]
    assert table.frame["a label column"].tolist() == [label for _, label in pairs]
