"""From raw tables to examples: what is kept, what is set aside and why, down to the row."""

from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from closecall.data.datasets.duplicates import normalised
from closecall.data.datasets.import_request import ImportRequest, choose_classes, class_counts
from closecall.data.datasets.preparation import Prepared, build_dataset, prepare, split_sizes
from closecall.data.datasets.store import COLUMNS, load_dataset, save_dataset
from closecall.data.io.errors import UserError
from closecall.data.readers.columns import ColumnRoles
from closecall.data.readers.read import read_table
from closecall.data.readers.table import RawTable

COLUMN_ROLES = ColumnRoles(text="text", label="label")


def csv(text: str) -> RawTable:
    return read_table(text.encode(), "posts.csv")


def prepared(
    text: str, positive: tuple[str, ...] = ("pos",), negative: tuple[str, ...] | None = None, **columns: str
) -> Prepared:
    return prepare(csv(text), ImportRequest(replace(COLUMN_ROLES, **columns), positive, negative))


def aside(result: Prepared) -> list[tuple[int, str]]:
    return list(zip(result.set_aside["source_row"].tolist(), result.set_aside["reason"].tolist(), strict=True))


def test_examples_have_the_documented_columns() -> None:
    result = prepared("text,label,score,lang\nfine,pos,1,en\ndull,neg,2,de\nodd,other,3,en\n")
    assert tuple(result.examples.columns) == (*COLUMNS, "meta.score", "meta.lang")
    assert result.examples["id"].tolist() == ["row-000002", "row-000003", "row-000004"]
    assert result.examples["label"].tolist() == [1, 0, 0] and result.examples["label"].dtype == "int8"
    assert result.examples["source_row"].tolist() == [2, 3, 4] and result.examples["source_row"].dtype == "int64"
    assert result.positive_classes == ("pos",) and set(result.negative_classes) == {"neg", "other"}
    assert result.set_aside.empty and list(result.set_aside) == ["source_row", "id", "reason", "text"]
    assert result.conflicts.empty and list(result.conflicts) == ["key", "id", "label", "source_row", "text"]


def test_everything_set_aside_is_reported_with_row_and_reason() -> None:
    result = prepared(
        "nr,text,label,more\n"
        "1,fine,pos,a\n"
        "2,,pos,b\n"
        "3, \u200b\u00a0,neg,c\n"
        "4,no label,,d\n"
        "5,other class,spam,e\n"
        "1,id again,neg,f\n"
        "7,too,many,cells,here\n"
        "8,  FINE ,pos,g\n"
        "9,dull,neg,h\n",
        negative=("neg",),
        id="nr",
    )
    assert result.examples["id"].tolist() == ["1", "9"]
    assert aside(result) == [
        (3, "the text is empty"),
        (4, "the text is empty"),
        (5, "the label is missing"),
        (6, "class spam is neither positive nor negative"),
        (7, "the id 1 was used before, in row 2"),
        (8, "has 5 cells where 4 are expected"),
        (9, "same text as row 2, id 1"),
    ]


def test_a_missing_id_is_made_and_white_space_around_names_is_stripped() -> None:
    result = prepared("id,text,label,g\n a ,one, pos ,g1\n,two,neg,\n", id="id", group="g")
    assert result.examples["id"].tolist() == ["a", "row-000003"]
    assert result.examples["class_name"].tolist() == ["pos", "neg"]
    assert result.examples["group"].tolist() == ["g1", ""]


def test_texts_are_kept_as_they_are() -> None:
    texts = ["  spaces  ", "<script>alert(1)</script>", "=1+1", "\u202eabc", "\U0001f600", "x" * 100_000, "..."]
    frame = pd.DataFrame({"text": texts, "label": ["pos", "neg"] * 3 + ["pos"]})
    table = read_table(frame.to_csv(index=False).encode(), "x.csv")
    result = prepare(table, ImportRequest(COLUMN_ROLES, ("pos",)))
    assert result.examples["text"].tolist() == texts


def test_the_reports_show_the_start_of_a_text_only() -> None:
    long = "x" * 5000
    result = prepared(f"text,label\n{long},pos\n{long},pos\ndull,neg\n")
    assert result.set_aside["text"].tolist() == ["x" * 200]


def test_a_conflict_is_kept_once_for_each_label_and_reported() -> None:
    result = prepared("text,label\nsame Text,pos\nSAME  text,neg\nsame text,neg\nother,neg\n")
    assert result.examples["source_row"].tolist() == [2, 3, 5]
    assert aside(result) == [(4, "same text as row 3, id row-000003")]
    assert result.conflicts[["label", "source_row"]].to_numpy().tolist() == [[0, 3], [1, 2]]
    assert result.conflicts["key"].nunique() == 1


def test_the_copy_in_the_test_split_is_kept_and_the_leak_is_reported() -> None:
    result = prepared(
        "text,label,part\na,pos,train\na,pos,dev\na,pos,TEST\nb,neg,train\nb,neg,valid\nc,neg,train\nc,neg,train\n",
        split="part",
    )
    assert result.examples[["source_row", "split"]].to_numpy().tolist() == [
        [4, "test"],
        [6, "validation"],
        [7, "train"],
    ]
    assert aside(result) == [
        (2, "same text as row 4 of the test split, id row-000004"),
        (3, "same text as row 4 of the test split, id row-000004"),
        (5, "same text as row 6 of the validation split, id row-000006"),
        (8, "same text as row 7 of the train split, id row-000007"),
    ]
    assert [note for note in result.notes if "leak" in note and note.endswith("copies set aside: 3.")]


def test_a_conflict_across_given_splits_is_moved_together() -> None:
    result = prepared(
        "text,label,part,g\na,pos,train,x\nA,neg,test,y\nb,neg,train,x\nc,pos,train,z\n",
        split="part",
        group="g",
    )
    assert result.examples["split"].tolist() == ["test", "test", "test", "train"]
    assert any("Rows moved to the split that holds the same text" in note and "2, 4" in note for note in result.notes)


def test_a_group_in_two_given_splits_is_refused() -> None:
    with pytest.raises(UserError, match=r"Group 'x' is in more than one given split: train \(row 2\) and test"):
        prepared("text,label,part,g\na,pos,train,x\nb,neg,test,x\n", split="part", group="g")


def test_splits_of_rows_that_are_kept_must_be_known() -> None:
    text = "text,label,part\na,pos,train\nb,neg,test\nc,,unsupervised\nd,neg,\n"
    result = prepared(text, split="part")
    assert aside(result) == [(4, "the label is missing"), (5, "the split is missing")]
    with pytest.raises(UserError, match=r"Column part has unknown splits: 'fold 3'"):
        prepared("text,label,part\na,pos,train\nb,neg,fold 3\n", split="part")


@pytest.mark.parametrize(
    ("positive", "negative", "sentence"),
    [
        (("Pos",), None, r"has no class 'Pos'\. Is 'pos' meant\? Its classes are 'neg', 'pos', 'odd'"),
        (("pos",), ("negg",), r"no class 'negg'\. Is 'neg' meant\?"),
        (("pos",), ("pos", "neg"), "'pos' is named both positive and negative"),
        ((), None, "Name at least one positive class"),
        (("pos",), (), "Name at least one negative class"),
        (("pos", "neg", "odd"), None, "Name at least one negative class"),
    ],
)
def test_classes_that_cannot_be_are_one_sentence(
    positive: tuple[str, ...], negative: tuple[str, ...] | None, sentence: str
) -> None:
    table = csv("text,label\na,pos\nb,neg\nc,neg\nd,neg\ne,pos\nf,odd\n")
    with pytest.raises(UserError, match=sentence):
        choose_classes(table, ImportRequest(COLUMN_ROLES, positive, negative))


def test_one_class_only_is_one_sentence() -> None:
    with pytest.raises(UserError, match=r"has one class only \('pos'\)"):
        prepared("text,label\na,pos\nb,pos\n")


def test_a_label_column_with_a_thousand_values_is_one_sentence() -> None:
    text = "text,label\n" + "".join(f"a {n},{n} x\n" for n in range(1000))
    with pytest.raises(UserError, match=r"1,000 different values; a label column has at most 500"):
        prepared(text)


def test_an_empty_label_column_is_one_sentence() -> None:
    with pytest.raises(UserError, match=r"Column label of posts\.csv is empty"):
        prepared("text,label\na,\nb, \n")


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        ({"id": "nr"}, r"has no column 'nr'\. Its columns are 'text', 'label', 'g'"),
        ({"id": "text"}, "Column text cannot be both text and id"),
        ({"split": "label"}, "Column label cannot be both label and split"),
    ],
)
def test_columns_that_cannot_be_are_one_sentence(choices: dict[str, str], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        prepared("text,label,g\na,pos,x\nb,neg,y\n", **choices)


def test_a_class_of_which_nothing_is_left_is_one_sentence() -> None:
    with pytest.raises(UserError, match=r"No positive example is left \(classes pos\)"):
        prepared("text,label\n,pos\nb,neg\n")


def test_several_positive_classes_are_one_label() -> None:
    result = prepared("text,label\na,mac\nb,amiga\nc,pc\n", positive=("mac", "amiga"))
    assert result.examples["label"].tolist() == [1, 1, 0]
    assert result.examples["class_name"].tolist() == ["mac", "amiga", "pc"]


def test_classes_are_counted_largest_first() -> None:
    counts = class_counts(csv("text,label\na,x\nb, y\nc,y \nd,\n"), "label")
    assert counts.to_dict() == {"y": 2, "x": 1} and counts.index[0] == "y"


def test_at_most_twenty_further_columns_are_kept() -> None:
    names = [f"c{n}" for n in range(30)]
    row = ",".join(["1"] * 30)
    result = prepared(f"text,label,{','.join(names)}\na,pos,{row}\nb,neg,{row}\n")
    assert [name for name in result.examples if name.startswith("meta.")] == [f"meta.c{n}" for n in range(20)]


def test_a_dataset_is_built_saved_and_read_back(workspace: object) -> None:
    body = "".join(f"text number {n},{'pos' if n % 5 == 0 else 'neg'},u{n // 3}\n" for n in range(300))
    table = csv(f"text,label,user\n{body}again,pos,\n,neg,\n")
    dataset = build_dataset(
        table,
        ImportRequest(replace(COLUMN_ROLES, group="user"), ("pos",), name="posts", title="Posts", seed=3),
    )
    assert dataset.info.source_sha256 == table.sha256 and dataset.info.split_seed == 3
    sizes = split_sizes(dataset.examples).set_index("split")
    assert sizes.loc["test"].tolist() == pytest.approx([21, 84], abs=3)
    loaded = load_dataset(save_dataset(dataset).name)
    pd.testing.assert_frame_equal(loaded.examples, dataset.examples)
    pd.testing.assert_frame_equal(loaded.set_aside, dataset.set_aside)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "A ", "b", "ﬁ", "fi", "", " ", "c d", "c\u00a0 d"]),
            st.sampled_from(["pos", "neg", "odd", ""]),
            st.sampled_from(["1", "2", "3", ""]),
        ),
        min_size=1,
        max_size=25,
    )
)
def test_no_row_is_lost_and_no_text_is_twice(cells: list[tuple[str, str, str]]) -> None:
    frame = pd.DataFrame([("x1", "pos", "98"), ("x2", "neg", "99"), *cells], columns=["text", "label", "nr"], dtype=str)
    table = read_table(frame.to_csv(index=False, quoting=1).encode(), "x.csv", header=True)
    result = prepare(table, ImportRequest(replace(COLUMN_ROLES, id="nr"), ("pos",), ("neg",)))
    rows = [*result.examples["source_row"], *result.set_aside["source_row"]]
    assert sorted(rows) == list(range(2, len(frame) + 2))
    assert result.examples["id"].is_unique
    texts = list(zip(map(normalised, result.examples["text"]), result.examples["label"], strict=True))
    assert len(set(texts)) == len(texts)
