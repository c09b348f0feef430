"""Whether the process that wrote a file is still alive: by its pid on this machine, else by its heartbeat."""

import socket
import uuid
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path

import psutil

STALE_SECONDS = 60.0
"""A process on another machine writes a heartbeat every second or two; without one for this long it counts as dead."""


@cache
def this_machine() -> str:
    """A name for the pid namespace of this process: host, boot and, in a container, the namespace."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text() + str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        boot = str(uuid.getnode())
    return f"{socket.gethostname()} {sha256(boot.encode()).hexdigest()[:8]}"


def is_alive(pid: int, created: float, machine: str, heartbeat: str) -> bool:
    """Whether a process on `machine` (a `this_machine`) with this last `heartbeat` (ISO, UTC) is alive."""
    if machine in ("", this_machine()):
        return process_lives(pid, created)
    try:
        silent = datetime.now(UTC) - datetime.fromisoformat(heartbeat)
    except (ValueError, TypeError):
        return False
    return silent.total_seconds() < STALE_SECONDS


def process_lives(pid: int, created: float) -> bool:
    """Whether the process with this pid and creation time still runs; a pid alone may have been reused.

    Creation times come from the wall clock. Five seconds of tolerance allow for a clock that is set during a run.
    """
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - created) < 5.0 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
