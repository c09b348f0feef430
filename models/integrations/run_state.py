"""The status of a recorded run on disk, and work that only the main process of a training does."""

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from accelerate.utils import broadcast_object_list

from closecall.data.experiments.runs import RunStatus, write_status
from closecall.data.experiments.store import RunConfig, run_folder
from closecall.data.io.errors import UserError
from closecall.data.io.files import write_folder, write_json
from closecall.models.integrations.interruption import call_when_interrupted
from closecall.models.runtime.progress import Progress, StatusWriter

INTERRUPTED = "The training ended before its last step. Run the script again to record it."
T = TypeVar("T")


def by_main_process(work: Callable[[], T], *, main: bool, processes: int) -> T | None:
    """The result of `work` in the main process, None in the others; an error is raised in all of them."""
    result, error = None, None
    if main:
        try:
            result = work()
        except Exception as raised:  # the other processes wait for the message
            error = raised
    if processes > 1:
        message = broadcast_object_list([str(error) if error else ""])[0]
        error = error or (UserError(message) if message else None)
    if error is not None:
        raise error
    return result


class RunState:
    """The status of a recorded run on disk, written by the main process from the start of the training."""

    def __init__(self, config: RunConfig, *, epochs: int, steps: int) -> None:
        self.config, self.epochs, self.steps = config, epochs, steps
        folder = run_folder(config.experiment, config.name)
        write_folder(folder, self._fill)
        self._writer = StatusWriter(folder)
        self._writer.begin()
        self._started = time.perf_counter()
        self._finished = call_when_interrupted(lambda: self._writer.end("interrupted", INTERRUPTED))

    def _fill(self, fresh: Path) -> None:
        write_json(fresh / "config.json", asdict(self.config))
        write_status(fresh, RunStatus(state="interrupted", message=INTERRUPTED))

    def report(self, phase: str, step: int, epoch: float) -> None:
        """Report the step of the training; the time left is from the mean time of a step."""
        per_step = (time.perf_counter() - self._started) / max(1, step)
        left = per_step * (self.steps - step) if step else None
        number = min(int(epoch) + 1, self.epochs)
        self._writer.report(Progress(phase, number, self.epochs, step, self.steps, eta_seconds=left))

    def fail(self, error: BaseException) -> None:
        """Write the status failed."""
        self._end("failed", f"The run could not be written ({error}).")

    def finish(self, write: Callable[[], T]) -> T:
        """The result of `write`, then the status done; on an error the status failed, before it is raised."""
        try:
            result = write()
        except BaseException as error:
            self.fail(error)
            raise
        self._end("done")
        return result

    def _end(self, state: str, message: str = "") -> None:
        self._finished.set()
        self._writer.end(state, message)
