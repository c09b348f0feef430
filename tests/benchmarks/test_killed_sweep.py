"""A few of the kills of `benchmarks.killed_sweep`, with real processes; and that it sees what differs."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.killed_sweep import compare
from closecall.data.io.files import write_array, write_json
from closecall.models.runtime.child_process import CODE_FOLDER


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_sweep_that_is_killed_a_few_times_ends_the_same(workspace: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.killed_sweep", "--small", "--kills", "4", "--longest", "4"]
    child = subprocess.run(
        command, cwd=CODE_FOLDER, capture_output=True, text=True, env={**os.environ, "CLOSECALL_PROCESSES": "2"}
    )
    assert child.returncode == 0, child.stdout + child.stderr
    assert "4 kills" in child.stdout and "the same, bit for bit" in child.stdout
    assert "at most 2 processes" in child.stdout


def test_what_differs_is_told(tmp_path: Path) -> None:
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    for side in (whole, torn):
        write_array(side / "runs" / "r1" / "embeddings.npy", np.zeros(3))
        write_json(side / "runs" / "r1" / "metrics.json", {"auc": 0.5, "seconds": {"training": len(str(side))}})
    assert compare(whole, torn) == []
    write_array(torn / "runs" / "r1" / "embeddings.npy", np.array([0, 0, 1e-300]))
    write_json(torn / "runs" / "r1" / "metrics.json", {"auc": 0.6, "seconds": {}})
    (torn / "runs" / "r1" / "resume.safetensors").touch()
    shown = compare(whole, torn)
    assert [one.split(" ", 1)[1] for one in shown] == [
        "is in one of both only",
        "was left behind",
        "differs",
        "differs",
    ]
