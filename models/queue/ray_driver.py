"""The driver: the process that submits the runs of an experiment to a Ray cluster.

    python -m closecall.models.queue.ray_driver EXPERIMENT ray[://HOST:PORT]

It uses the same order, status files and cancel files as the local scheduler. A run whose process or machine dies is
resumed from its resume file in another worker process. When no task is queued any more, the driver returns the
experiment to the workspace's scheduler and ends.
"""

import os
import secrets
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import Any

import psutil
import ray
from filelock import FileLock, Timeout
from ray.exceptions import RayError, RayTaskError, RuntimeEnvSetupError

from closecall.data.experiments.previews import drop_hidden_states
from closecall.data.experiments.runs import read_status
from closecall.data.io.errors import UserError
from closecall.data.io.files import write_json
from closecall.data.io.processes import this_machine
from closecall.data.io.workspace import now
from closecall.models.queue.backends import HOME, RAY, assign_backend, driver_file
from closecall.models.queue.jobs import ensure_scheduler
from closecall.models.queue.process_handle import CANCEL_GRACE_SECONDS, write_final_status
from closecall.models.queue.ray_cluster import NO_WORKSPACE, Cluster, WorkspaceMarker, connect, last_line
from closecall.models.queue.tasks import Task, next_of_experiment, task_names
from closecall.models.runtime.progress import write_status_if_possible

LISTEN_SECONDS = 0.25
BEAT_SECONDS = 2.0
END_SECONDS = 3.0
DEATHS = 5
"""A run whose process died this often is not submitted again."""
CONTINUES = "Its process or machine ended. It continues from the last checkpoint."
GAVE_UP = (
    f"The process that trained it died {DEATHS} times on the cluster, most often because memory ran out. Resume "
    "continues from the last checkpoint."
)
STOPPED = "The Ray driver was stopped. Resume continues from the last checkpoint."


def main(arguments: list[str]) -> int:
    """Exit code 0; 1 when the cluster cannot be used or a driver is running already."""
    experiment, on = arguments
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    lock = FileLock(driver_file(experiment).with_suffix(".lock"))
    try:
        with lock.acquire(blocking=False):
            drive(experiment, on)
        return 0
    except Timeout:
        print("A driver of this experiment is running already.", file=sys.stderr)
        return 1
    except UserError as error:
        print(error, file=sys.stderr)
        return 1


def drive(experiment: str, on: str) -> None:
    """Connect, train the queued tasks, and return the experiment. UserError for problems that the user can fix."""
    assign_backend(experiment, RAY)
    status_file = DriverFile(experiment, on)
    try:
        connect(on)
        cluster = Cluster(WorkspaceMarker(str(driver_file(experiment)), status_file.token))
        cluster.first_scan()
        driver = Driver(experiment, cluster, status_file)
        try:
            driver.run()
        except (RayError, ConnectionError) as error:
            raise UserError(
                f"The connection to the Ray cluster was lost ({last_line(error)}). Start it again and resume with --on."
            ) from error
        finally:
            driver.close()
            drop_hidden_states()
    except BaseException as error:
        status_file.write(ended=True, message=str(error) if isinstance(error, UserError) else "")
        raise
    driver_file(experiment).unlink(missing_ok=True)
    if driver_file(experiment).parent.exists():
        assign_backend(experiment, HOME)
        if next_of_experiment(experiment, processes=1) is not None:  # queued meanwhile
            ensure_scheduler()


class DriverFile:
    """The driver's status in driver.json, with the token of the workspace; written when it is created."""

    def __init__(self, experiment: str, on: str) -> None:
        self.token = secrets.token_hex(8)
        self._path = driver_file(experiment)
        self._content: dict[str, Any] = {"schema": 1, "address": on, "token": self.token, "started": now()}
        self._content |= {"pid": os.getpid(), "machine": this_machine(), "ready": False, "ended": False}
        self._content |= {"lanes": 0, "busy": 0, "nodes": 0, "message": ""}
        self.write()

    def write(self, **changes: Any) -> None:
        self._content |= {**changes, "heartbeat": now(), "pid_created": psutil.Process().create_time()}
        if (self._path.parent / "experiment.json").exists():  # else it was deleted: do not create it again
            with suppress(OSError):
                write_json(self._path, self._content)


class Driver:
    """Submits queued tasks to the cluster and monitors them."""

    def __init__(self, experiment: str, cluster: Cluster, status_file: DriverFile) -> None:
        self._experiment, self._cluster, self._status_file = experiment, cluster, status_file
        self._sent: dict[Any, Task] = {}
        self._refused: set[tuple[str, str]] = set()
        self._deaths: Counter[str] = Counter()
        self._cancel_seen: dict[Any, float] = {}
        self._orphans = {name for name in task_names(experiment) if self._state(name) == "running"}
        self._beaten = float("-inf")

    def run(self) -> None:
        """Work until no task is queued or running."""
        while True:
            self._cluster.scan()
            self._requeue_orphans()
            self._submit()
            self._write_heartbeat()
            if not self._sent and not self._orphans:
                return
            self._listen()
            self._end_overdue()

    def close(self) -> None:
        """Stop the running tasks; they become interrupted."""
        with suppress(Exception):  # the cluster may have ended, and Ray raises many types of errors then
            for ref in self._sent:
                ray.cancel(ref, force=True)
            if self._sent:
                ray.wait(list(self._sent), num_returns=len(self._sent), timeout=END_SECONDS)
        for task in self._sent.values():
            if self._state(task.name) != "queued":
                write_final_status(task, STOPPED)
        with suppress(Exception):
            ray.shutdown()

    def _state(self, name: str) -> str:
        try:
            return read_status(Task(self._experiment, name).folder).state
        except (UserError, TypeError):
            return "failed"

    def _requeue_orphans(self) -> None:
        """Queue again the tasks that an earlier driver left running, once they count as interrupted."""
        for name in list(self._orphans):
            state = self._state(name)
            if state != "running":
                self._orphans.discard(name)
            if state == "interrupted":
                self._requeue(Task(self._experiment, name))

    def _submit(self) -> None:
        """Submit queued tasks, one more than there are worker processes, so that an autoscaling cluster grows."""
        while len(self._sent) <= self._cluster.processes:
            taken = self._refused | {task.key for task in self._sent.values()}
            task = next_of_experiment(self._experiment, processes=max(1, self._cluster.processes), taken=taken)
            if task is None:
                return
            print(f"{now()} {task.experiment}/{task.name} is sent", flush=True)
            self._sent[self._cluster.send(task)] = task

    def _listen(self) -> None:
        """Wait a moment for results."""
        if not self._sent:
            time.sleep(LISTEN_SECONDS)
            return
        for ref in ray.wait(list(self._sent), num_returns=len(self._sent), timeout=LISTEN_SECONDS)[0]:
            self._finish(ref)

    def _finish(self, ref: Any) -> None:
        task = self._sent.pop(ref)
        self._cancel_seen.pop(ref, None)
        try:
            state, node = ray.get(ref)
        except (RayTaskError, RuntimeEnvSetupError) as error:
            raise UserError(f"A run could not begin on the cluster ({last_line(error)}).") from error
        except RayError as error:
            print(f"{now()} {task.experiment}/{task.name}: {type(error).__name__}: {error}", flush=True)
            self._after_death(task)
            return
        print(f"{now()} {task.experiment}/{task.name} ended: {state}", flush=True)
        if state == NO_WORKSPACE:
            self._cluster.exclude(node)
        elif state == "unwritten":
            self._refused.add(task.key)

    def _after_death(self, task: Task) -> None:
        """The process or the machine of a task ended: queue the task again until it has died `DEATHS` times."""
        self._deaths[task.name] += 1
        if self._deaths[task.name] < DEATHS and not task.cancel_file.exists():
            self._requeue(task)
        elif not write_final_status(task, GAVE_UP):
            self._refused.add(task.key)

    def _requeue(self, task: Task) -> None:
        if self._state(task.name) in ("running", "interrupted"):
            again = replace(read_status(task.folder), state="queued", message=CONTINUES, pid=0, eta_seconds=None)
            if not write_status_if_possible(task.folder, again):
                self._refused.add(task.key)

    def _end_overdue(self) -> None:
        """End tasks that do not react to their cancel file, such as one that is importing torch."""
        for ref, task in self._sent.items():
            if not task.cancel_file.exists():
                self._cancel_seen.pop(ref, None)
            elif time.monotonic() - self._cancel_seen.setdefault(ref, time.monotonic()) > CANCEL_GRACE_SECONDS:
                with suppress(RayError, ValueError):
                    ray.cancel(ref, force=True)

    def _write_heartbeat(self) -> None:
        if time.monotonic() - self._beaten < BEAT_SECONDS:
            return
        self._beaten = time.monotonic()
        busy = min(len(self._sent), self._cluster.processes)
        nodes = len(self._cluster.nodes)
        self._status_file.write(
            ready=True, lanes=self._cluster.processes, busy=busy, nodes=nodes, message=self._cluster.message
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
