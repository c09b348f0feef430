"""Tell the world how far a task is, without keeping the training waiting for the disk."""

import json
import os
import threading
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import psutil

from data.processes import this_machine
from data.runs import RunStatus, write_status
from data.workspace import now

BEAT_SECONDS = 1.0


class StatusKeeper:
    """Writes a task's status.json once a second from a thread of its own, between `begin` and `end`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._status = RunStatus(
            state="running", phase="loading", started=now(), pid=os.getpid(), machine=this_machine()
        )
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True, name="status keeper")

    def begin(self) -> None:
        self._write()
        self._thread.start()

    def report(self, progress: Any) -> None:
        """Take the newest progress: an object with the attributes phase, epoch, epochs, step, steps and so on."""
        names = ("phase", "epoch", "epochs", "step", "steps", "examples_per_second", "eta_seconds")
        self._status = replace(self._status, **{name: getattr(progress, name) for name in names})

    def end(self, state: str, message: str = "", details: str = "") -> bool:
        """Stop the thread and write the last word; False when even that could not be written."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        last = replace(self._fresh(), state=state, finished=now(), eta_seconds=None, message=message, details=details)
        return record(self._folder, last)

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            with suppress(OSError):  # a beat may be missed: the training itself will meet the full disk
                self._write()

    def _write(self) -> None:
        if still_there(self._folder):
            write_status(self._folder, self._fresh())

    def _fresh(self) -> RunStatus:
        # The creation time is told in wall-clock time, which moves with the clock: it is read anew for each beat.
        return replace(self._status, heartbeat=now(), pid_created=psutil.Process().create_time())


def record(folder: Path, status: RunStatus) -> bool:
    """Write a status, on a full disk over the old one in place; False when neither could be done."""
    if not still_there(folder):
        return True
    try:
        write_status(folder, status)
        return True
    except OSError:
        pass
    try:
        _write_in_place(folder / "status.json", replace(status, details=""))
        return True
    except OSError:
        return False


def still_there(folder: Path) -> bool:
    """Whether the experiment of this task folder was not deleted meanwhile: a status must not bring it back."""
    experiment = folder.parent.parent if folder.parent.name in ("runs", "preview") else folder.parent
    return (experiment / "experiment.json").exists()


def _write_in_place(path: Path, status: RunStatus) -> None:
    content = json.dumps({"schema": 1, **asdict(status)}).encode()
    with path.open("r+b") as file:  # blocks that are there already need no free space
        file.write(content)
        file.truncate()
