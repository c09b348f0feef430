"""The scheduler's side of a worker process: start the process, give it a task, read its messages, stop it."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from typing import IO, Any

from closecall.data.experiments.runs import RunStatus, read_status
from closecall.data.io.errors import UserError
from closecall.data.io.workspace import now
from closecall.models.queue.tasks import Task
from closecall.models.runtime.capacity import threads_per_process
from closecall.models.runtime.child_process import CODE_FOLDER, child_environment
from closecall.models.runtime.failures import exit_sentence
from closecall.models.runtime.progress import write_status_if_possible

CANCEL_GRACE_SECONDS = 3.0
"""How long a worker process may take to react to a cancel file before it is killed; users read "within 5 seconds"."""
HALT_SECONDS = 0.05


class ProcessHandle:
    """One worker process, busy with `task` or waiting for one (None)."""

    def __init__(self) -> None:
        self.task: Task | None = None
        self.device: str | None = None
        self._goes_on = True
        self._cancel_seen: float | None = None
        self._half_line = b""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "closecall.models.queue.worker_process", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=CODE_FOLDER,
            env=child_environment(threads_per_process()),
        )
        os.set_blocking(self.output.fileno(), False)

    @property
    def output(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def free(self) -> bool:
        """Whether it can take a task: a worker process ends after an unexpected error."""
        return self.task is None and self._goes_on and self.alive

    def give(self, task: Task) -> None:
        """Hand over a task. If the process has just died, `alive` is False."""
        self.task, self._cancel_seen = task, None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"experiment": task.experiment, "name": task.name}).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            self._process.kill()

    def read_messages(self) -> None:
        """Read the messages of the worker process; a finished task makes it free."""
        try:
            received = os.read(self.output.fileno(), 65536)
        except BlockingIOError:
            return
        *lines, self._half_line = (self._half_line + received).split(b"\n")
        for line in lines:
            message: dict[str, Any] = json.loads(line)
            self.device = message.get("device", self.device)
            if "finished" in message:
                self.task, self._goes_on = None, bool(message["goes_on"])

    def kill_when_overdue(self) -> None:
        """Kill a worker process that does not react to the cancel file of its task."""
        if self.task is None or not self.task.cancel_file.exists():
            self._cancel_seen = None
        elif self._cancel_seen is None:
            self._cancel_seen = time.monotonic()
        elif time.monotonic() - self._cancel_seen > CANCEL_GRACE_SECONDS:
            # Stopped first, so that it writes no later status and no reader sees a dead run without a final status.
            self._process.send_signal(signal.SIGSTOP)
            time.sleep(HALT_SECONDS)
            write_final_status(self.task, "")
            self.kill()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def reap(self, message: str = "") -> bool:
        """Write the final status of a dead worker process's task; False when it could not be written."""
        self.read_messages()
        code = self._process.wait()
        self._close()
        task, self.task = self.task, None
        return task is None or write_final_status(task, message or exit_sentence(code))

    def end(self, seconds: float) -> None:
        """Let an idle worker process end by itself; kill it when it takes too long."""
        self._close()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def _close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    continue


def write_final_status(task: Task, message: str) -> bool:
    """Write the final status of a task whose process died before it could; False when it could not be written."""
    try:
        status = read_status(task.folder)
    except UserError:
        status = RunStatus()
    if status.state not in ("queued", "running", "interrupted"):
        return True  # it was finished: the process died between its final status and its message
    state = "cancelled" if task.cancel_file.exists() else "interrupted"
    message = "" if state == "cancelled" else message
    last = replace(status, state=state, message=message, finished=now(), eta_seconds=None)
    return write_status_if_possible(task.folder, last)
