"""Start a process of this project that goes on when the one that started it ends."""

import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO

from models.capacity import lane_threads
from models.lanes import HOUSE, child_environment

LOG_BYTES = 5_000_000


def start_module(*module: str, log: Path, **environment: str) -> subprocess.Popen[bytes]:
    """Start `python -m MODULE ARGUMENTS...` in a session of its own, its output added to `log`."""
    with _opened(log) as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *module],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=HOUSE,
            env={**child_environment(lane_threads()), **environment},
            start_new_session=True,
        )
    # Nobody here waits for it; a thread collects its exit code, so that it does not stay as a zombie.
    threading.Thread(target=process.wait, daemon=True).start()
    return process


def _opened(path: Path) -> IO[bytes]:
    """A log, opened to be added to; begun afresh when it has grown long."""
    with suppress(OSError):
        if path.stat().st_size > LOG_BYTES:
            path.unlink()
    return path.open("ab")
