"""Notice a training that ended without its last event: a callback is not called when the training raises an error."""

import sys
import threading
from collections.abc import Callable
from types import CodeType

from transformers import Trainer

CHECK_SECONDS = 1.0


def call_when_interrupted(call: Callable[[], object]) -> threading.Event:
    """Call `call` once the training of this thread has ended; an event that prevents it when it is set.

    The training has ended when its function is no longer on the stack of its thread. Where another function trains, the
    end is not noticed; a process that ends is.
    """
    finished, thread = threading.Event(), threading.get_ident()

    def watch() -> None:
        while not finished.wait(CHECK_SECONDS):
            if not _is_training(thread):
                if not finished.is_set():
                    call()
                return

    if _is_training(thread):
        threading.Thread(target=watch, daemon=True, name="end of training").start()
    return finished


def _is_training(thread: int) -> bool:
    codes: set[CodeType] = {Trainer.train.__code__, Trainer._inner_training_loop.__code__}
    frame = sys._current_frames().get(thread)
    while frame is not None:
        if frame.f_code in codes:
            return True
        frame = frame.f_back
    return False
