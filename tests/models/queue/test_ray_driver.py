"""Who trains an experiment, and whether it still does: on Ray or at home. No cluster is started here."""

import os
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from closecall.cli.progress import unfinished_experiments
from closecall.data.experiments.runs import RunStatus, read_status, write_status
from closecall.data.experiments.store import load_experiment, run_folder
from closecall.data.io.errors import UserError
from closecall.data.io.files import read_json, write_json
from closecall.data.io.processes import STALE_SECONDS, is_alive, this_machine
from closecall.models.queue import jobs
from closecall.models.queue.backends import HOME, RAY, assign_backend, backend_of, driver_file, driver_status
from closecall.models.queue.scheduler import scheduler_lock
from closecall.models.queue.sweeps import SweepRequest, make_sweep
from closecall.models.queue.tasks import next_of_experiment, next_task
from tests.makers import make_dataset

RUN = "r1-s0-none"


def shown(seconds_ago: float, **changes: object) -> RunStatus:
    """A run at work on another machine, last heard of some time ago."""
    beat = (datetime.now(UTC) - timedelta(seconds=seconds_ago)).isoformat(timespec="seconds")
    status = RunStatus(state="running", pid=os.getpid(), pid_created=1.0, machine="elsewhere 1", heartbeat=beat)
    return replace(status, **changes)  # type: ignore[arg-type]


def test_on_names_ray_or_the_address_of_a_cluster() -> None:
    assert (backend_of(""), backend_of("ray"), backend_of("ray://head:10001")) == (HOME, RAY, RAY)
    for wrong in ("spark", "ray://head", "ray://:1", "http://head:1", "ray:"):
        with pytest.raises(UserError, match="give ray, or the address"):
            backend_of(wrong)


def test_without_ray_a_sentence_says_what_to_install(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    make_dataset()
    with pytest.raises(UserError, match=r'pip install "closecall\[ray\]"'):
        jobs.queue_sweep(SweepRequest("posts", title="never", ratios=[1], on="ray"))
    assert not (workspace / "experiments").exists()


def test_the_scheduler_skips_runs_of_ray_until_they_are_moved_back(workspace: Path) -> None:
    make_dataset()
    make_sweep(SweepRequest("posts", title="far", ratios=[1], on="ray"))
    assert next_task(processes=1) is None and next_of_experiment("far", processes=1) is not None
    assert not jobs.is_attended("far") and unfinished_experiments() == ["far"]
    with scheduler_lock():  # a worker seems to be alive, so that none is started
        jobs.resume("far")
    task = next_task(processes=1)
    assert load_experiment("far").backend == HOME and task is not None and task.name == RUN


def test_a_living_driver_keeps_its_experiment(workspace: Path) -> None:
    make_dataset()
    make_sweep(SweepRequest("posts", title="far", ratios=[1], on="ray"))
    own = {"pid": os.getpid(), "pid_created": psutil.Process().create_time(), "machine": this_machine()}
    more = {"ready": True, "ended": False, "address": "ray", "lanes": 7, "busy": 1, "nodes": 2, "message": ""}
    write_json(driver_file("far"), {"schema": 1, **own, **more, "heartbeat": ""})
    jobs.cancel("far")
    with scheduler_lock():
        jobs.resume("far")
    assert load_experiment("far").backend == RAY and next_task(processes=1) is None
    assert jobs.is_attended("far") and jobs.experiment_progress("far").active
    write_json(driver_file("far"), {**read_json(driver_file("far")), "ended": True, "message": "Why."})
    assert not driver_status("far").alive and driver_status("far").message == "Why."
    driver_file("far").write_text("{}")
    assert not driver_status("far").alive


def test_a_run_on_another_machine_is_judged_by_its_heartbeat(workspace: Path) -> None:
    make_dataset()
    make_sweep(SweepRequest("posts", title="far", ratios=[1]))
    folder = run_folder("far", RUN)
    expected = {0: "running", STALE_SECONDS / 2: "running", STALE_SECONDS + 5: "interrupted", -30: "running"}
    for seconds, state in expected.items():
        write_status(folder, shown(seconds))
        assert read_status(folder).state == state
    write_status(folder, shown(0, machine=this_machine()))  # here the pid counts: it is another process's
    assert read_status(folder).state == "interrupted"
    assert not is_alive(1, 1.0, "elsewhere 1", "no time")


def test_taking_an_experiment_changes_nothing_else(workspace: Path) -> None:
    make_dataset()
    before = make_sweep(SweepRequest("posts", title="far", ratios=[1, 2]))
    assign_backend("far", RAY)
    assert load_experiment("far") == replace(before, backend=RAY)
    assign_backend("far", HOME)
    assert load_experiment("far") == before
