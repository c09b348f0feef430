"""How many runs can this machine train side by side?

One run takes one lane: a process with one thread. Two lanes of one thread beat one process of two threads by a quarter,
and more threads than cores are slower by far, so lanes never outnumber physical cores.
"""

import math
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import psutil

PROCESS_BYTES = 2_500_000_000
"""Free memory that a lane needs: torch, the encoder with its optimiser, and a batch of long texts."""
CGROUP = Path("/sys/fs/cgroup")
TOPOLOGY = Path("/sys/devices/system/cpu")


def max_processes(environment: Mapping[str, str] = os.environ) -> int:
    """The number of lanes on the processor: `CLOSECALL_LANES` when it is set, else by cores and free memory."""
    wished = environment.get("CLOSECALL_LANES", "")
    if wished.isdecimal() and int(wished) > 0:
        return int(wished)
    threads = threads_per_process(environment)
    return max(1, min(free_cores() // threads, free_memory() // PROCESS_BYTES))


def threads_per_process(environment: Mapping[str, str] = os.environ) -> int:
    """Threads of one lane: `CLOSECALL_THREADS`, else one."""
    wished = environment.get("CLOSECALL_THREADS", "")
    return int(wished) if wished.isdecimal() and int(wished) > 0 else 1


def gpu_available(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether there seems to be a GPU. A hint without torch: the first lane says what torch finds."""
    if environment.get("CUDA_VISIBLE_DEVICES", "0") in ("", "-1"):
        return False
    return Path("/dev/nvidia0").exists() or Path("/dev/kfd").exists() or shutil.which("nvidia-smi") is not None


def free_cores() -> int:
    """Physical cores that this process may use: by affinity and, in a container, by its share of processor time."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    # Two hyperthreads of one core name the same siblings: they count once.
    cores = {_siblings(one) or str(one) for one in allowed}
    return max(1, min(len(cores), _processor_quota()))


def free_memory() -> int:
    """Bytes that can still be had, in this machine or this container, whichever is less."""
    limit = _number(CGROUP / "memory.max")
    available = psutil.virtual_memory().available
    if limit is None:
        return available
    used = (_number(CGROUP / "memory.current") or 0) - _file_cache()
    return max(0, min(available, limit - used))


def _siblings(core: int) -> str:
    return _text(TOPOLOGY / f"cpu{core}" / "topology" / "thread_siblings_list")


def _processor_quota() -> int:
    quota, _, period = _text(CGROUP / "cpu.max").partition(" ")
    if not quota.isdecimal() or not period.isdecimal():
        return 1_000_000
    return max(1, math.floor(int(quota) / int(period)))


def _file_cache() -> int:
    """Bytes of the container's memory that only hold files and are given back when needed."""
    for line in _text(CGROUP / "memory.stat").splitlines():
        if line.startswith("inactive_file "):
            return int(line.split()[1])
    return 0


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text.isdecimal() else None


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
