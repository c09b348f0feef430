"""Look at worker and processes while they work: memory of each process, threads that want the processor. Linux only."""

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
    "closecall.models.queue.scheduler": "worker",
    "closecall.models.queue.worker_process": "process",
    "closecall.models.training.throughput": "throughput",
}
OURSELVES = "the script"


@dataclass
class Seen:
    """What was seen since the start: peaks in bytes by role and together, and how many threads ran at once.

    `wanting` counts samples by the number of threads of all processes that ran or waited for a core, `over` those
    with more of them than processes; `seconds` holds the processor time of each thread by (pid, thread).
    """

    samples: int = 0
    most_processes: int = 0
    most_threads: int = 0
    together: int = 0
    peaks: dict[str, int] = field(default_factory=dict)
    wanting: dict[int, int] = field(default_factory=dict)
    over: int = 0
    seconds: dict[tuple[int, int], float] = field(default_factory=dict)

    def shares(self) -> list[float]:
        """For each process, the share of its processor time that went to its busiest thread."""
        by_process: dict[int, list[float]] = {}
        for (pid, _), spent in self.seconds.items():
            by_process.setdefault(pid, []).append(spent)
        return [max(spent) / sum(spent) for spent in by_process.values() if sum(spent) > 1]

    def words(self) -> str:
        """The whole in a few lines."""
        peaks = ", ".join(f"{role} {size / 1e9:.2f} GB" for role, size in sorted(self.peaks.items()))
        spread = ", ".join(
            f"{count} threads {100 * n / self.samples:.2f} %" for count, n in sorted(self.wanting.items())
        )
        least = f"{100 * min(self.shares()):.1f} %" if self.shares() else "nothing"
        return (
            f"{self.samples:,} samples; at most {self.most_processes} processes, {self.most_threads} threads in one\n"
            f"memory at its highest: {peaks}; all together {self.together / 1e9:.2f} GB\n"
            f"threads of processes that ran or wanted to, by share of samples: {spread}\n"
            f"samples with more such threads than processes: {100 * self.over / max(1, self.samples):.2f} %\n"
            f"processor time of a process that is spent in one thread: at least {least}"
        )


class Watcher(threading.Thread):
    """Samples the processes that `roots` names, and their children, until it is stopped."""

    def __init__(self, roots: Callable[[], Iterable[int]]) -> None:
        super().__init__(daemon=True, name="watcher")
        self.seen = Seen()
        self.doing: dict[int, str] = {}
        """What a process does now, by its pid, where somebody looks it up: its peak is then shown for each."""
        self._roots = roots
        self._over = threading.Event()

    def __enter__(self) -> "Watcher":
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        while not self._over.wait(SECONDS):
            self._look()

    def _look(self) -> None:
        seen, together, wanting, processes = self.seen, 0, 0, 0
        for pid in {one for root in list(self._roots()) if root for one in family(root)}:
            try:
                role, size, threads = role_of(pid), resident(pid), states(pid)
            except (OSError, IndexError):
                continue  # it ended just now
            together += size
            shown = f"{role}, {self.doing[pid]}" if pid in self.doing else role
            seen.peaks[shown] = max(seen.peaks.get(shown, 0), size)
            if role != "process":
                continue
            processes += 1
            seen.most_threads = max(seen.most_threads, len(threads))
            wanting += sum(state == "R" for state, _ in threads.values())
            seen.seconds.update({(pid, thread): spent for thread, (_, spent) in threads.items()})
        seen.samples += 1
        seen.together, seen.most_processes = max(seen.together, together), max(seen.most_processes, processes)
        seen.wanting[wanting] = seen.wanting.get(wanting, 0) + 1
        seen.over += wanting > processes


def family(pid: int) -> list[int]:
    """The process and its children and theirs, while it lives."""
    try:
        shown = [(task / "children").read_text().split() for task in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return []
    return [pid, *(one for children in shown for child in children for one in family(int(child)))]


def role_of(pid: int) -> str:
    command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    return next((role for module, role in ROLES.items() if module in command), OURSELVES)


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
    """Whether it came true within so many seconds."""
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True
