"""Locks for processes that need the same files: one makes it for all, or each makes a part and none is made twice.

The locks are the system's: they end with a process that is killed, and what it had begun is taken up by the others.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

WAIT_SECONDS = 0.2


@contextmanager
def exclusive(path: Path, check: Callable[[], None]) -> Iterator[None]:
    """Within, no other process makes this file. While another does, `check` is called now and then."""
    lock = _lock_of(path)
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


def make_cooperatively(files: Sequence[Path], make: Callable[[int], None], check: Callable[[], None]) -> None:
    """See that every file is there. `make(n)` writes the n-th, unless another process has begun it.

    Returns when all are there, whoever made them. `check` is called now and then.
    """
    while missing := [number for number, file in enumerate(files) if not file.exists()]:
        check()
        if not sum(_made_here(files[number], lambda n=number: make(n)) for number in missing):  # type: ignore[misc]
            time.sleep(WAIT_SECONDS)


def _made_here(file: Path, make: Callable[[], None]) -> bool:
    """Make a file that nobody is making; whether it was made here."""
    lock = _lock_of(file)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    try:
        if file.exists():
            return False
        make()
        return True
    finally:
        lock.release()


def _lock_of(file: Path) -> FileLock:
    file.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(file.with_suffix(".lock"))
