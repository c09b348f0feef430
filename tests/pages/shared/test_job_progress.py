"""The progress of background jobs on the three pages that start one: shown, stopped, and why one did not end."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from closecall.data.annotations.causes import evidence_folder
from closecall.data.annotations.label_audits import audit_folder
from closecall.data.datasets.checks import check_folder
from closecall.data.experiments.runs import RunStatus, read_status, write_status
from tests.makers import make_dataset, make_experiment
from tests.pages_driver import keys_of, open_page, page_text


class Job(NamedTuple):
    page: str
    query: dict[str, str]
    folder: Callable[[], Path]
    stop: str
    start: str
    text: str


JOBS = [
    Job("label_audit", {}, lambda: audit_folder("sweep"), "stop-audit", "audit", "Fold 2 of 5"),
    Job(
        "overview", {}, lambda: evidence_folder("sweep"), "stop-causes", "find-causes", "Computing the evidence: fold 2"
    ),
    Job("data", {"dataset": "posts"}, lambda: check_folder("posts"), "stop-check", "check-dataset", "Fold 2 of 5"),
]


@pytest.fixture
def process(workspace: Path) -> Iterator[subprocess.Popen]:
    make_experiment(make_dataset(), ratios=(1, 3), seeds=(0,))
    running = subprocess.Popen(["sleep", "60"])
    yield running
    running.kill()
    running.wait()


@pytest.mark.parametrize("job", JOBS, ids=[one.page for one in JOBS])
def test_a_running_job_is_shown_and_stopped(process: subprocess.Popen, job: Job) -> None:
    times = {"pid": process.pid, "pid_created": psutil.Process(process.pid).create_time()}
    write_status(job.folder(), RunStatus(state="running", phase="fold 2 of 5", step=40, steps=100, **times))
    at = open_page(job.page, **job.query)
    bars = [one.proto for one in at.get("progress")]
    assert [(one.value, one.text[: len(job.text)]) for one in bars] == [(40, job.text)]
    assert job.start not in keys_of(at, "button")
    at.button(key=job.stop).click().run()
    assert process.wait(20) != 0 and read_status(job.folder()).state == "cancelled"
    at.run()
    assert job.start in keys_of(at, "button") and job.stop not in keys_of(at, "button")


@pytest.mark.parametrize("job", JOBS, ids=[one.page for one in JOBS])
def test_a_job_that_did_not_end_says_why(process: subprocess.Popen, job: Job) -> None:
    write_status(job.folder(), RunStatus(state="failed", message="No space is *left*."))
    at = open_page(job.page, **job.query)
    assert "No space is \\*left\\*\\." in page_text(at) and job.start in keys_of(at, "button")
    write_status(job.folder(), RunStatus(state="running", pid=2**22 + 1))
    assert len(open_page(job.page, **job.query).warning) >= 1
