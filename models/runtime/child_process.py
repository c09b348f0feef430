"""Start a process of this project that continues when the process that started it ends."""

import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO

import closecall
from closecall.data.io.workspace import workspace_folder
from closecall.models.runtime.capacity import threads_per_process

LOG_BYTES = 5_000_000
PACKAGE_FOLDER = Path(closecall.__file__).resolve().parent
"""The folder of the package `closecall`: in a checkout its rooms are links to the top-level folders."""
CODE_FOLDER = PACKAGE_FOLDER.parent
"""The folder that child processes import `closecall` from."""


def start_module(*module: str, log: Path, **environment: str) -> subprocess.Popen[bytes]:
    """Start `python -m MODULE ARGUMENTS...` in a session of its own, its output added to `log`."""
    with _opened(log) as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *module],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=CODE_FOLDER,
            env={**child_environment(threads_per_process()), **environment},
            start_new_session=True,
        )
    # Nothing here waits for it; a thread collects its exit code, so that it does not stay as a zombie.
    threading.Thread(target=process.wait, daemon=True).start()
    return process


def _opened(path: Path) -> IO[bytes]:
    """A log, opened to append to; a long one is deleted first."""
    with suppress(OSError):
        if path.stat().st_size > LOG_BYTES:
            path.unlink()
    return path.open("ab")


def child_environment(threads: int) -> dict[str, str]:
    """The environment of the scheduler and its worker processes: that of this process and `task_environment`."""
    return {**os.environ, **task_environment(threads)}


def python_path() -> str:
    """PYTHONPATH for a child process, with the folder of this code first."""
    return os.pathsep.join(part for part in (str(CODE_FOLDER), os.environ.get("PYTHONPATH", "")) if part)


def task_environment(threads: int) -> dict[str, str]:
    """Environment variables of a process that trains: the workspace, the folder of this code, the thread count."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS")
    return {
        **dict.fromkeys((*names, "CLOSECALL_THREADS"), str(threads)),
        "CLOSECALL_HOME": str(workspace_folder()),
        "PYTHONPATH": python_path(),
        "TOKENIZERS_PARALLELISM": "false",
    }
