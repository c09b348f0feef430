"""A worker process: trains one run after the other, so that torch is imported once for many.

    python -m closecall.models.queue.worker_process PARENT_PID

The scheduler writes a JSON line for each task to its standard input and reads JSON lines from its standard output:
`{"device": ...}` after importing torch and `{"finished": ..., "goes_on": ...}` after each task. Everything else that
is printed goes to the log. It ends when its input ends, and is killed when its scheduler ends.
"""

import ctypes
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from closecall.data.experiments.previews import read_preview_name
from closecall.data.experiments.store import load_run_config
from closecall.data.experiments.task_folders import CANCEL, FROZEN, task_folder
from closecall.data.io.errors import UserError
from closecall.models.runtime.extras import require_training
from closecall.models.runtime.failures import failure_details, failure_sentence
from closecall.models.runtime.progress import Cancelled, StatusWriter, folder_exists

CHECK_SECONDS = 0.2
PR_SET_PDEATHSIG = 1


def main() -> int:
    """Work on tasks until the input ends. Exit code 1: the final status of a task could not be written."""
    parent = int(sys.argv[1])
    _exit_with(parent)
    channel = _own_output()

    def send(**message: Any) -> None:
        os.write(channel, (json.dumps(message) + "\n").encode())

    for line in sys.stdin:
        order = json.loads(line)
        state, reusable = perform_task(
            order["experiment"], order["name"], parent=parent, report_device=lambda device: send(device=device)
        )
        if state == "unwritten":
            return 1
        send(finished=state, goes_on=reusable)
        if not reusable:
            return 0
    return 0


def perform_task(
    experiment: str, name: str, *, parent: int | None = None, report_device: Callable[[str], None] = lambda device: None
) -> tuple[str, bool]:
    """Work on one task in this process and write its status: the final state, and whether the process can be reused.

    The state is done, cancelled, failed, interrupted (the parent ended), or "unwritten" (the status was not written).
    After an unexpected error the process should not be reused.
    """
    folder = task_folder(experiment, name)
    stop = _Stop(folder, parent)
    keeper = StatusWriter(folder)
    try:
        _remove_leftovers(folder)
        keeper.begin()
        stopped = not _work(experiment, name, stop, keeper, report_device)
        state, message, trace, reusable = ("done", "", "", True) if not stopped else (stop.state(), "", "", True)
    except Exception as error:
        state, message, trace = "failed", failure_sentence(error), failure_details(error)
        reusable = isinstance(error, UserError)
    written = keeper.end(state, message, trace)
    return (state if written else "unwritten"), reusable


def _work(
    experiment: str, name: str, stop: "_Stop", keeper: StatusWriter, report_device: Callable[[str], None]
) -> bool:
    """Execute a task; whether it was finished."""
    if stop():
        return False
    require_training()
    # Imported here because it takes seconds, and the phase in the status is already "loading".
    import torch

    from closecall.models.training.run import execute

    report_device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        if name == FROZEN:
            from closecall.models.training.frozen_embeddings import execute_frozen

            execute_frozen(experiment, should_stop=stop, report=keeper.report)
        elif read_preview_name(name):
            from closecall.models.training.preview import execute_preview

            execute_preview(experiment, name, should_stop=stop, report=keeper.report)
        else:
            execute(load_run_config(experiment, name), should_stop=stop, report=keeper.report)
    except Cancelled:
        return False
    return True


class _Stop:
    """Whether to stop: a cancel file is there, the experiment was deleted, or the scheduler ended."""

    def __init__(self, folder: Path, parent: int | None) -> None:
        self._folder = folder
        self._parent = parent
        self._checked = float("-inf")
        self._stop = False

    def __call__(self) -> bool:
        # Called after each step: a few checks of the disk a second are enough.
        if not self._stop and time.monotonic() - self._checked > CHECK_SECONDS:
            self._stop = self._orphaned() or (self._folder / CANCEL).exists() or not folder_exists(self._folder)
            self._checked = time.monotonic()
        return self._stop

    def state(self) -> str:
        return "interrupted" if self._orphaned() else "cancelled"

    def _orphaned(self) -> bool:
        return self._parent is not None and os.getppid() != self._parent


def _remove_leftovers(folder: Path) -> None:
    """Remove the half files of a process that was killed while it wrote; no other process writes here now."""
    for leftover in folder.glob(".*"):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def _exit_with(parent: int) -> None:
    """Be killed when the scheduler dies. Where the system cannot do that, `_Stop` detects it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the call above
        sys.exit(0)


def _own_output() -> int:
    """Reserve the standard output for the scheduler; what libraries print goes to the log."""
    channel = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return channel


if __name__ == "__main__":
    sys.exit(main())
