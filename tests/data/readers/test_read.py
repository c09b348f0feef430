"""Whatever is brought, reading ends in a table or in a sentence; columns are described and proposed."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import closecall.data.readers.table
from closecall.data.io.errors import UserError
from closecall.data.readers.columns import ColumnRoles, columns_overview, guess_columns
from closecall.data.readers.read import read_table
from closecall.data.readers.table import RawTable


def csv(text: str, name: str = "posts.csv", **choices: object) -> RawTable:
    return read_table(text.encode(), name, **choices)  # type: ignore[arg-type]


def test_columns_and_a_limit_can_be_chosen(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": ["a", "b", "c"], "label": ["1", "0", "1"], "more": ["x", "y", "z"]})
    frame.to_csv(tmp_path / "x.csv", index=False)
    frame.to_parquet(tmp_path / "x.parquet")
    frame.to_json(tmp_path / "x.jsonl", orient="records", lines=True)
    for name in ("x.csv", "x.parquet", "x.jsonl"):
        table = read_table(tmp_path / name, columns=["label", "text"], limit=2)
        assert set(table.frame) == {"text", "label"} and table.frame["text"].tolist() == ["a", "b"]
        assert table.sha256 == ""
        with pytest.raises(UserError, match=r"has no column 'txt'\. Is 'text' meant\?"):
            read_table(tmp_path / name, columns=["txt"])


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [
        (b"", "x.csv", "x.csv is empty"),
        (b"\n\n \n", "x.csv", "x.csv is empty"),
        (b" \n", "x.jsonl", "does not hold JSON"),
        (b"text,label\n", "x.csv", "no rows below its header"),
        (b"just text\nmore\n", "x.csv", "only one column"),
        (b'text,label\n"never, closed,1\nfoo,0\n', "x.csv", "starts on line 2 is never closed"),
        (b"text,label\na, b, c,1\nd, e,0\nx,1\n", "x.csv", "most rows do not fit the header; the first is on line 2"),
        (b'text,label\n"' + b"x" * 21_000_000 + b'",1\n', "x.csv", "starts on line 2 cannot be read"),
        (b"# made by x\ntext,label\na,1\nb,0\n", "x.csv", "the first line has 1 cells, the rows below it 2"),
        (b"text,label\n1,a,1\n2,b,0\n", "x.csv", "the first line has 2 cells, the rows below it 3"),
        (b"PK\x03\x04rest", "x.csv", "an Excel workbook or a zip archive: save the sheet as CSV"),
        (b"\x1f\x8brest", "x.csv.gz", "compressed with gzip: unpack it"),
        (bytes(range(256)) * 40, "x.csv", "not a text file|cannot be detected"),
        (b"\0" * 100, "x.csv", "not a text file"),
        (b"text,label\na,1\n", "x.parquet", "does not hold Parquet"),
        (b"PAR1 then nothing", "x.parquet", "cannot be read"),
        (b"text,label\na,1\n", "x.jsonl", "does not hold JSON"),
        (b'{"text": {"0": "a"}}', "x.json", "orient='records'"),
        (b'[{"text": "a"}', "x.json", "not valid JSON"),
        (b"[1, 2]", "x.json", "most lines are not JSON records"),
        (b"[" * 100_000, "x.json", "not valid JSON"),
        (b"[]", "x.json", "no rows"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(content: bytes, name: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    for given_as in (content, tmp_path / name):
        with pytest.raises(UserError, match=sentence) as caught:
            read_table(given_as, name)
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


def test_a_missing_file_and_a_plain_folder_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no file"):
        read_table(tmp_path / "nowhere.csv")
    with pytest.raises(UserError, match="a folder, but not one that Hugging Face datasets saved"):
        read_table(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "secret.csv"
    path.write_text("text,label\na,1\n")
    path.chmod(0)
    with pytest.raises(UserError, match="cannot be read"):
        read_table(path)


def test_too_many_rows_or_bytes_are_refused_while_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "text,label,more\n" + f"{'a' * 50},1,{'b' * 500}\n" * 12_000
    monkeypatch.setattr(closecall.data.readers.table, "MAX_ROWS", 11_000)
    with pytest.raises(UserError, match=r"more than 11,000 rows .* import a sample"):
        csv(text)
    monkeypatch.setattr(closecall.data.readers.table, "MAX_ROWS", 100_000)
    monkeypatch.setattr(closecall.data.readers.table, "MAX_BYTES", 1 << 20)
    with pytest.raises(UserError, match=r"GB of text .* Choose only the columns needed"):
        csv(text)
    assert len(csv(text, columns=["text", "label"]).frame) == 12_000


def test_columns_are_described() -> None:
    overview = columns_overview(csv("text,label\naaa,1\nb,0\n,1\nb,1\n")).set_index("column")
    assert overview.loc["text"].tolist() == [2, 1, 1.0, ["aaa", "b"]]
    assert overview.loc["label", "distinct"] == 2


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("id,text,label,split,user", ColumnRoles("text", "label", "id", "user", "split")),
        ("nr,Body,Category,fold,x", ColumnRoles("Body", "Category", "", "", "fold")),
        ("nr,words,kind,part,x", ColumnRoles("words", "kind", "", "", "")),
    ],
)
def test_columns_are_proposed_by_name_and_content(head: str, expected: ColumnRoles) -> None:
    body = [f"{n},this is text number {n},{'ab'[n % 2]},{['train', 'dev', 'test'][n % 3]},u{n % 4}" for n in range(12)]
    assert guess_columns(csv("\n".join([head, *body]))) == expected


def test_a_label_column_is_proposed_where_the_first_rows_have_one_class() -> None:
    rows = [f"text number {n},{['shop', 'home'][n % 2]},pros,{n % 2}" for n in range(12)]
    assert guess_columns(csv("\n".join(["text,origin,label,x", *rows]))).label == "label"
    assert guess_columns(csv("\n".join(["text,origin,class,target", *rows]))).label == "target"


def test_nothing_is_proposed_where_nothing_fits() -> None:
    guess = guess_columns(csv("a,b\nx y z,u v\nr s t,w w\n"))
    assert guess.id == guess.group == guess.split == ""


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["x.csv", "x.tsv", "x.jsonl", "x.json", "x.parquet", "x", "x.txt"]))
def test_any_bytes_end_in_a_table_or_a_sentence(content: bytes, name: str) -> None:
    try:
        table = read_table(content, name)
    except UserError as error:
        assert str(error)
    else:
        assert len(table.frame) == len(table.source_rows) > 0


@settings(max_examples=100, deadline=None)
@given(st.text(st.sampled_from("ab1,;\t|\"\n\r '{}[]:\0é"), max_size=80))
def test_any_odd_text_ends_in_a_table_or_a_sentence(content: str) -> None:
    for name in ("x.csv", "x.json"):
        try:
            table = read_table(content.encode(), name)
        except UserError:
            continue
        assert (np.diff(table.source_rows) > 0).all()
