"""Addresses of the Hugging Face hub, and what is said where a package is missing."""

import sys
from pathlib import Path

import pytest

from closecall.data.io.errors import UserError
from closecall.data.readers.hub import fetch_from_hub, is_hub_address


def test_addresses() -> None:
    assert all(map(is_hub_address, ("hf://datasets/a/b", "hf://datasets/a/b/c.csv", "stanfordnlp/imdb", "a.b/c-d_e")))
    assert not any(map(is_hub_address, ("imdb", "a/b/c", "./a/b", "../x", "https://a/b", "a b/c", "sweep")))


@pytest.mark.parametrize("address, package", [("a/b", "datasets"), ("hf://datasets/a/b/c.csv", "huggingface_hub")])
def test_a_missing_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=f"pip install {package}"):
        fetch_from_hub(address, tmp_path)


def test_no_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a dataset of the hub"):
        fetch_from_hub("hf://datasets/a", tmp_path)


def test_a_file_and_a_dataset_are_asked_for_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Hub:
        @staticmethod
        def hf_hub_download(name: str, file: str, *, repo_type: str, local_dir: str) -> str:
            assert (name, file, repo_type) == ("a/b", "data/c.csv", "dataset")
            return f"{local_dir}/{file}"

        @staticmethod
        def load_dataset(name: str) -> None:
            raise ConnectionError(f"{name} is not\nreachable")

    monkeypatch.setitem(sys.modules, "huggingface_hub", Hub)
    monkeypatch.setitem(sys.modules, "datasets", Hub)
    assert fetch_from_hub("hf://datasets/a/b/data/c.csv", tmp_path) == tmp_path / "data" / "c.csv"
    with pytest.raises(UserError, match=r"a/b cannot be fetched from the hub \(a/b is not\)"):
        fetch_from_hub("a/b", tmp_path)
