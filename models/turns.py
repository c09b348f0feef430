"""One lane after the other, where all need the same and one can make it for all."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

WAIT_SECONDS = 0.2


@contextmanager
def alone(path: Path, check: Callable[[], None]) -> Iterator[None]:
    """Within, no other process makes this file. While another does, `check` is called now and then.

    The lock is the system's: it ends with a process that is killed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.with_suffix(".lock"))
    while True:
        try:
            lock.acquire(timeout=WAIT_SECONDS)
            break
        except Timeout:
            check()
    try:
        yield
    finally:
        lock.release()
