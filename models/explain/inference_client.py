"""The app's connection to the inference server: send requests, poll for replies, cancel. Nothing here imports torch."""

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
from closecall.data.io.errors import UserError
from closecall.models.encoders.checkpoints import Checkpoint
from closecall.models.runtime.capacity import threads_per_process
from closecall.models.runtime.child_process import CODE_FOLDER, child_environment
from closecall.models.runtime.extras import require_training

MAX_REPLIES = 200
"""Replies that are kept; the oldest are dropped first."""
SERVER_EXITED = "The inference process exited without a reply, most often because memory ran out. Run it again."
UNKNOWN_REQUEST = "The reply to this request is no longer kept. Run it again."


@dataclass(frozen=True)
class Reply:
    """The state of a request: `done` of `total` texts (`total` 0: still loading), then a result or an error."""

    done: int = 0
    total: int = 0
    result: Any = None
    error: str = ""

    @property
    def finished(self) -> bool:
        return self.result is not None or bool(self.error)


class InferenceClient:
    """One inference process, shared by all sessions of an app.

    The process starts with the first request. It exits when it is idle for a while, or with the app.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._half_line = b""
        self._number = 0
        self._replies: dict[int, Reply] = {}
        self._lock = threading.RLock()

    def explain(self, checkpoint: Checkpoint, text: str, *, threshold: float) -> int:
        """Request the occlusion of a text. Returns the request's number; parse its result by `parse_explanation`."""
        return self._request("explanation", checkpoint=asdict(checkpoint), text=text, threshold=threshold)

    def probabilities(self, checkpoints: Sequence[Checkpoint], texts: Sequence[str]) -> int:
        """Request the positive-class probability of each text at each checkpoint; see `parse_probabilities`."""
        return self._request("probabilities", checkpoints=[asdict(one) for one in checkpoints], texts=list(texts))

    def reply(self, number: int, *, wait: float = 0.0) -> Reply:
        """The latest reply to a request, after waiting at most `wait` seconds for it to finish."""
        deadline = time.monotonic() + wait
        while True:
            with self._lock:
                self._receive()
                reply = self._replies.get(number, Reply(error=UNKNOWN_REQUEST))
                output = self._process.stdout if self._process is not None else None
            left = deadline - time.monotonic()
            if reply.finished or left <= 0 or output is None:
                return reply
            select.select([output], [], [], min(left, 0.1))

    def cancel(self, number: int) -> None:
        """Cancel a request and forget its reply; a running one stops within a second."""
        with self._lock:
            if self._process is not None and not self._replies.get(number, Reply(error="unknown")).finished:
                with suppress(OSError):
                    self._write({"cancel": number})
            self._replies.pop(number, None)

    def close(self) -> None:
        """Kill the process, which frees its memory."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
                self._reap()

    def _request(self, kind: str, **arguments: Any) -> int:
        with self._lock:
            self._receive()
            self._number += 1
            self._replies[self._number] = Reply()
            while len(self._replies) > MAX_REPLIES:
                self._replies.pop(next(iter(self._replies)))
            try:
                require_training()
            except UserError as error:
                self._replies[self._number] = Reply(error=str(error))
                return self._number
            if self._process is None:
                self._start()
            try:
                self._write({"number": self._number, "kind": kind, **arguments})
            except OSError:  # the server exited just now: send the request to a new one
                self._reap(keep=self._number)
                self._start()
                self._write({"number": self._number, "kind": kind, **arguments})
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

    def _write(self, message: dict[str, Any]) -> None:
        assert self._process is not None
        pipe = _pipe(self._process.stdin)
        pipe.write(json.dumps(message).encode() + b"\n")
        pipe.flush()

    def _receive(self) -> None:
        """Store all replies that have arrived."""
        while self._process is not None:
            try:
                received = os.read(_pipe(self._process.stdout).fileno(), 1 << 16)
            except BlockingIOError:
                return
            if not received:
                self._reap()
                return
            *lines, self._half_line = (self._half_line + received).split(b"\n")
            for line in lines:
                content = json.loads(line)
                number = content.pop("number")
                if number in self._replies:
                    self._replies[number] = Reply(**content)

    def _reap(self, *, keep: int = 0) -> None:
        """Release the exited process; all unfinished requests but `keep` fail."""
        process, self._process = self._process, None
        if process is not None:
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):
                    _pipe(pipe).close()
            process.wait()
        for number, reply in self._replies.items():
            if number != keep and not reply.finished:
                self._replies[number] = Reply(error=SERVER_EXITED)


def parse_explanation(result: Any) -> tuple[Attribution, Flip]:
    """The result of `InferenceClient.explain`."""
    return Attribution(**result["attribution"]), Flip(**result["flip"])


def parse_probabilities(result: Any) -> np.ndarray:
    """The result of `InferenceClient.probabilities` (checkpoints x texts)."""
    return np.asarray(result, dtype=np.float64)


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe
