"""Commands that explain: audit."""

from pathlib import Path

import pandas as pd

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
