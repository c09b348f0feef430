"""One job in a process of its own that outlives the app: start, stop, status, and the run itself.

The status file is in the job's folder. Running stores a result only at its end, so that a stopped job leaves none.
"""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from closecall.data.experiments.runs import RunStatus, read_status
from closecall.data.io.workspace import now
from closecall.models.runtime.child_process import start_module
from closecall.models.runtime.failures import failure_details, failure_sentence
from closecall.models.runtime.progress import Progress, StatusWriter, write_status_if_possible


def start_job(folder: Path, module: str, argument: str) -> None:
    """Start `python -m module argument`, unless the job of this folder is running."""
    if (status := job_status(folder)) is not None and status.state == "running":
        return
    folder.mkdir(parents=True, exist_ok=True)
    process = start_module(module, argument, log=Path(os.devnull))
    with suppress(psutil.Error):  # written here first, since the process takes a second to write its own
        created = psutil.Process(process.pid).create_time()
        write_status_if_possible(
            folder, RunStatus(state="running", phase="loading", started=now(), pid=process.pid, pid_created=created)
        )


def stop_job(folder: Path) -> None:
    """Terminate the running job of a folder; nothing happens when none runs."""
    status = read_status(folder)
    if status.state == "running":
        os.kill(status.pid, signal.SIGTERM)
        write_status_if_possible(folder, RunStatus(state="cancelled", finished=now()))


def job_status(folder: Path) -> RunStatus | None:
    """The status of the job that was started last; None when none was."""
    return read_status(folder) if (folder / "status.json").exists() else None


def run_job(folder: Path, work: Callable[[Callable[[Progress], None]], object]) -> int:
    """Do the work of this process and write its status. Returns the exit code: 0 when done, 1 when it failed.

    `work` gets a function that reports progress.
    """
    folder.mkdir(parents=True, exist_ok=True)
    status = StatusWriter(folder)
    status.begin()
    try:
        work(status.report)
    except Exception as error:
        status.end("failed", failure_sentence(error), failure_details(error))
        return 1
    status.end("done")
    return 0
