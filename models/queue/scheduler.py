"""The worker: the one process of a workspace that trains, whoever queued it.

    python -m closecall.models.queue.scheduler               drain the queue of the workspace, then end
    python -m closecall.models.queue.scheduler RUN_FOLDER    work on this one run, in this process (for a cluster engine)

By `accelerate launch --num_processes N -m closecall.models.queue.scheduler RUN_FOLDER` several processes do that (see `models.training.distributed`).

It needs no torch itself: its lanes do (see `models.queue.worker_process`). Closing the app does not stop it. What it was doing when it
is killed is left interrupted and can be resumed.
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

from closecall.data.experiments.previews import drop_prefixes
from closecall.data.experiments.task_folders import CANCEL, FROZEN
from closecall.data.io.files import write_json
from closecall.data.io.processes import this_machine
from closecall.data.io.workspace import now, workspace_folder
from closecall.models.queue.process_handle import ProcessHandle
from closecall.models.queue.tasks import Task, next_task
from closecall.models.queue.worker_process import perform_task
from closecall.models.runtime.capacity import gpu_available, max_processes

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
    return drain(Worker())


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
        (folder / CANCEL).unlink(missing_ok=True)  # whoever starts it by hand wants it to run
        state, _ = perform_task(experiment.name, name)
        return {"done": 0, "cancelled": 2}.get(state, 1)
    finally:
        if "RANK" in os.environ:
            from closecall.models.training.distributed import leave_group

            leave_group()


def drain(worker: "Worker") -> int:
    """Work until nothing waits, as the only worker of the workspace."""
    lock = worker_lock()
    while True:
        try:
            lock.acquire(timeout=LOCK_SECONDS)
        except Timeout:
            return 0  # there is a worker already
        try:
            worker.run()
        finally:
            worker.close()
            lock.release()
        # Whoever queued while we held the lock relied on us: look again now that others can start a worker.
        if not worker.something_waits():
            return 0


def worker_lock() -> FileLock:
    """The lock that the worker of this workspace holds while it works."""
    return FileLock(workspace_folder() / "worker.lock", thread_local=False)


def worker_file() -> Path:
    return workspace_folder() / "worker.json"


class Worker:
    """Hands waiting tasks to lanes and keeps an eye on them."""

    def __init__(self) -> None:
        self._limit = max_processes()
        self._gpu = gpu_available()
        self._lanes: list[ProcessHandle] = []
        self._refused: set[tuple[str, str]] = set()
        self._started = now()
        self._beaten = self._scanned = float("-inf")

    def run(self) -> None:
        """Work until nothing waits and no lane is busy."""
        while True:
            self._hand_out()
            self._beat()
            if not self._busy():
                return
            self._listen()
            self._bury_the_dead()

    def close(self) -> None:
        """End all lanes; a task that is still under way is left interrupted."""
        for lane in self._lanes:
            if lane.task is None:
                lane.end(END_SECONDS)
            else:
                lane.kill()
                lane.bury("The worker was stopped. Resume continues from the last checkpoint.")
        self._lanes = []
        drop_prefixes()
        worker_file().unlink(missing_ok=True)

    def something_waits(self) -> bool:
        return self._next() is not None

    def _next(self) -> Task | None:
        taken = self._refused | {lane.task.key for lane in self._lanes if lane.task is not None}
        return next_task(lanes=self._room(), taken=taken)

    def _busy(self) -> list[ProcessHandle]:
        return [lane for lane in self._lanes if lane.task is not None]

    def _room(self) -> int:
        """How many lanes there may be. One lane fills a GPU; only a lane knows for sure whether there is one."""
        devices = {lane.device for lane in self._lanes}
        shared = "cuda" in devices or (self._gpu and "cpu" not in devices)
        return 1 if shared and "CLOSECALL_LANES" not in os.environ else self._limit

    def _hand_out(self) -> None:
        """Give waiting tasks to free lanes, and open lanes while there is room."""
        busy = len(self._busy())
        if busy >= self._room() or (busy and time.monotonic() - self._scanned < SCAN_SECONDS):
            return
        while len(self._busy()) < self._room() and (task := self._next()):
            lane = self._free_lane()
            if lane is None:
                break
            print(f"{now()} {task.experiment}/{task.name} begins", flush=True)
            lane.give(task)
        self._scanned = time.monotonic()

    def _free_lane(self) -> ProcessHandle | None:
        """A lane that waits, or a new one; None when the system gives no new process while others still work."""
        free = next((lane for lane in self._lanes if lane.free), None)
        if free is None:
            try:
                free = ProcessHandle()
            except OSError:
                if not self._busy():
                    raise
                return None
            self._lanes.append(free)
        return free

    def _listen(self) -> None:
        """Wait a moment for word from the lanes."""
        with selectors.DefaultSelector() as selector:
            for lane in self._lanes:
                selector.register(lane.output, selectors.EVENT_READ, lane)
            for key, _ in selector.select(LISTEN_SECONDS):
                key.data.hear()
                if key.data.task is None:
                    self._scanned = float("-inf")  # a lane became free: do not let it wait

    def _bury_the_dead(self) -> None:
        for lane in list(self._lanes):
            lane.kill_when_overdue()
            if lane.alive:
                continue
            self._lanes.remove(lane)
            task = lane.task
            if not lane.bury() and task is not None:
                self._refused.add(task.key)  # it would look queued for ever: the disk takes no status

    def _beat(self) -> None:
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
            "lanes": self._room(),
            "busy": len(self._busy()),
        }
        with suppress(OSError):
            write_json(worker_file(), content)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
