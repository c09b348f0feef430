"""Commands for the hard-case list: hard-cases, relabel."""

from pathlib import Path

import pandas as pd

from closecall.data.annotations.hard_cases import Origin, add_hard_cases, load_hard_cases
from closecall.data.experiments.store import experiment_ids
from tests.cli.terminal import Terminal
from tests.makers import HOSTILE


def test_hard_cases_are_written(closecall: Terminal, sweep: str, tmp_path: Path) -> None:
    assert closecall("hard-cases", sweep) == 0 and "Add some on the Errors page" in closecall.err
    ids = [f"post-{n:05d}" for n in range(3)]
    add_hard_cases(sweep, ids, ["missed"] * 3, origin=Origin("r10-s0-none", 10, 0))
    assert closecall("hard-cases", sweep, "--out", tmp_path / "list.parquet") == 0
    assert pd.read_parquet(tmp_path / "list.parquet")["text"].tolist() == HOSTILE
    assert closecall("hard-cases", sweep) == 0
    assert "\x00" not in closecall.out and "\u202e" not in closecall.out and "<script>" in closecall.out


def test_every_format_is_written(closecall: Terminal, sweep: str, tmp_path: Path) -> None:
    add_hard_cases(sweep, ["post-00003"], ["missed"])
    for form, name in (("hf", "folder"), ("hf", "all.zip"), ("argilla", "a.json"), ("label-studio", "tasks.json")):
        assert closecall("hard-cases", sweep, "--form", form, "--out", tmp_path / name) == 0
        assert (tmp_path / name).exists()
    assert "<Choices" in (tmp_path / "tasks-interface.xml").read_text()
    assert (tmp_path / "folder" / "README.md").is_file() and (tmp_path / "folder" / "data").is_dir()
    assert closecall("hard-cases", sweep, "--form", "hf", "--out", tmp_path / "folder") == 2
    assert "not an empty folder" in closecall.err
    assert closecall("hard-cases", sweep, "--form", "xlsx", "--out", tmp_path / "x") == 2
    assert closecall("hard-cases", sweep, "--form", "csv") == 2 and "--out" in closecall.err


def test_a_list_is_imported_and_applied(closecall: Terminal, sweep: str, tmp_path: Path) -> None:
    add_hard_cases(sweep, ["post-00003", "post-00004"], ["missed", "missed"])
    closecall("hard-cases", sweep, "--out", tmp_path / "list.csv")
    table = pd.read_csv(tmp_path / "list.csv", dtype=str, keep_default_na=False)
    table.loc[0, "new_label"] = "pc"
    table.iloc[:1].to_csv(tmp_path / "back.csv", index=False)
    assert closecall("hard-cases", sweep, "--import", tmp_path / "back.csv") == 0
    assert "new label: none → pc" in closecall.out and "not written yet" in closecall.err
    assert "--remove-missing" in closecall.err
    assert load_hard_cases(sweep)["action"].tolist() == ["", ""]
    imported = closecall.json("hard-cases", sweep, "--import", tmp_path / "back.csv", "--yes", "--who", "Ann")
    assert imported["written"] and imported["changes"] == [{"id": "post-00003", "new_label": "pc", "action": "relabel"}]
    assert closecall("hard-cases", sweep, "--import", tmp_path / "back.csv", "--yes") == 0
    assert "Nothing to change" in closecall.err
    assert closecall("relabel", sweep, "--training-only") == 2 and "changes no label" in closecall.err
    assert closecall("relabel", sweep, "--queue") == 0
    assert "test: 1 labels changed" in closecall.err and "posts-v2" in closecall.err
    assert "sweep-on-posts-v2" in experiment_ids()
