"""Contenders in processes of their own: all load and warm up first, then work at the same moment, then answer.

A contender is a module with `prepare(job)`, which gives a function that works and returns its answer.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from closecall.models.runtime.child_process import CODE_FOLDER, child_environment

Job = dict[str, Any]
QUIET = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "TRANSFORMERS_VERBOSITY": "error"}


def work_side_by_side(module: str, jobs: Sequence[Job], *, threads: int) -> tuple[float, list[Job]]:
    """Seconds from the common start to the last answer, and the answers, one process of `threads` for each job."""
    children = [_start(module, job, threads) for job in jobs]
    try:
        for child in children:
            _line(child, module)
        started = time.perf_counter()
        for child in children:
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()
        answers = [json.loads(_line(child, module)) for child in children]
        return time.perf_counter() - started, answers
    finally:
        for child in children:
            child.kill()
            child.wait()


def serve(prepare: Callable[[Job], Callable[[], Job]]) -> None:
    """The child's side: read the job, prepare, say so, wait for the start, work, answer."""
    channel = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is no answer
    work = prepare(json.loads(sys.stdin.readline()))
    print("ready", file=channel, flush=True)
    sys.stdin.readline()
    print(json.dumps(work()), file=channel, flush=True)


def _start(module: str, job: Job, threads: int) -> "subprocess.Popen[str]":
    child = subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.peers.{module}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=CODE_FOLDER,
        env={**child_environment(threads), **QUIET},
    )
    assert child.stdin is not None
    child.stdin.write(json.dumps(job) + "\n")
    child.stdin.flush()
    return child


def _line(child: "subprocess.Popen[str]", module: str) -> str:
    assert child.stdout is not None
    said = child.stdout.readline()
    if not said:
        raise SystemExit(f"The contender {module} ended early; what it said stands above.")
    return said
