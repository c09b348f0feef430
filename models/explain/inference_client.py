"""The app's end of the reader: ask, hear, take back. Nothing here waits for a model, and nothing imports torch."""

import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import IO, Any

import numpy as np

from closecall.analysis.errors.occlusion import Attribution, Flip
from closecall.models.encoders.checkpoints import Checkpoint
from closecall.models.runtime.capacity import threads_per_process
from closecall.models.runtime.child_process import CODE_FOLDER, child_environment

KEPT = 200
"""Replies that are remembered."""
DIED = "The reading process ended without an answer, most often because memory ran out. Ask again."


@dataclass(frozen=True)
class Reply:
    """What is known of a question by now: how much is done (`of` 0: still loading), then a result or an error."""

    done: int = 0
    of: int = 0
    result: Any = None
    error: str = ""

    @property
    def finished(self) -> bool:
        return self.result is not None or bool(self.error)


class InferenceClient:
    """The reading process of one app, shared by its sessions. It starts with the first question, and ends by itself
    when nothing is asked for a while or the app ends."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._half_line = b""
        self._number = 0
        self._replies: dict[int, Reply] = {}
        self._lock = threading.RLock()

    def why(self, checkpoint: Checkpoint, text: str, *, threshold: float) -> int:
        """Ask what each word of a text carries. The number to fetch the reply by; its result goes to `explained`."""
        return self._ask(checkpoint=asdict(checkpoint), text=text, threshold=threshold)

    def probabilities(self, checkpoints: Sequence[Checkpoint], texts: Sequence[str]) -> int:
        """Ask for the positive-class probability of each text at each checkpoint; for `probability_rows`."""
        return self._ask(checkpoints=[asdict(one) for one in checkpoints], texts=list(texts))

    def reply(self, number: int, *, wait: float = 0.0) -> Reply:
        """What is known by now, after waiting at most so many seconds for the end of it."""
        deadline = time.monotonic() + wait
        while True:
            with self._lock:
                self._hear()
                found = self._replies.get(number, Reply(error="This answer is not kept any more. Ask again."))
                output = self._process.stdout if self._process is not None else None
            left = deadline - time.monotonic()
            if found.finished or left <= 0 or output is None:
                return found
            select.select([output], [], [], min(left, 0.1))

    def cancel(self, number: int) -> None:
        """Nobody waits for this any more; what is under way ends within a second."""
        with self._lock:
            if self._process is not None and not self._replies.get(number, Reply(error="gone")).finished:
                with suppress(OSError):
                    self._write({"cancel": number})
            self._replies.pop(number, None)

    def close(self) -> None:
        """End the process and give its memory back."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
                self._bury()

    def _ask(self, **question: Any) -> int:
        with self._lock:
            self._hear()
            self._number += 1
            self._replies[self._number] = Reply()
            while len(self._replies) > KEPT:
                self._replies.pop(next(iter(self._replies)))
            if self._process is None:
                self._start()
            try:
                self._write({"number": self._number, **question})
            except OSError:  # it ended just now: a fresh one takes the question
                self._bury(but=self._number)
                self._start()
                self._write({"number": self._number, **question})
            return self._number

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "closecall.models.explain.inference_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=CODE_FOLDER,
            env=child_environment(threads_per_process()),
        )
        self._half_line = b""
        os.set_blocking(_pipe(self._process.stdout).fileno(), False)

    def _write(self, line: dict[str, Any]) -> None:
        assert self._process is not None
        pipe = _pipe(self._process.stdin)
        pipe.write(json.dumps(line).encode() + b"\n")
        pipe.flush()

    def _hear(self) -> None:
        """Take in what the reader said since."""
        while self._process is not None:
            try:
                said = os.read(_pipe(self._process.stdout).fileno(), 1 << 16)
            except BlockingIOError:
                return
            if not said:
                self._bury()
                return
            *lines, self._half_line = (self._half_line + said).split(b"\n")
            for line in lines:
                content = json.loads(line)
                number = content.pop("number")
                if number in self._replies:
                    self._replies[number] = Reply(**content)

    def _bury(self, *, but: int = 0) -> None:
        """The process is gone: whoever waits is told."""
        process, self._process = self._process, None
        if process is not None:
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):
                    _pipe(pipe).close()
            process.wait()
        for number, reply in self._replies.items():
            if number != but and not reply.finished:
                self._replies[number] = Reply(error=DIED)


def explained(result: Any) -> tuple[Attribution, Flip]:
    """The result of a question why."""
    return Attribution(**result["attribution"]), Flip(**result["flip"])


def probability_rows(result: Any) -> np.ndarray:
    """The result of a question for probabilities (checkpoints x texts)."""
    return np.asarray(result, dtype=np.float64)


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe
