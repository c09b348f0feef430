"""A DataFrame is read as a file with the same cells would be."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from closecall.data.io.errors import UserError
from closecall.data.readers.frames import cell_text
from closecall.data.readers.read import read_table

MIXED = pd.DataFrame(
    {
        "text": ["a\0b", None, "c"],
        "whole": [1.0, np.nan, 3.0],
        "number": np.array([1, 2, 3], dtype=np.int32),
        "maybe": pd.array([1, None, 3], dtype="Int64"),
        "flag": [True, False, True],
        "kind": pd.Categorical(["x", "y", None]),
        "day": pd.to_datetime(["2024-01-01", None, "2024-01-02"]),
        "moment": pd.to_datetime(["2024-01-01 10:00", "2024-01-02 00:00", None]),
        "list": [[1, 2], None, np.array([0.5])],
        "odd": ["1", 2, None],
        7: [0.1, 1e-12, 1 / 3],
    },
    index=[5, 5, 9],
)
CELLS = {
    "text": ["a b", None, "c"],
    "whole": ["1", None, "3"],
    "number": ["1", "2", "3"],
    "maybe": ["1", None, "3"],
    "flag": ["true", "false", "true"],
    "kind": ["x", "y", None],
    "day": ["2024-01-01", None, "2024-01-02"],
    "moment": ["2024-01-01 10:00:00", "2024-01-02 00:00:00", None],
    "list": ["[1, 2]", None, "[0.5]"],
    "odd": ["1", "2", None],
    "7": ["0.1", "1e-12", "0.3333333333333333"],
}


def test_every_type_becomes_a_string_or_null() -> None:
    table = read_table(MIXED)
    assert {name: [None if pd.isna(one) else one for one in table.frame[name]] for name in table.frame} == CELLS
    assert table.source == "The DataFrame" and table.source_rows.tolist() == [1, 2, 3]
    assert any("NUL" in note for note in table.notes)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_numbers_come_back_exactly(values: list[float]) -> None:
    cells = read_table(pd.DataFrame({"p": values})).frame["p"]
    assert [float(one) for one in cells] == values


def test_the_same_cells_as_from_a_parquet_file(tmp_path: Path) -> None:
    frame = MIXED[["text", "whole", "number", "flag"]].reset_index(drop=True)
    frame.to_parquet(tmp_path / "same.parquet")
    pd.testing.assert_frame_equal(read_table(frame).frame, read_table(tmp_path / "same.parquet").frame)


def test_columns_limit_and_hash() -> None:
    table = read_table(MIXED, columns=["number", "text"], limit=2)
    assert table.frame.columns.tolist() == ["number", "text"] and len(table.frame) == 2 and not table.sha256
    whole, again = read_table(MIXED), read_table(MIXED.copy())
    changed = read_table(MIXED.assign(number=[1, 2, 4]))
    assert whole.sha256 == again.sha256 != changed.sha256 and len(whole.sha256) == 64
    renamed = read_table(MIXED.rename(columns={"number": "n"}))
    assert renamed.sha256 != whole.sha256


def test_unusable_frames_are_refused() -> None:
    with pytest.raises(UserError, match=r"no column 'Text'. Is 'text' meant"):
        read_table(MIXED, columns=["Text"])
    with pytest.raises(UserError, match="two columns named 'a'"):
        read_table(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(UserError, match="no rows"):
        read_table(MIXED.head(0))


def test_single_values() -> None:
    values = [np.float32(0.5), np.bool_(True), pd.NA, pd.NaT, Path("a"), (1, "x"), np.array([1])]
    assert [cell_text(one) for one in values] == ["0.5", "true", None, None, "a", '[1, "x"]', "[1]"]
