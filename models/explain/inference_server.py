"""The reader: a process that asks classifiers about single texts for people who wait at a screen.

    python -m closecall.models.explain.inference_server

The app needs no torch for it and gets all memory back when the reader ends: after ten minutes without a question, or as
soon as its input ends with the app. Questions come as JSON lines, each with a number; `{"cancel": number}` takes one
back, also while it is worked on. Answers are JSON lines with the number and `done` and `of`, `result` or `error`.
"""

import json
import os
import queue
import sys
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from closecall.models.explain.classifiers import Classifiers

IDLE_SECONDS = 600.0


class RequestWithdrawn(Exception):
    """Nobody waits for the answer any more."""


def main() -> int:
    """Answer until nothing is asked any more."""
    channel = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is no answer
    questions: queue.Queue[dict[str, Any]] = queue.Queue()
    cancelled: set[int] = set()
    threading.Thread(target=_listen, args=(questions, cancelled), daemon=True).start()
    # Here and no earlier: this takes seconds, and questions may come and be taken back meanwhile.
    from closecall.models.explain.classifiers import Classifiers

    classifiers = Classifiers()
    while True:
        try:
            question = questions.get(timeout=IDLE_SECONDS)
        except queue.Empty:
            return 0
        number = question.pop("number")

        def tell(number: int = number, **said: Any) -> None:
            if number in cancelled:
                raise RequestWithdrawn
            os.write(channel, (json.dumps({"number": number, **said}) + "\n").encode())

        _answer(classifiers, question, tell)


def _listen(questions: "queue.Queue[dict[str, Any]]", cancelled: set[int]) -> None:
    """Take questions in, and take them back; the end of the input is the end of the process, whatever it does."""
    for line in sys.stdin:
        said = json.loads(line)
        if "cancel" in said:
            cancelled.add(said["cancel"])
        else:
            questions.put(said)
    os._exit(0)


def _answer(classifiers: "Classifiers", question: dict[str, Any], tell: Any) -> None:
    from closecall.data.io.errors import UserError

    try:
        tell(done=0, of=0)
        answer = _why if "text" in question else _probabilities
        tell(result=answer(classifiers, tell, **question))
    except RequestWithdrawn:
        return
    except UserError as error:
        tell(error=str(error))
    except Exception as error:
        first_line = (str(error).strip().splitlines() or ["no message"])[0][:200]
        tell(error=f"The classifier could not be asked: {type(error).__name__}: {first_line}")


def _why(classifiers: "Classifiers", tell: Any, checkpoint: dict[str, Any], text: str, threshold: float) -> dict:
    from closecall.models.encoders.checkpoints import Checkpoint
    from closecall.models.explain.occlusion import explain

    attribution, flip = explain(
        classifiers(Checkpoint(**checkpoint)),
        text,
        threshold=threshold,
        on_progress=lambda done, of: tell(done=done, of=of),
    )
    return {"attribution": asdict(attribution) | {"drops": attribution.drops.tolist()}, "flip": asdict(flip)}


def _probabilities(classifiers: "Classifiers", tell: Any, checkpoints: list[dict[str, Any]], texts: list[str]) -> list:
    """The positive-class probability of each text at each checkpoint (checkpoints x texts)."""
    from closecall.analysis.errors.occlusion import positive_probability
    from closecall.models.encoders.checkpoints import Checkpoint

    rows = []
    for number, checkpoint in enumerate(checkpoints):
        tell(done=number, of=len(checkpoints))
        rows.append(positive_probability(classifiers(Checkpoint(**checkpoint)).log_odds(texts)).tolist())
    return rows


if __name__ == "__main__":
    sys.exit(main())
