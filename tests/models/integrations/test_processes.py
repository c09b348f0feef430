"""Record trainings of two processes, and of one that is killed, as `accelerate launch` starts them."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from closecall.data.experiments.runs import load_dynamics, load_metrics, load_run, read_status
from closecall.data.experiments.store import run_folder
from closecall.data.io.files import read_frame
from closecall.models.runtime.child_process import CODE_FOLDER, child_environment
from tests.models.integrations.scripts import spam
from tests.tiny_bert import make_tiny_bert

pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]
SCRIPT = "tests.models.integrations.train_recorded"
RUN = "r3-s7-none"


def launch(tiny: Path, out: Path, title: str, *, processes: int = 2) -> subprocess.CompletedProcess[str]:
    """Several processes on the processor, each launch with a port of its own."""
    command = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", str(processes)]
    if processes == 1:
        command = [sys.executable]
    else:
        command += ["--main_process_port", "0"]
    environment = {**child_environment(1), "ACCELERATE_USE_CPU": "true"}
    return subprocess.run(
        [*command, "-m", SCRIPT, str(tiny), str(out), title], cwd=CODE_FOLDER, env=environment, capture_output=True,
        text=True, timeout=200,
    )  # fmt: skip


def test_two_processes_record_one_run(workspace: Path) -> None:
    """Every row once and in order, equal to the Trainer's own logits; the training as without the callback.

    The second title is refused, as the run is there: both processes end, none waits for the other.
    """
    tiny = make_tiny_bert(workspace / "tiny-bert")
    for title in ("", "spam 1:3"):
        done = launch(tiny, workspace, title)
        assert done.returncode == 0, done.stderr[-3000:]
    run = load_run("spam", RUN)
    assert run.status.state == "done" and load_metrics(run)["processes"] == 2 and run.has_projection
    frame = read_frame(run.folder / "predictions.parquet").query("split == 'test'")
    plain, recorded = (np.load(workspace / f"logits{title}.npy") for title in ("", "spam 1:3"))
    assert np.array_equal(plain, recorded)
    assert frame["id"].tolist() == list(spam()["test"]["id"])
    np.testing.assert_allclose(frame[["logit_negative", "logit_positive"]], recorded, atol=1e-6)
    assert np.isfinite(load_dynamics(run).pos_probs).all() and load_dynamics(run).pos_probs.shape == (2, 48)
    again = launch(tiny, workspace, "spam 1:3")
    assert again.returncode != 0 and again.stderr.count("To replace it: overwrite=True") >= 1
    assert load_run("spam", RUN).status == run.status


def test_a_killed_training_is_interrupted(workspace: Path) -> None:
    tiny = make_tiny_bert(workspace / "tiny-bert")
    assert launch(tiny, workspace, "killed", processes=1).returncode == -9
    status = read_status(run_folder("spam", RUN))
    assert status.state == "interrupted" and status.phase in ("loading", "training")
    assert not load_run("spam", RUN).has_predictions
