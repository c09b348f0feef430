"""The inference server: a process that classifies single texts for the app.

    python -m closecall.models.explain.inference_server

The app itself never loads torch, and all memory is freed when the server exits: after ten minutes without a request, or
when its standard input closes with the app. Requests are JSON lines, each with a `number` and a `kind`, the name of a
function in HANDLERS; `{"cancel": number}` cancels one, also while it is running. Replies are JSON lines with the number
and `done` and `total`, `result` or `error`.
"""

import json
import os
import queue
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from closecall.models.explain.classifiers import ClassifierCache

IDLE_SECONDS = 600.0

Send = Callable[..., None]
"""Send keyword arguments as the next reply to a request. Raises RequestCancelled when it was cancelled."""


class RequestCancelled(Exception):
    """The client cancelled this request."""


def main() -> int:
    """Serve requests until none has come for `IDLE_SECONDS`."""
    channel = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # keeps what libraries print out of the replies
    requests: queue.Queue[dict[str, Any]] = queue.Queue()
    cancelled: set[int] = set()
    threading.Thread(target=_receive, args=(requests, cancelled), daemon=True).start()
    # Imported only now: it takes seconds, during which requests can already arrive and be cancelled.
    from closecall.models.explain.classifiers import ClassifierCache

    classifiers = ClassifierCache()
    while True:
        try:
            request = requests.get(timeout=IDLE_SECONDS)
        except queue.Empty:
            return 0
        number = request.pop("number")

        def send(number: int = number, **content: Any) -> None:
            if number in cancelled:
                raise RequestCancelled
            os.write(channel, (json.dumps({"number": number, **content}) + "\n").encode())

        _serve(classifiers, request, send)


def _receive(requests: "queue.Queue[dict[str, Any]]", cancelled: set[int]) -> None:
    """Queue requests and record cancellations; exit the process when the input closes, whatever is running."""
    for line in sys.stdin:
        message = json.loads(line)
        if "cancel" in message:
            cancelled.add(message["cancel"])
        else:
            requests.put(message)
    os._exit(0)


def _serve(classifiers: "ClassifierCache", request: dict[str, Any], send: Send) -> None:
    """Run one request and send its result, or its error as one sentence."""
    from closecall.data.io.errors import UserError

    try:
        send(done=0, total=0)
        send(result=HANDLERS[request.pop("kind")](classifiers, send, **request))
    except RequestCancelled:
        return
    except UserError as error:
        send(error=str(error))
    except Exception as error:
        first_line = (str(error).strip().splitlines() or ["no message"])[0][:200]
        send(error=f"The classifier failed: {type(error).__name__}: {first_line}")


def _explanation(
    classifiers: "ClassifierCache", send: Send, checkpoint: dict[str, Any], text: str, threshold: float
) -> dict[str, Any]:
    """The attribution and the flip of one text, as values that JSON can hold."""
    from closecall.models.encoders.checkpoints import Checkpoint
    from closecall.models.explain.occlusion import explain

    attribution, flip = explain(
        classifiers(Checkpoint(**checkpoint)),
        text,
        threshold=threshold,
        on_progress=lambda done, total: send(done=done, total=total),
    )
    return {"attribution": asdict(attribution) | {"drops": attribution.drops.tolist()}, "flip": asdict(flip)}


def _probabilities(
    classifiers: "ClassifierCache", send: Send, checkpoints: list[dict[str, Any]], texts: list[str]
) -> list[list[float]]:
    """The positive-class probability of each text at each checkpoint (checkpoints x texts)."""
    from closecall.analysis.errors.occlusion import positive_probability
    from closecall.models.encoders.checkpoints import Checkpoint

    rows = []
    for number, checkpoint in enumerate(checkpoints):
        send(done=number, total=len(checkpoints))
        rows.append(positive_probability(classifiers(Checkpoint(**checkpoint)).log_odds(texts)).tolist())
    return rows


HANDLERS: dict[str, Callable[..., Any]] = {"explanation": _explanation, "probabilities": _probabilities}
"""What a request of each kind computes, from the classifiers, a function that sends progress, and its arguments."""


if __name__ == "__main__":
    sys.exit(main())
