"""What users hand over as data."""

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from closecall.api.frames import as_frame, metadata_names, read_ratio, read_seed
from closecall.data.io.errors import UserError

FRAME = pd.DataFrame({"text": ["a", "b", "c"], "y": [0, 1, 0]})


def test_frames_arrow_tables_and_hugging_face_datasets_are_read() -> None:
    assert as_frame(FRAME) is FRAME
    assert as_frame(pa.table({"y": [1]})).to_dict("list") == {"y": [1]}
    plain = datasets.Dataset.from_pandas(FRAME)
    assert as_frame(plain)["y"].tolist() == [0, 1, 0]
    named = plain.cast_column("y", datasets.ClassLabel(names=["ham", "spam"]))
    assert as_frame(named)["y"].tolist() == ["ham", "spam", "ham"]


def test_a_mapping_of_splits_gets_a_column_split() -> None:
    both = datasets.DatasetDict({"train": datasets.Dataset.from_pandas(FRAME), "test": datasets.Dataset.from_dict(
        {"text": ["d"], "y": [1]})})  # fmt: skip
    frame = as_frame(both)
    assert frame["split"].tolist() == ["train"] * 3 + ["test"] and frame["text"].tolist() == list("abcd")
    with pytest.raises(UserError, match="column 'split' already"):
        as_frame({"train": FRAME.assign(split="x")})


@pytest.mark.parametrize(("data", "named"), [([1, 2], "a list"), ({}, "an empty mapping"), ("posts.csv", "a str")])
def test_other_data_is_refused_by_name(data: object, named: str) -> None:
    with pytest.raises(UserError, match=f"not {named}"):
        as_frame(data)


def test_metadata_are_the_named_columns_or_the_others_with_single_values() -> None:
    frame = FRAME.assign(source="web", embedding=[np.zeros(2)] * 3, day=pd.Timestamp("2024-01-01"))
    assert metadata_names(frame, None, ["text", "y"]) == ["source", "day"]
    assert metadata_names(frame, "source", ["text", "y"]) == ["source"]
    assert metadata_names(frame, [], ["text", "y"]) == []
    many = pd.DataFrame({f"c{i}": [1] for i in range(30)})
    assert metadata_names(many, None, ["c0"]) == [f"c{i}" for i in range(1, 21)]


def test_ratios_are_written_in_three_ways() -> None:
    assert [read_ratio(one) for one in (10, "10", "1:10", 2.5, np.int64(3))] == [10, 10, 10, 2.5, 3]
    for wrong in ("ten", 0, -1, "model A", None):
        with pytest.raises(UserError, match="is not a ratio"):
            read_ratio(wrong)


def test_seeds_are_whole_numbers_from_0_on() -> None:
    assert [read_seed(one) for one in (0, "1", 2.0, np.int64(3))] == [0, 1, 2, 3]
    for wrong in (-1, 0.5, True, None, "first", float("nan"), float("inf")):
        with pytest.raises(UserError, match="is not a seed"):
            read_seed(wrong)
