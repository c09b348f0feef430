"""One sentence for each way in which a run can fail."""

import errno
import os
import re
import signal
import traceback

from closecall.data.io.errors import UserError

LONGEST_DETAILS = 8_000


def failure_sentence(error: BaseException) -> str:
    """What went wrong and what to do, for the person who reads the run's status."""
    if isinstance(error, UserError):
        return str(error)
    if _is_out_of_memory(error):
        where = "GPU memory" if "cuda" in str(error).lower() else "Memory"
        return (
            f"{where} ran out. Take a smaller batch or fewer tokens a text, or set CLOSECALL_PROCESSES=1, and resume."
        )
    number = _errno(error)
    if isinstance(error, OSError) or number:
        return _about_disk(error, number)
    first_line = (str(error).strip().splitlines() or ["no message"])[0][:300]
    return f"The run ended with an unexpected error: {type(error).__name__}: {first_line}"


def failure_details(error: BaseException) -> str:
    """The traceback, its end when it is long."""
    return "".join(traceback.format_exception(error))[-LONGEST_DETAILS:]


def exit_sentence(returncode: int) -> str:
    """Why a worker process may have ended without a status; negative codes are signals, as in `Popen.returncode`."""
    if returncode == -signal.SIGKILL:
        cause = "The training process was killed, most often because memory ran out"
    elif returncode < 0:
        cause = f"The training process was ended by signal {-returncode} ({_signal_name(-returncode)})"
    else:
        cause = f"The training process ended unexpectedly (exit code {returncode}); see worker.log"
    return f"{cause}. Resume continues from the last checkpoint."


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    words = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in words or "can't allocate memory" in words)


def _errno(error: BaseException) -> int | None:
    """The system's error number; libraries in other languages only name it in their message."""
    named = re.search(r"(?:os error|errno) (\d+)", str(error), re.IGNORECASE)
    own = error.errno if isinstance(error, OSError) else None
    return own or (int(named[1]) if named else None)


def _about_disk(error: BaseException, number: int | None) -> str:
    place = getattr(error, "filename", None) or "A file of the workspace"
    if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"{place} could not be written: the disk is full or a limit is reached. Free some space and resume."
    why = os.strerror(number) if number else str(error)
    return f"{place} could not be read or written ({why}). Fix that and resume."


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"
