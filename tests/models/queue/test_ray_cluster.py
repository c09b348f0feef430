"""Runs on real Ray clusters, among them one of two nodes, end as at home, whatever is killed.

One thread for a worker process and a tiny BERT on eight examples: almost all of the time goes into importing torch.
"""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest

from closecall.data.experiments.runs import RunStatus, load_metrics, load_run, load_runs
from closecall.data.experiments.store import load_experiment, run_folder, run_names
from closecall.data.io.errors import UserError
from closecall.data.io.files import read_frame, read_json
from closecall.models.queue import jobs
from closecall.models.queue.backends import HOME, RAY, driver_file, driver_status
from closecall.models.queue.sweeps import SweepRequest
from closecall.models.queue.tasks import next_of_experiment
from tests.models.queue.test_scheduler import LONG, small_dataset, trains, wait_for
from tests.tiny_bert import make_tiny_bert

pytestmark = pytest.mark.slow
RUN = "r1-s0-none"
WEIGHTS = "checkpoint/model.safetensors"


@pytest.fixture
def house(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A workspace with eight examples and a tiny encoder; its worker and drivers are ended with the test."""
    monkeypatch.setenv("CLOSECALL_PROCESSES", "1")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    small_dataset()
    make_tiny_bert(workspace / "tiny")
    yield workspace
    pids = [read_json(path)["pid"] for path in workspace.glob("experiments/*/driver.json")]
    for pid in [*pids, jobs.scheduler_status().pid]:
        if pid and psutil.pid_exists(pid):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def cluster(house: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A head without processors and two nodes with one each."""
    cluster_utils = pytest.importorskip("ray.cluster_utils")
    small = {"object_store_memory": 80 * 1024 * 1024}
    made = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **small})
    for _ in range(2):
        made.add_node(num_cpus=1, **small)
    monkeypatch.setenv("RAY_ADDRESS", made.address)
    yield made
    made.shutdown()


def queue(house: Path, title: str, seeds: tuple[int, ...], on: str, epochs: int = 100) -> str:
    training = replace(LONG, encoder=str(house / "tiny"), epochs=epochs)
    return jobs.queue_sweep(SweepRequest("small", title=title, ratios=[1], seeds=seeds, training=training, on=on)).id


def at_work(experiment: str) -> dict[str, RunStatus]:
    runs = {name: load_run(experiment, name).status for name in run_names(experiment)}
    return {name: status for name, status in runs.items() if status.state == "running"}


def all_done(experiment: str) -> bool:
    progress = jobs.experiment_progress(experiment)
    assert not progress.counts["failed"]
    return not progress.active and progress.counts["done"] == len(progress.runs)


def assert_same(first: str, second: str) -> None:
    for name in run_names(first):
        one, two = run_folder(first, name), run_folder(second, name)
        assert (one / WEIGHTS).read_bytes() == (two / WEIGHTS).read_bytes()
        for file in ("predictions.parquet", "projection.parquet"):
            pd.testing.assert_frame_equal(read_frame(one / file), read_frame(two / file))
        np.testing.assert_array_equal(np.load(one / "embeddings.npy"), np.load(two / "embeddings.npy"))
        dynamics = [np.load(folder / "dynamics.npz")["pos_probs"] for folder in (one, two)]
        np.testing.assert_array_equal(*dynamics)


@pytest.mark.timeout(400)
def test_a_node_and_a_worker_killed_in_mid_sweep_change_no_result(house: Path, cluster: Any) -> None:
    torn = queue(house, "torn", (0, 1, 2), "ray")
    assert driver_status(torn).alive and driver_status(torn).processes == 2 and not jobs.any_running()
    wait_for(lambda: trains(torn, 5)() and trains(torn, 5, "r1-s1-none")(), 120)
    for status in at_work(torn).values():  # one thread each, also in libraries that look only once
        environment = Path(f"/proc/{status.pid}/environ").read_text().split("\0")
        assert "OMP_NUM_THREADS=1" in environment and "CLOSECALL_THREADS=1" in environment
    steps = {name: status.epoch for name, status in at_work(torn).items()}
    os.kill(at_work(torn)[RUN].pid, signal.SIGKILL)
    wait_for(lambda: load_run(torn, RUN).status.epoch > steps[RUN], 120)
    raylet = next(iter(cluster.worker_nodes)).all_processes["raylet"][0].process
    os.kill(raylet.pid, signal.SIGKILL)
    whole = queue(house, "whole", (0, 1, 2), "")  # the ordinary worker, side by side
    wait_for(lambda: all_done(torn) and all_done(whole), 300)
    assert load_experiment(torn).backend == HOME and not driver_file(torn).exists()
    assert all(load_metrics(run)["threads"] == 1 for run in load_runs(torn))
    assert_same(whole, torn)


@pytest.mark.timeout(300)
def test_cancel_and_resume_on_ray_give_the_same_results_as_locally(house: Path) -> None:
    """With a Ray of the driver's own, which ends with it."""
    experiment = queue(house, "stopped", (0, 1), "ray")
    wait_for(trains(experiment, 5), 120)
    family = psutil.Process(driver_status(experiment).pid).children(recursive=True)
    jobs.cancel(experiment)
    wait_for(lambda: not jobs.experiment_progress(experiment).active, 30)
    assert jobs.experiment_progress(experiment).counts["cancelled"] == 2
    reached = load_run(experiment, RUN).status.epoch
    jobs.resume(experiment, on="ray")
    wait_for(lambda: load_run(experiment, RUN).status.epoch > reached, 120)
    os.kill(driver_status(experiment).pid, signal.SIGKILL)
    wait_for(lambda: not jobs.is_attended(experiment), 5)
    wait_for(lambda: not at_work(experiment), 30)  # Ray ends with its driver
    jobs.resume(experiment)  # at home
    assert jobs.any_running()
    whole = queue(house, "whole", (0, 1), "")
    wait_for(lambda: all_done(experiment) and all_done(whole), 120)
    assert_same(whole, experiment)
    assert not psutil.wait_procs(family, timeout=10)[1]


@pytest.mark.timeout(120)
def test_errors_of_the_driver_are_one_sentence(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(UserError, match=r"No Ray cluster can be reached at 127.0.0.1:1.*closecall resume lost"):
        queue(house, "lost", (0,), "ray")
    assert load_experiment("lost").backend == RAY and not jobs.is_attended("lost")
    assert next_of_experiment("lost", processes=1) is not None
