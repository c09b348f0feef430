"""Commands for datasets: import, builtin, import-predictions."""

from pathlib import Path

import pandas as pd
import pytest

from closecall.data.datasets.store import load_dataset
from tests.cli.terminal import Terminal
from tests.makers import make_dataset


def test_import_proposes_columns_then_classes(closecall: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "my posts.csv"
    frame = make_dataset().examples[["id", "text", "class_name"]].rename(columns={"class_name": "topic"})
    frame.to_csv(file, index=False)
    assert closecall("import", file) == 2
    assert (
        "closecall import" in closecall.err and "--text-column text" in closecall.err and f"'{file}'" in closecall.err
    )
    assert closecall("import", file, "--yes") == 2
    assert "which class is the positive" in closecall.err and "'mac' (80)" in closecall.err
    assert closecall("import", file, "--yes", "--positive", "mac") == 0
    assert "my-posts" in closecall.out and "closecall sweep my-posts" in closecall.err
    assert load_dataset("my-posts").info.positive_classes == ("mac",)
    assert closecall("import", file, "--yes", "--positive", "mac") == 2 and "Choose another name" in closecall.err


def test_import_with_all_options(closecall: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "posts.jsonl"
    make_dataset().examples.to_json(file, orient="records", lines=True)
    named = ["--text-column", "text", "--label-column", "class_name", "--id-column", "id", "--split-column", "split"]
    answer = closecall.json("import", file, *named, "--positive", "mac", "--negative", "pc", "--name", "Named Ones")
    assert answer["dataset"] == "named-ones" and answer["set_aside"] == 0
    assert [row["split"] for row in answer["splits"]] == ["train", "validation", "test"]
    assert closecall("import", file, "--text-column", "txt", "--label-column", "class_name", "--positive", "mac") == 2
    assert "Is 'text' meant?" in closecall.err
    assert closecall("import", tmp_path / "none.csv", "--yes") == 2 and "There is no file" in closecall.err


def test_import_says_how_many_of_the_excluded_rows_are_listed(closecall: Terminal, tmp_path: Path) -> None:
    examples = make_dataset().examples
    for repeated, text in ((25, "25 rows were excluded, the first 20:"), (3, "3 rows were excluded:")):
        file = tmp_path / f"posts-{repeated}.csv"
        pd.concat([examples, examples.head(repeated)])[["text", "class_name"]].to_csv(file, index=False)
        assert closecall("import", file, "--yes", "--positive", "mac") == 0 and text in closecall.err
        assert closecall.out.count("same text as") == min(repeated, 20)


def test_built_in_datasets_are_listed_with_their_licences(closecall: Terminal) -> None:
    rows = closecall.json("builtin")
    assert len(rows) == 3 and all(row["licence"] and row["origin"] for row in rows)
    assert closecall("builtin", "nope") == 2 and "newsgroups-close" in closecall.err


def test_import_predictions(closecall: Terminal, tmp_path: Path) -> None:
    frame = pd.DataFrame({"key": list("abcdef"), "label": [1, 0] * 3, "prob": [0.9, 0.2, 0.4, 0.1, 0.8, 0.6]})
    for ratio in (1, 10):
        frame.to_csv(tmp_path / f"at-{ratio}.csv", index=False)
    files = [tmp_path / "at-1.csv", tmp_path / "at-10.csv"]
    assert closecall("import-predictions", *files, "--ratios", "1,10") == 2
    assert "--column label=label" in closecall.err and "--column probability=prob" in closecall.err
    answer = closecall.json("import-predictions", *files, "--ratios", "1,10", "--column", "id=key", "--yes")
    assert answer["kind"] == "imported"
    assert answer["runs"][1]["test_at_half"] == {"tp": 2, "fn": 1, "fp": 1, "tn": 2}
    assert closecall("import-predictions", *files, "--column", "key", "--yes") == 2 and "ROLE=NAME" in closecall.err
    assert (
        closecall("import-predictions", *files, "--ratios", "1,2,3", "--yes") == 2 and "2 files and 3" in closecall.err
    )


def test_check_prints_a_table_or_json(closecall: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOSECALL_ASSETS", str(tmp_path / "none"))
    make_dataset(positives=40, negatives=80)
    assert closecall("check", "posts") == 0
    assert "linear probe reaches AUC" in closecall.out and "Not measurable" in closecall.out
    assert "Comparing texts" in closecall.err and "by their words" in closecall.err
    answer = closecall.json("check", "posts")
    assert [row["key"] for row in answer["rows"]][:2] == ["closeness", "neighbours"] and answer["encoder"] == ""
    assert closecall("check", "nope") == 2 and "no dataset named nope" in closecall.err
