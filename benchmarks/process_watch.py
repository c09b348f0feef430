"""Sample the scheduler and its worker processes: memory, and threads that run or wait for a core. Linux only."""

import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

SECONDS = 0.05
PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")
ROLES = {
    "closecall.models.queue.scheduler": "scheduler",
    "closecall.models.queue.worker_process": "worker process",
    "closecall.models.training.throughput": "throughput",
}
THIS_SCRIPT = "the script"


@dataclass
class Samples:
    """Totals of all samples: peak memory in bytes by role and together, and active threads.

    An active thread runs or waits for a core. `active` counts samples by the number of active threads of all worker
    processes. `over` counts samples with more active threads than processes. `seconds` is processor time by
    (pid, thread).
    """

    samples: int = 0
    most_processes: int = 0
    most_threads: int = 0
    together: int = 0
    peaks: dict[str, int] = field(default_factory=dict)
    active: dict[int, int] = field(default_factory=dict)
    over: int = 0
    seconds: dict[tuple[int, int], float] = field(default_factory=dict)

    def shares(self) -> list[float]:
        """For each process, the share of its processor time that went to its busiest thread."""
        by_process: dict[int, list[float]] = {}
        for (pid, _), spent in self.seconds.items():
            by_process.setdefault(pid, []).append(spent)
        return [max(spent) / sum(spent) for spent in by_process.values() if sum(spent) > 1]

    def summary(self) -> str:
        """The totals as a few lines of text."""
        peaks = ", ".join(f"{role} {size / 1e9:.2f} GB" for role, size in sorted(self.peaks.items()))
        spread = ", ".join(
            f"{count} threads {100 * n / self.samples:.2f} %" for count, n in sorted(self.active.items())
        )
        least = f"{100 * min(self.shares()):.1f} %" if self.shares() else "not measured"
        return (
            f"{self.samples:,} samples; at most {self.most_processes} processes, {self.most_threads} threads in one\n"
            f"peak memory: {peaks}; all together {self.together / 1e9:.2f} GB\n"
            f"active threads of worker processes, by share of samples: {spread}\n"
            f"samples with more active threads than processes: {100 * self.over / max(1, self.samples):.2f} %\n"
            f"share of a process's processor time in its busiest thread: at least {least}"
        )


class Watcher(threading.Thread):
    """Samples the processes that `roots` names, and their children, until it is stopped."""

    def __init__(self, roots: Callable[[], Iterable[int]]) -> None:
        super().__init__(daemon=True, name="watcher")
        self.totals = Samples()
        self.doing: dict[int, str] = {}
        """The current phase by pid, set by the caller: peaks are then reported for each phase."""
        self._roots = roots
        self._stop_event = threading.Event()

    def __enter__(self) -> "Watcher":
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop_event.set()
        self.join()

    def run(self) -> None:
        while not self._stop_event.wait(SECONDS):
            self._sample()

    def _sample(self) -> None:
        totals, together, active, processes = self.totals, 0, 0, 0
        for pid in {one for root in list(self._roots()) if root for one in family(root)}:
            try:
                role, size, threads = role_of(pid), resident(pid), states(pid)
            except (OSError, IndexError):
                continue  # the process has just ended
            together += size
            shown = f"{role}, {self.doing[pid]}" if pid in self.doing else role
            totals.peaks[shown] = max(totals.peaks.get(shown, 0), size)
            if role != "worker process":
                continue
            processes += 1
            totals.most_threads = max(totals.most_threads, len(threads))
            active += sum(state == "R" for state, _ in threads.values())
            totals.seconds.update({(pid, thread): spent for thread, (_, spent) in threads.items()})
        totals.samples += 1
        totals.together, totals.most_processes = max(totals.together, together), max(totals.most_processes, processes)
        totals.active[active] = totals.active.get(active, 0) + 1
        totals.over += active > processes


def family(pid: int) -> list[int]:
    """The process and its descendants; empty when it has ended."""
    try:
        shown = [(task / "children").read_text().split() for task in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return []
    return [pid, *(one for children in shown for child in children for one in family(int(child)))]


def role_of(pid: int) -> str:
    command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    return next((role for module, role in ROLES.items() if module in command), THIS_SCRIPT)


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


def states(pid: int) -> dict[int, tuple[str, float]]:
    """The state and the processor seconds of each thread."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        fields = (task / "stat").read_text().rpartition(")")[2].split()
        found[int(task.name)] = fields[0], (int(fields[11]) + int(fields[12])) / TICKS
    return found


def wait_until(what: Callable[[], bool], seconds: float) -> bool:
    """Wait until `what` is true; return False after so many seconds."""
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True
