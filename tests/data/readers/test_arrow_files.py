"""Parquet files, and folders that the real Hugging Face library saved."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from closecall.data.io.errors import UserError
from closecall.data.io.files import file_sha256
from closecall.data.readers.read import read_table
from closecall.data.readers.table import RawTable


def rows(table: RawTable) -> list[list[str]]:
    return table.frame.to_numpy().tolist()


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
