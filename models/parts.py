"""Work in parts that several lanes share: each part is a file, and none is made twice."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from filelock import FileLock, Timeout

WAIT_SECONDS = 0.1


def make_together(files: Sequence[Path], make: Callable[[int], None], check: Callable[[], None]) -> None:
    """See that every file is there. `make(n)` writes the n-th, unless another process has begun it.

    Returns when all are there, whoever made them. `check` is called now and then. The locks are the system's: what a
    killed process had begun is taken up by the others.
    """
    while missing := [number for number, file in enumerate(files) if not file.exists()]:
        check()
        if not sum(_made_here(files[number], lambda n=number: make(n)) for number in missing):  # type: ignore[misc]
            time.sleep(WAIT_SECONDS)


def _made_here(file: Path, make: Callable[[], None]) -> bool:
    """Make a file that nobody is making; whether it was made here."""
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(file.with_suffix(".lock"))
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
