"""Report a run's progress and remaining time, write its status, and stop it when it is cancelled.

`StatusWriter` writes from its own thread, so that training never waits for the disk.
"""

import json
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from closecall.data.experiments.runs import RunStatus, write_status
from closecall.data.io.processes import this_machine
from closecall.data.io.workspace import now

BEAT_SECONDS = 1.0
REPORT_SECONDS = 0.5
"""No more than two reports a second, phase changes aside."""
MEMORY_SECONDS = 30.0
"""The speed is a mean in which work this many seconds ago counts 1/e."""
FORWARD_SHARE = 0.3
"""A forward pass of one token costs about this share of training on it; used until the true share was seen."""


@dataclass(frozen=True)
class Progress:
    """The state of a run. `step` of `steps` counts within the phase; `eta_seconds` is for the rest of the whole run."""

    phase: str
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    steps: int = 0
    examples_per_second: float = 0.0
    eta_seconds: float | None = None


class Cancelled(Exception):
    """The run was cancelled; what it needs to resume was written before."""


class ProgressReporter:
    """Counts a run's work, reports its progress, and stops it when it is cancelled.

    Work is counted in padded tokens of two kinds, "training" and "forward", because their number is known beforehand
    and time goes with it: the ETA is the tokens left of each kind at that kind's own speed, plus a fixed tail.
    """

    def __init__(self, should_stop: Callable[[], bool], report: Callable[[Progress], None]) -> None:
        self._should_stop, self._report = should_stop, report
        self._left: dict[str, float] = {}
        self._tail = 0.0
        self._speeds: dict[str, _Speed] = defaultdict(_Speed)
        self._progress = Progress("loading")
        self._reported = self._marked = float("-inf")
        self.seconds: dict[str, float] = {}

    def expect(self, tokens: Mapping[str, float], *, tail_seconds: float) -> None:
        """Set how many tokens of each kind remain, and how long the work without tokens takes."""
        self._left, self._tail = dict(tokens), tail_seconds

    def skip(self, kind: str, tokens: float) -> None:
        """Subtract work that was done before this process started."""
        self._left[kind] = max(0.0, self._left.get(kind, 0.0) - tokens)

    @contextmanager
    def phase(self, name: str, *, steps: int = 0, epochs: int = 0) -> Iterator[None]:
        """Everything within belongs to this phase, and so does its time."""
        self.check()
        self._progress = Progress(name, epochs=epochs, steps=steps, eta_seconds=self._eta())
        self._send()
        started = self._marked = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started

    def advance(self, kind: str, *, tokens: float, examples: int, step: int, epoch: int = 0) -> None:
        """Count a step of the phase and report it; raises Cancelled when the run should stop."""
        self.count(kind, tokens=tokens, examples=examples)
        if self._marked - self._reported > REPORT_SECONDS:
            speed = self._speeds[kind].examples_per_second
            last = self._progress
            self._progress = Progress(last.phase, epoch, last.epochs, step, last.steps, speed, self._eta())
            self._send()
        self.check()

    def count(self, kind: str, *, tokens: float, examples: int) -> None:
        """Count work that is not a step of the phase."""
        now = time.perf_counter()
        self.skip(kind, tokens)
        self._speeds[kind].add(tokens, examples, now - self._marked)
        self._marked = now

    def tokens_per_second(self, kind: str) -> float | None:
        """The recent speed of one kind of work; None before any."""
        pace = self._speeds[kind].seconds_per_token
        return 1 / pace if pace else None

    def check(self) -> None:
        """Raise Cancelled when the run should stop."""
        if self._should_stop():
            raise Cancelled

    def _send(self) -> None:
        self._reported = time.perf_counter()
        self._report(self._progress)

    def _eta(self) -> float | None:
        training, forward = (self._speeds[kind].seconds_per_token for kind in ("training", "forward"))
        if training is None and forward is None:
            return None
        training = training if training is not None else (forward or 0.0) / FORWARD_SHARE
        forward = forward if forward is not None else training * FORWARD_SHARE
        return self._left.get("training", 0.0) * training + self._left.get("forward", 0.0) * forward + self._tail


class _Speed:
    """A fading mean of the speed of one kind of work."""

    def __init__(self) -> None:
        self._tokens = self._examples = self._seconds = 0.0

    def add(self, tokens: float, examples: int, seconds: float) -> None:
        faded = max(0.0, 1 - seconds / MEMORY_SECONDS)
        self._tokens = self._tokens * faded + tokens
        self._examples = self._examples * faded + examples
        self._seconds = self._seconds * faded + seconds

    @property
    def seconds_per_token(self) -> float | None:
        return self._seconds / self._tokens if self._tokens else None

    @property
    def examples_per_second(self) -> float:
        return self._examples / self._seconds if self._seconds else 0.0


class StatusWriter:
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
        """Stop the thread and write the final status; False when it could not be written."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        last = replace(self._fresh(), state=state, finished=now(), eta_seconds=None, message=message, details=details)
        return write_status_if_possible(self._folder, last)

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            with suppress(OSError):  # a heartbeat may be missed: training itself raises on a full disk
                self._write()

    def _write(self) -> None:
        if folder_exists(self._folder):
            write_status(self._folder, self._fresh())

    def _fresh(self) -> RunStatus:
        # The creation time is in wall-clock time, which changes with the clock: read it again for each heartbeat.
        return replace(self._status, heartbeat=now(), pid_created=psutil.Process().create_time())


def write_status_if_possible(folder: Path, status: RunStatus) -> bool:
    """Write a status, on a full disk over the old one in place; False when neither could be done."""
    if not folder_exists(folder):
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


def folder_exists(folder: Path) -> bool:
    """Whether the experiment or dataset of this task folder still exists: a status must not bring it back."""
    owner = folder.parent.parent if folder.parent.name in ("runs", "preview") else folder.parent
    return (owner / "experiment.json").exists() or (owner / "dataset.json").exists()


def _write_in_place(path: Path, status: RunStatus) -> None:
    content = json.dumps({"schema": 1, **asdict(status)}).encode()
    with path.open("r+b") as file:  # blocks that are there already need no free space
        file.write(content)
        file.truncate()
