"""Several processes in one run, by a real `accelerate launch` of two on the processor."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from closecall.data.experiments.runs import load_metrics, load_run, read_status
from closecall.models.queue import jobs
from closecall.models.runtime.child_process import CODE_FOLDER, child_environment
from tests.models.queue.test_scheduler import trains, wait_for
from tests.tiny_sweep import make_tiny_sweep

pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]
RUN = "r2-s0-none"


def launch(*module: str, processes: int = 2) -> subprocess.Popen[bytes]:
    """The way of several GPUs, on the processor; every launch has a port of its own."""
    command = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", str(processes)]
    environment = {**child_environment(1), "ACCELERATE_USE_CPU": "true"}
    ports = ["--main_process_port", "0"]
    return subprocess.Popen(
        [*command, *ports, "-m", *module], cwd=CODE_FOLDER, env=environment, stderr=subprocess.DEVNULL
    )


def alone(*module: str) -> int:
    return subprocess.run([sys.executable, "-m", *module], cwd=CODE_FOLDER, env=child_environment(1)).returncode


def test_two_processes_train_the_weights_of_one(workspace: Path) -> None:
    """Without dropout and in fp32, also where the second process has no share of a batch."""
    from tests.tiny_bert import make_tiny_bert

    still = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    tiny = make_tiny_bert(workspace / "still", **still)
    outs = [workspace / name for name in ("one", "two")]
    for out in outs:
        out.mkdir()
    assert alone("tests.train_together", str(tiny), str(outs[0])) == 0
    assert launch("tests.train_together", str(tiny), str(outs[1])).wait(200) == 0
    one, two = (load_file(out / "model.safetensors") for out in outs)
    for name, weights in one.items():
        torch.testing.assert_close(two[name], weights, rtol=1e-4, atol=2e-5, msg=name)
    seen = [np.load(out / "pos_probs.npy") for out in outs]
    assert np.isfinite(seen[1]).all()
    np.testing.assert_allclose(*seen, atol=2e-5)


def test_a_run_of_two_processes_is_stopped_and_goes_on(workspace: Path) -> None:
    """With dropout: bit for bit as two processes that were never stopped."""
    (whole, _), (torn, _) = (make_tiny_sweep(workspace, title=title, epochs=40) for title in ("whole", "torn"))
    folders = [load_run(config.id, RUN).folder for config in (whole, torn)]
    first = launch("closecall.models.queue.scheduler", str(folders[1]))
    wait_for(trains(torn.id, 3, RUN), 100)
    jobs.cancel(torn.id)
    assert first.wait(60) != 0
    stopped = read_status(folders[1])
    assert stopped.state == "cancelled" and 3 <= stopped.epoch < 40
    assert launch("closecall.models.queue.scheduler", str(folders[1])).wait(200) == 0
    assert launch("closecall.models.queue.scheduler", str(folders[0])).wait(200) == 0
    metrics = [load_metrics(load_run(config.id, RUN)) for config in (whole, torn)]
    assert [one["processes"] for one in metrics] == [2, 2] and metrics[0]["history"] == metrics[1]["history"]
    weights = [(folder / "checkpoint" / "model.safetensors").read_bytes() for folder in folders]
    assert weights[0] == weights[1]
    # What is done is not done again, and the second process ends as well.
    before = (folders[1] / "predictions.parquet").stat().st_mtime_ns
    assert launch("closecall.models.queue.scheduler", str(folders[1])).wait(100) == 0
    assert (folders[1] / "predictions.parquet").stat().st_mtime_ns == before
