"""JSON Lines and JSON arrays."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from closecall.data.io.errors import UserError
from closecall.data.readers.read import read_table
from closecall.data.readers.table import RawTable


def rows(table: RawTable) -> list[list[str]]:
    return table.frame.to_numpy().tolist()


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


def test_records_inside_one_object_are_found_and_noted() -> None:
    table = read_table(b'{"data": [{"text": "a", "label": 1}]}', "x.json")
    assert rows(table) == [["a", "1"]] and table.notes == ("The records are read from 'data'.",)


def test_json_lines_named_csv_are_read_as_what_they_are() -> None:
    assert rows(read_table(b'{"text": "a, b", "label": 1}\n', "x.csv")) == [["a, b", "1"]]


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
        # One object around a list of records is read by the list's rows, and says so.
        wrapped = any("records are read from" in note for note in table.notes)
        assert len(table.frame) == len(table.source_rows)
        assert wrapped or len(table.frame) == len(records)
