"""Commands that explain: audit."""

from pathlib import Path

import pandas as pd

from closecall.data.datasets.store import load_examples
from closecall.data.io.files import write_frame
from tests.cli.terminal import Terminal
from tests.makers import make_dataset, make_experiment


def test_audit_is_listed_written_and_printed(closecall: Terminal, tmp_path: Path) -> None:
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0, 1))
    assert closecall("audit", "sweep", "--out", tmp_path / "suspects.csv") == 0
    assert "1:3" in closecall.out and "95 % CI" in closecall.out
    table = pd.read_csv(tmp_path / "suspects.csv")
    assert {"id", "self_confidence", "nearest_other", "text", "dataset_sha256"} <= set(table)
    assert closecall("audit", "sweep", "--json") == 0
    assert closecall.out.count("\n") == len(table)
    assert closecall("audit", "nope") == 2 and "no experiment named nope" in closecall.err


def test_near_copies_with_opposite_labels_come_first(closecall: Terminal, workspace: Path, tmp_path: Path) -> None:
    sweep = make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,)).id
    examples = load_examples("posts").set_index("id", drop=False)
    long = " ".join(f"word{one}" for one in range(40))
    examples.loc["post-00003", "text"], examples.loc["post-00085", "text"] = f"{long} mac", f"{long} windows"
    write_frame(workspace / "datasets" / "posts" / "examples.parquet", examples.reset_index(drop=True))
    assert closecall("audit", sweep, "--out", tmp_path / "a.csv") == 0
    assert "1 pair of near copies has opposite labels" in closecall.err and "Comparing texts" in closecall.err
    written = pd.read_csv(tmp_path / "a.csv")
    pairs = set(written.loc[written["near_copy"].notna(), ["id", "near_copy"]].itertuples(index=False, name=None))
    assert {("post-00003", "post-00085"), ("post-00085", "post-00003")} <= pairs
    assert written["near_copy"].notna().to_numpy()[: len(pairs)].all() and written["near_copy"].isna().iloc[-1]
    assert closecall("audit", sweep, "--json") == 0 and "near_copy_jaccard" in closecall.out
