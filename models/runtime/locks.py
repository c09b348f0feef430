"""Locks for processes that need the same files: one writes a file for all, or each writes some of the files.

The system releases the locks of a process that is killed; another process then writes its file.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

WAIT_SECONDS = 0.2


@contextmanager
def exclusive(path: Path, check: Callable[[], None]) -> Iterator[None]:
    """Within, no other process writes this file. While waiting for the lock, `check` is called repeatedly."""
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
    """Write the missing files together with other processes: `make(n)` writes the n-th unless another one is doing it.

    Returns when all files exist. `check` is called repeatedly.
    """
    while missing := [number for number, file in enumerate(files) if not file.exists()]:
        check()
        if not sum(_made_here(files[number], lambda n=number: make(n)) for number in missing):  # type: ignore[misc]
            time.sleep(WAIT_SECONDS)


def _made_here(file: Path, make: Callable[[], None]) -> bool:
    """Write a file unless another process is writing it; whether it was written here."""
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
