"""The script of each process in test_processes.py: train with the callback and save the Trainer's own logits.

python -m tests.models.integrations.train_recorded TINY_BERT OUT TITLE
"""

import os
import signal
import sys
from pathlib import Path

import numpy as np
from transformers import Trainer

from closecall.models.integrations.trackers import TRACKERS
from tests.models.integrations.scripts import callback, load_model, make_trainer, spam, tokenised


class Killed(Trainer):
    """A training whose process is killed at its fifth step."""

    def training_step(self, *given, **more):
        if self.state.global_step == 4:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().training_step(*given, **more)


def main(tiny: Path, out: Path, title: str) -> None:
    """`title` is that of the callback, "" for none, "killed", or the name of a tracker."""
    data = tokenised(spam(), tiny)
    if title == "killed":
        make_trainer(out, tiny, data, [callback(data)], kind=Killed).train()
    if title in TRACKERS:
        reports = {"report_to": title, "logging_strategy": "epoch", "run_name": "first"}
        make_trainer(out, tiny, data, [callback(data, report_to=title)], **reports).train()
        return
    model = load_model(tiny)
    callbacks = [callback(data, title)] if title else []
    trainer = make_trainer(out, tiny, data, callbacks, model=model, eval_strategy="epoch")
    trainer.train()
    logits = trainer.predict(data["test"]).predictions
    if trainer.is_world_process_zero():
        np.save(out / f"logits{title}.npy", logits)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
