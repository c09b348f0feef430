"""A job in a child process: its status while it runs, when it ends, when it fails and when it is stopped."""

from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from closecall.data.annotations.causes import evidence_folder
from closecall.data.experiments.runs import read_status
from closecall.models.runtime.background_job import job_status, run_job, start_job, stop_job
from closecall.models.runtime.progress import Progress
from tests.makers import make_dataset, make_experiment


@pytest.fixture
def folder(workspace: Path) -> Path:
    """The folder of a job; a status is only written while its experiment exists."""
    return evidence_folder(make_experiment(make_dataset(), ratios=(1,), seeds=(0,)).id)


def test_the_status_follows_the_work(folder: Path) -> None:
    assert job_status(folder) is None
    seen = []

    def work(report) -> None:
        report(Progress("counting", step=1, steps=2))
        seen.append(read_status(folder).state)

    assert run_job(folder, work) == 0
    assert seen == ["running"] and job_status(folder).state == "done"


def test_a_failure_is_a_sentence_in_the_status(folder: Path) -> None:
    def work(report) -> None:
        raise ValueError("This cannot be done.")

    assert run_job(folder, work) == 1
    status = job_status(folder)
    assert status.state == "failed" and status.message


def test_a_started_process_is_stopped_and_started_once(folder: Path) -> None:
    start_job(folder, "http.server", "0")
    pid = read_status(folder).pid
    start_job(folder, "http.server", "0")
    assert read_status(folder).pid == pid  # it runs already
    stop_job(folder)
    assert read_status(folder).state == "cancelled"
    with suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait(20)
    assert not psutil.pid_exists(pid)
    stop_job(folder)  # nothing runs
