"""How many runs this machine can train in parallel.

Each run trains in one worker process with one thread. Two processes with one thread each are a quarter faster than one
process with two threads, and more threads than cores are much slower. So there are at most as many processes as
physical cores.
"""

import math
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import psutil

PROCESS_BYTES = 2_500_000_000
"""Free memory that a worker process needs: torch, the encoder with its optimiser, and a batch of long texts."""
CGROUP = Path("/sys/fs/cgroup")
TOPOLOGY = Path("/sys/devices/system/cpu")


def max_processes(environment: Mapping[str, str] = os.environ) -> int:
    """The number of worker processes on the CPU: `CLOSECALL_PROCESSES` if it is set, else by cores and free memory."""
    requested = requested_processes(environment)
    if requested:
        return requested
    threads = threads_per_process(environment)
    return max(1, min(free_cores() // threads, free_memory() // PROCESS_BYTES))


def requested_processes(environment: Mapping[str, str] = os.environ) -> int:
    """The number in `CLOSECALL_PROCESSES`, or in its older name `CLOSECALL_LANES`; 0 when neither is a number."""
    value = environment.get("CLOSECALL_PROCESSES") or environment.get("CLOSECALL_LANES", "")
    return int(value) if value.isdecimal() else 0


def threads_per_process(environment: Mapping[str, str] = os.environ) -> int:
    """Threads of one worker process: `CLOSECALL_THREADS`, else one."""
    requested = environment.get("CLOSECALL_THREADS", "")
    return int(requested) if requested.isdecimal() and int(requested) > 0 else 1


def gpu_available(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether there seems to be a GPU. A guess without torch: the first worker process reports what torch finds."""
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
    """Free bytes of this machine or of this container, whichever is less."""
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
