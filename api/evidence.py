"""Evidence on the causes of single errors, collected in a process of its own before causes are read."""

import sys
import time

from closecall.data.annotations.causes import load_evidence
from closecall.data.io.errors import UserError
from closecall.models.explain.causes import evidence_digests, evidence_status, start_evidence
from closecall.models.queue.jobs import wait_for_embeddings

POLL_SECONDS = 0.1


def ensure_evidence(experiment: str) -> None:
    """Collect the evidence where none is stored for the current runs and texts, and wait until that has ended.

    Embeddings that are being computed are waited for first. UserError when it failed or was interrupted.
    """
    wait_for_embeddings(experiment, _note)
    stored = load_evidence(experiment)
    if stored is not None and (stored.info.content, stored.info.runs) == evidence_digests(experiment):
        return
    _note(f"Collecting the evidence on the examples of {experiment}.")
    start_evidence(experiment)
    while (status := evidence_status(experiment)) is not None and status.state == "running":
        time.sleep(POLL_SECONDS)
    if status is None or status.state != "done":
        message = "" if status is None else f" {status.message}"
        raise UserError(f"The evidence on {experiment} was not collected.{message} collect=False leaves it out.")


def _note(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
