"""Does the process that wrote a file still work? Seen by its pid on this machine, else by its heartbeat."""

import socket
import uuid
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path

import psutil

STALE_SECONDS = 60.0
"""One that works elsewhere beats every second or two; silent for this long it is gone. Clocks may differ by less."""


@cache
def this_machine() -> str:
    """A name for where pids mean the same as here: the host, its boot and, in a container, its space of processes."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text() + str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        boot = str(uuid.getnode())
    return f"{socket.gethostname()} {sha256(boot.encode()).hexdigest()[:8]}"


def is_alive(pid: int, created: float, machine: str, heartbeat: str) -> bool:
    """Whether a process lives that last told so at `heartbeat` (ISO UTC), on `machine` (as `this_machine` names it)."""
    if machine in ("", this_machine()):
        return process_lives(pid, created)
    try:
        silent = datetime.now(UTC) - datetime.fromisoformat(heartbeat)
    except (ValueError, TypeError):
        return False
    return silent.total_seconds() < STALE_SECONDS


def process_lives(pid: int, created: float) -> bool:
    """Whether the process with this pid and creation time still runs (a pid alone may have been given away again).

    Creation times are told by the wall clock: five seconds bear a clock that is set while a run works.
    """
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - created) < 5.0 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
