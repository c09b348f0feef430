"""Tables are read from real files of every form, broken ones among them; trouble ends in a sentence or a report."""

import io
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import data.raw
from data.errors import UserError
from data.files import file_sha256
from data.raw import RawTable
from data.readers import ColumnGuess, columns_overview, guess_columns, read_table

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


# what a person may rightly bring


def test_a_csv_is_read_with_the_lines_on_which_its_records_start() -> None:
    table = csv('text,label\n"a\nb ""c"", d",1\n\nplain,0\n')
    assert rows(table) == [['a\nb "c", d', "1"], ["plain", "0"]]
    assert table.source_rows.tolist() == [2, 5]
    assert table.notes == () and table.rejected.empty


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_the_delimiter_is_found_and_said(delimiter: str) -> None:
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


def test_a_cell_that_holds_lines_like_rows_is_kept_and_said() -> None:
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
    ("codec", "text"),
    [
        ("utf-8-sig", "süß"),
        ("utf-16", "süß"),
        ("utf-16-le", "suess"),
        ("utf-16-be", "suess"),
        ("utf-32", "süß"),
        ("cp1252", "C'est très bon, déjà vu à l'école. Où êtes-vous né? – “oui”"),
        ("cp1250", "Zażółć gęślą jaźń, bardzo dobry film, polecam każdemu."),
        ("cp1251", "Привет мир, очень хороший фильм"),
        ("shift_jis", "これは日本語のテキストです。とても良い映画でした。"),
        ("gb18030", "这是一部非常好的电影,我很喜欢。".replace(",", "")),
    ],
)
def test_encodings_are_found(codec: str, text: str) -> None:
    table = read_table(f'text,label\n"{text}",1\nplain,0\n'.encode(codec), "posts.csv")
    assert rows(table) == [[text, "1"], ["plain", "0"]]
    assert any("read as" in note.lower() for note in table.notes) == (codec not in ("utf-8-sig", "utf-16", "utf-32"))


def test_an_encoding_that_is_named_must_be_one_and_must_fit() -> None:
    content = "text,label\nsüß,1\nb,0\n".encode("cp1252")
    assert rows(read_table(content, "x.csv", encoding="latin-1"))[0][0] == "süß"
    with pytest.raises(UserError, match="is no encoding"):
        read_table(content, "x.csv", encoding="klingon")
    with pytest.raises(UserError, match="not written in utf-8"):
        read_table(content, "x.csv", encoding="utf-8")


def test_a_few_broken_bytes_in_utf_8_are_replaced_and_said() -> None:
    content = b"text,label\n" + "né,1\n".encode() * 30 + b"b\xff,0\n"
    table = read_table(content, "x.csv")
    assert table.frame["text"].iloc[0] == "né" and table.frame["text"].iloc[-1] == "b\N{REPLACEMENT CHARACTER}"
    assert any("not valid UTF-8" in note for note in table.notes)


def test_nul_characters_and_broken_surrogates_are_replaced_and_counted() -> None:
    assert csv("text,label\na\0b,1\nc,0\n").frame["text"].tolist() == ["a b", "c"]
    table = read_table(b'[{"text":"b \\ud800","label":1},{"text":"c","label":0}]', "x.json")
    assert table.frame["text"].tolist() == ["b ?", "c"]
    assert table.notes == ("Cells in which NUL or broken characters were replaced: 1.",)


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


def test_whether_there_is_a_header_can_be_said() -> None:
    assert csv("a,b\nc,d\n", header=False).frame["column 1"].tolist() == ["a", "c"]
    assert list(csv("3,b\nc,d\n", header=True).frame) == ["3", "b"]


def test_an_index_column_and_two_columns_of_one_name_are_told_apart() -> None:
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


def test_json_lines_and_arrays_give_the_same_cells() -> None:
    records = [{"text": "a\nb", "label": 1, "x": 2.5, "deep": {"k": ["v"]}}, {"text": "c", "label": True, "x": None}]
    lines = "\n".join(map(json.dumps, records)).encode()
    tables = [read_table(lines, "x.jsonl"), read_table(json.dumps(records, indent=1).encode(), "x.json")]
    for table in tables:
        frame = table.frame.astype(object).where(table.frame.notna(), None)
        assert frame.to_numpy().tolist() == [["a\nb", "1", "2.5", '{"k": ["v"]}'], ["c", "true", None, None]]
        assert table.source_rows.tolist() == [1, 2]


def test_bad_json_lines_are_set_aside_with_their_numbers() -> None:
    table = read_table(
        b'{broken\n{"text":"a","label":1}\n\n[1]\n{"text":"b","label":0}\n{"text":"c","label":0}\n', "x.jsonl"
    )
    assert table.source_rows.tolist() == [2, 5, 6]
    assert table.rejected["source_row"].tolist() == [1, 4]
    assert table.rejected["reason"].str.startswith(("is not JSON (", "is JSON but not an object")).all()


def test_records_inside_one_object_are_found_and_said() -> None:
    table = read_table(b'{"data": [{"text": "a", "label": 1}]}', "x.json")
    assert rows(table) == [["a", "1"]] and table.notes == ("The records are read from 'data'.",)


def test_json_lines_named_csv_are_read_as_what_they_are() -> None:
    assert rows(read_table(b'{"text": "a, b", "label": 1}\n', "x.csv")) == [["a, b", "1"]]


def test_a_parquet_file_is_read_as_strings(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "text": ["a", "b\0", None],
            "label": [1.0, np.nan, 0.0],
            "score": [0.5, 1.0, 2.0],
            "kind": pd.Categorical(["x", "y", "x"]),
            "flag": [True, False, True],
            "when": pd.to_datetime(["2020-01-01"] * 3),
            "tags": [["a"], [], None],
            "raw": [b"ok", b"\xff", None],
        }
    )
    path = tmp_path / "posts.parquet"
    frame.to_parquet(path)
    for table in (read_table(path), read_table(path.read_bytes(), "posts.parquet")):
        cells = table.frame.astype(object).where(table.frame.notna(), None)
        assert cells["text"].tolist() == ["a", "b ", None]
        assert cells["label"].tolist() == ["1", None, "0"]
        assert cells["score"].tolist() == ["0.5", "1", "2"]
        assert cells["kind"].tolist() == ["x", "y", "x"] and cells["flag"].tolist() == ["true", "false", "true"]
        assert cells["tags"].tolist() == ['["a"]', "[]", None]
        assert cells["raw"].tolist() == ["ok", "\N{REPLACEMENT CHARACTER}", None]
        assert table.source_rows.tolist() == [1, 2, 3] and table.sha256 == file_sha256(path)


def test_two_parquet_columns_of_one_name_are_one_sentence(tmp_path: Path) -> None:
    columns = [pa.array(["a"]), pa.array(["b"]), pa.array([1])]
    pq.write_table(pa.Table.from_arrays(columns, names=["text", "text", "label"]), tmp_path / "x.parquet")
    with pytest.raises(UserError, match="two columns named 'text'"):
        read_table(tmp_path / "x.parquet")


def test_class_names_in_a_parquet_file_of_datasets_are_used(tmp_path: Path) -> None:
    features = {"label": {"names": ["neg", "pos"], "_type": "ClassLabel"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    table = pa.table({"text": ["a", "b", "c"], "label": [1, 0, -1]}).replace_schema_metadata(metadata)
    pq.write_table(table, tmp_path / "x.parquet")
    labels = read_table(tmp_path / "x.parquet").frame["label"]
    assert labels.iloc[:2].tolist() == ["pos", "neg"] and pd.isna(labels.iloc[2])


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A DatasetDict and a Dataset that the real library has saved."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"])})
    train = datasets.Dataset.from_dict({"text": ["a", "b", "c"], "label": [1, 0, 1]}, features=features)
    test = datasets.Dataset.from_dict({"text": ["d"], "label": [0]}, features=features)
    datasets.DatasetDict({"train": train, "test": test}).save_to_disk(
        tmp_path / "both", num_shards={"train": 2, "test": 1}
    )
    train.select([2, 0]).save_to_disk(tmp_path / "one")
    return tmp_path


def test_a_saved_dataset_dict_is_read_with_its_splits_and_class_names(saved: Path) -> None:
    table = read_table(saved / "both")
    assert rows(table) == [["a", "yes", "train"], ["b", "no", "train"], ["c", "yes", "train"], ["d", "no", "test"]]
    assert table.source_rows.tolist() == [1, 2, 3, 4] and len(table.sha256) == 64
    assert read_table(saved / "both", columns=["label"]).frame.columns.tolist() == ["label"]
    assert len(read_table(saved / "both", limit=2).frame) == 2


def test_a_saved_dataset_is_read_as_it_was_selected(saved: Path) -> None:
    assert rows(read_table(saved / "one")) == [["c", "yes"], ["a", "yes"]]


def test_a_saved_dataset_that_lacks_a_shard_is_one_sentence(saved: Path) -> None:
    next((saved / "one").glob("*.arrow")).unlink()
    with pytest.raises(UserError, match="is missing: the saved dataset is not complete"):
        read_table(saved / "one")


def test_a_broken_shard_is_one_sentence(saved: Path) -> None:
    next((saved / "one").glob("*.arrow")).write_bytes(b"nonsense")
    with pytest.raises(UserError, match="cannot be read"):
        read_table(saved / "one")


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


# what ends in one sentence


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
        (bytes(range(256)) * 40, "x.csv", "not a text file|cannot be told"),
        (b"\0" * 100, "x.csv", "not a text file"),
        (b"text,label\na,1\n", "x.parquet", "not a Parquet file"),
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
    text = "text,label,more\n" + f"{'a' * 50},1,{'b' * 500}\n" * 25_000
    monkeypatch.setattr(data.raw, "MAX_ROWS", 20_000)
    with pytest.raises(UserError, match=r"more than 20,000 rows .* import a sample"):
        csv(text)
    monkeypatch.setattr(data.raw, "MAX_ROWS", 100_000)
    monkeypatch.setattr(data.raw, "MAX_BYTES", 3 << 20)
    with pytest.raises(UserError, match=r"GB of text .* Choose only the columns needed"):
        csv(text)
    assert len(csv(text, columns=["text", "label"]).frame) == 25_000


# choosing columns


def test_columns_are_described() -> None:
    overview = columns_overview(csv("text,label\naaa,1\nb,0\n,1\nb,1\n")).set_index("column")
    assert overview.loc["text"].tolist() == [2, 1, 1.0, ["aaa", "b"]]
    assert overview.loc["label", "distinct"] == 2


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("id,text,label,split,user", ColumnGuess("text", "label", "id", "user", "split")),
        ("nr,Body,Category,fold,x", ColumnGuess("Body", "Category", "", "", "fold")),
        ("nr,words,kind,part,x", ColumnGuess("words", "kind", "", "", "")),
    ],
)
def test_columns_are_proposed_by_name_and_content(head: str, expected: ColumnGuess) -> None:
    body = [f"{n},this is text number {n},{'ab'[n % 2]},{['train', 'dev', 'test'][n % 3]},u{n % 4}" for n in range(12)]
    assert guess_columns(csv("\n".join([head, *body]))) == expected


def test_nothing_is_proposed_where_nothing_fits() -> None:
    guess = guess_columns(csv("a,b\nx y z,u v\nr s t,w w\n"))
    assert guess.id == guess.group == guess.split == ""


# whatever comes


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


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["x.csv", "x.tsv", "x.jsonl", "x.json", "x.parquet", "x", "x.txt"]))
def test_any_bytes_end_in_a_table_or_a_sentence(content: bytes, name: str) -> None:
    try:
        table = read_table(content, name)
    except UserError as error:
        assert str(error)
    else:
        assert len(table.frame) == len(table.source_rows) > 0


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.dictionaries(st.sampled_from(["text", "label", "\ud800", ""]), values, min_size=1), min_size=1, max_size=5
    )
)
def test_any_json_records_end_in_a_table_or_a_sentence(records: list[dict[str, object]]) -> None:
    for content, name in ((json.dumps(records), "x.json"), ("\n".join(map(json.dumps, records)), "x.jsonl")):
        try:
            table = read_table(content.encode("utf-8", "surrogatepass"), name)
        except UserError:
            continue
        assert len(table.frame) == len(table.source_rows) == len(records)


@settings(max_examples=100, deadline=None)
@given(st.text(st.sampled_from("ab1,;\t|\"\n\r '{}[]:\0é"), max_size=80))
def test_any_odd_text_ends_in_a_table_or_a_sentence(content: str) -> None:
    for name in ("x.csv", "x.json"):
        try:
            table = read_table(content.encode(), name)
        except UserError:
            continue
        assert (np.diff(table.source_rows) > 0).all()
