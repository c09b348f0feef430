"""The scheduler: the one process of a workspace that starts queued tasks in worker processes.

    python -m closecall.models.queue.scheduler               train all queued tasks of the workspace, then end
    python -m closecall.models.queue.scheduler RUN_FOLDER    train this one run, in this process (for a cluster)

With `accelerate launch --num_processes N -m` in place of `python -m`, several processes train that run together (see
`models.training.distributed`).

Only its worker processes import torch (see `models.queue.worker_process`). Closing the app does not stop it. Runs that
are training when it is killed become interrupted and can be resumed.
"""

import os
import selectors
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from closecall.data.experiments.previews import drop_hidden_states
from closecall.data.experiments.task_folders import CANCEL, FROZEN
from closecall.data.io.files import write_json
from closecall.data.io.processes import this_machine
from closecall.data.io.workspace import now, workspace_folder
from closecall.models.queue.process_handle import ProcessHandle
from closecall.models.queue.tasks import Task, next_task
from closecall.models.queue.worker_process import perform_task
from closecall.models.runtime.capacity import gpu_available, max_processes, requested_processes

LOCK_SECONDS = 3.0
LISTEN_SECONDS = 0.25
SCAN_SECONDS = 1.0
BEAT_SECONDS = 2.0
END_SECONDS = 5.0


def main(arguments: list[str]) -> int:
    """Exit code 0; for one run 0 when it is done, 1 when it failed, 2 when it was cancelled."""
    if arguments:
        return work_on(Path(arguments[0]))
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    return drain(Scheduler())


def work_on(folder: Path) -> int:
    """Work on one run folder, on one of a preview, or on an experiment's `frozen` folder, here and now."""
    folder = folder.resolve()
    name = f"preview-{folder.name}" if folder.parent.name == "preview" else folder.name
    experiment = folder.parent if name == FROZEN else folder.parent.parent
    if not (experiment / "experiment.json").exists():
        print(f"{folder} is not a run folder of an experiment.", file=sys.stderr)
        return 1
    os.environ["CLOSECALL_HOME"] = str(experiment.parent.parent)
    try:
        if int(os.environ.get("RANK", "0")) > 0:  # beside a main process, which keeps the status and the files
            from closecall.models.training.run import assist

            assist(experiment.name, name)
            return 0
        (folder / CANCEL).unlink(missing_ok=True)  # starting it by hand overrides a cancellation
        state, _ = perform_task(experiment.name, name)
        return {"done": 0, "cancelled": 2}.get(state, 1)
    finally:
        if "RANK" in os.environ:
            from closecall.models.training.distributed import leave_group

            leave_group()


def drain(scheduler: "Scheduler") -> int:
    """Work until nothing waits, as the only scheduler of the workspace."""
    lock = scheduler_lock()
    while True:
        try:
            lock.acquire(timeout=LOCK_SECONDS)
        except Timeout:
            return 0  # there is a scheduler already
        try:
            scheduler.run()
        finally:
            scheduler.close()
            lock.release()
        # A task may have been queued while this process held the lock: check again now that others can take it.
        if not scheduler.has_waiting_task():
            return 0


def scheduler_lock() -> FileLock:
    """The lock that the scheduler of this workspace holds while it works."""
    return FileLock(workspace_folder() / "worker.lock", thread_local=False)


def scheduler_file() -> Path:
    return workspace_folder() / "worker.json"


class Scheduler:
    """Starts waiting tasks in worker processes and monitors them."""

    def __init__(self) -> None:
        self._limit = max_processes()
        self._gpu = gpu_available()
        self._handles: list[ProcessHandle] = []
        self._refused: set[tuple[str, str]] = set()
        self._started = now()
        self._beaten = self._scanned = float("-inf")

    def run(self) -> None:
        """Work until no task is queued or running."""
        while True:
            self._start_tasks()
            self._write_heartbeat()
            if not self._busy():
                return
            self._listen()
            self._reap()

    def close(self) -> None:
        """End all worker processes; a task that is still running becomes interrupted."""
        for handle in self._handles:
            if handle.task is None:
                handle.end(END_SECONDS)
            else:
                handle.kill()
                handle.reap("The scheduler was stopped. Resume continues from the last checkpoint.")
        self._handles = []
        drop_hidden_states()
        scheduler_file().unlink(missing_ok=True)

    def has_waiting_task(self) -> bool:
        return self._next() is not None

    def _next(self) -> Task | None:
        taken = self._refused | {handle.task.key for handle in self._handles if handle.task is not None}
        return next_task(processes=self._max_processes(), taken=taken)

    def _busy(self) -> list[ProcessHandle]:
        return [handle for handle in self._handles if handle.task is not None]

    def _max_processes(self) -> int:
        """The limit on worker processes: one with a GPU, which only a worker process can detect for sure."""
        devices = {handle.device for handle in self._handles}
        shared = "cuda" in devices or (self._gpu and "cpu" not in devices)
        return 1 if shared and not requested_processes() else self._limit

    def _start_tasks(self) -> None:
        """Start waiting tasks in free worker processes, and new processes up to the limit."""
        busy = len(self._busy())
        if busy >= self._max_processes() or (busy and time.monotonic() - self._scanned < SCAN_SECONDS):
            return
        while len(self._busy()) < self._max_processes() and (task := self._next()):
            handle = self._free_handle()
            if handle is None:
                break
            print(f"{now()} {task.experiment}/{task.name} begins", flush=True)
            handle.give(task)
        self._scanned = time.monotonic()

    def _free_handle(self) -> ProcessHandle | None:
        """A free worker process, or a new one; None when the system cannot start one while others are busy."""
        free = next((handle for handle in self._handles if handle.free), None)
        if free is None:
            try:
                free = ProcessHandle()
            except OSError:
                if not self._busy():
                    raise
                return None
            self._handles.append(free)
        return free

    def _listen(self) -> None:
        """Wait a moment for messages of the worker processes."""
        with selectors.DefaultSelector() as selector:
            for handle in self._handles:
                selector.register(handle.output, selectors.EVENT_READ, handle)
            for key, _ in selector.select(LISTEN_SECONDS):
                key.data.read_messages()
                if key.data.task is None:
                    self._scanned = float("-inf")  # a process became free: start its next task at once

    def _reap(self) -> None:
        for handle in list(self._handles):
            handle.kill_when_overdue()
            if handle.alive:
                continue
            self._handles.remove(handle)
            task = handle.task
            if not handle.reap() and task is not None:
                self._refused.add(task.key)  # its status cannot be written and stays queued: do not start it again

    def _write_heartbeat(self) -> None:
        if time.monotonic() - self._beaten < BEAT_SECONDS:
            return
        self._beaten = time.monotonic()
        content = {
            "schema": 1,
            "pid": os.getpid(),
            "pid_created": psutil.Process().create_time(),
            "machine": this_machine(),
            "started": self._started,
            "heartbeat": now(),
            "lanes": self._max_processes(),
            "busy": len(self._busy()),
        }
        with suppress(OSError):
            write_json(scheduler_file(), content)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
