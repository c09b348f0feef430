"""One lane after the other, where all need the same and one can make it for all."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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
    while not lock.is_locked:
        check()
        with suppress(Timeout):
            lock.acquire(timeout=WAIT_SECONDS)
    try:
        yield
    finally:
        lock.release()
