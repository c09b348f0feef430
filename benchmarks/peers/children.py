"""Run benchmark modules in child processes: all load and warm up, start at the same moment, then return results.

A benchmark module has a function `prepare(job)` that returns a function, which does the work and returns its result.
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
    """Run one process of `threads` for each job. Return the seconds from start to last result, and the results."""
    children = [_start(module, job, threads) for job in jobs]
    try:
        for child in children:
            _line(child, module)
        started = time.perf_counter()
        for child in children:
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()
        results = [json.loads(_line(child, module)) for child in children]
        return time.perf_counter() - started, results
    finally:
        for child in children:
            child.kill()
            child.wait()


def serve(prepare: Callable[[Job], Callable[[], Job]]) -> None:
    """Run in the child: read the job, prepare, report ready, wait for the start, work, write the result."""
    channel = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # output of libraries must not mix with results
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
    line = child.stdout.readline()
    if not line:
        raise SystemExit(f"The process of {module} ended early; its output is above.")
    return line
