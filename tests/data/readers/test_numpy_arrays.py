"""NumPy files become columns; what is no scores is refused; nothing is unpickled."""

import io
from pathlib import Path

import numpy as np
import pytest

from closecall.data.io.errors import UserError
from closecall.data.readers.read import read_table


def saved(array: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


@pytest.mark.parametrize("values", [np.arange(6).reshape(3, 2), np.random.default_rng(0).normal(size=(3, 2))])
def test_an_array_with_two_dimensions_is_a_column_for_each_class(tmp_path: Path, values: np.ndarray) -> None:
    np.save(tmp_path / "p.npy", values)
    table = read_table(tmp_path / "p.npy")
    assert table.frame.columns.tolist() == ["scores_0", "scores_1"] and table.source_rows.tolist() == [1, 2, 3]
    assert np.array_equal(table.frame.astype(float).to_numpy(), values)
    assert read_table(tmp_path / "p.npy", limit=2).frame.shape == (2, 2)
    assert read_table(tmp_path / "p.npy", columns=["scores_1"]).frame.columns.tolist() == ["scores_1"]


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_one_value_a_row_is_one_column(shape: tuple[int, ...]) -> None:
    table = read_table(saved(np.linspace(0, 1, 4).reshape(shape)), "p.npy")
    assert table.frame["scores"].astype(float).tolist() == np.linspace(0, 1, 4).tolist()


def test_several_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "p.npz", logits=np.eye(3), ids=np.array(["a", "b", "c"]), n=3)
    assert read_table(tmp_path / "p.npz").frame.columns.tolist() == ["logits_0", "logits_1", "logits_2", "ids"]
    np.savez_compressed(tmp_path / "q.npz", a=np.zeros(3), b=np.zeros(4))
    with pytest.raises(UserError, match=r"q.npz needs arrays with the same number of rows"):
        read_table(tmp_path / "q.npz")


BAD = {
    "objects": (np.array([{}, []], dtype=object), "Python objects, not numbers"),
    "cube": (np.zeros((2, 2, 2)), r"the shape \(2, 2, 2\)"),
    "embeddings": (np.zeros((2, 768)), r"the shape \(2, 768\)"),
    "no rows": (np.zeros((0, 2)), "at least one"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_scores_is_refused(what: str) -> None:
    array, message = BAD[what]
    with pytest.raises(UserError, match=message):
        read_table(saved(array), "p.npy")


def test_a_broken_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"p.npy cannot be read"):
        read_table(saved(np.arange(1000))[:-100], "p.npy")
    with pytest.raises(UserError, match=r"p.npz cannot be read"):
        read_table(b"PK\x03\x04 no archive", "p.npz")
