"""`benchmarks.killed_sweep` with a few kills of real processes, and its comparison of two folders."""

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
def test_a_sweep_killed_a_few_times_has_the_same_results(workspace: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.killed_sweep", "--small", "--kills", "4", "--longest", "4"]
    child = subprocess.run(
        command, cwd=CODE_FOLDER, capture_output=True, text=True, env={**os.environ, "CLOSECALL_PROCESSES": "2"}
    )
    assert child.returncode == 0, child.stdout + child.stderr
    assert "4 kills" in child.stdout and "the same, bit for bit" in child.stdout
    assert "at most 2 processes" in child.stdout


def test_differences_are_listed(tmp_path: Path) -> None:
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    for folder in (undisturbed, killed):
        write_array(folder / "runs" / "r1" / "embeddings.npy", np.zeros(3))
        write_json(folder / "runs" / "r1" / "metrics.json", {"auc": 0.5, "seconds": {"training": len(str(folder))}})
    assert compare(undisturbed, killed) == []
    write_array(killed / "runs" / "r1" / "embeddings.npy", np.array([0, 0, 1e-300]))
    write_json(killed / "runs" / "r1" / "metrics.json", {"auc": 0.6, "seconds": {}})
    (killed / "runs" / "r1" / "resume.safetensors").touch()
    shown = compare(undisturbed, killed)
    assert [one.split(" ", 1)[1] for one in shown] == [
        "is in one folder only",
        "was left behind",
        "differs",
        "differs",
    ]
