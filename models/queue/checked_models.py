"""Check encoders and classifiers in folders before runs that need them are queued. Nothing here imports torch."""

from collections.abc import Sequence
from pathlib import Path

from closecall.data.datasets.store import load_info
from closecall.data.experiments.store import TrainingConfig
from closecall.models.encoders.label_mapping import PositiveOutput, positive_output
from closecall.models.encoders.model_check import check_model
from closecall.models.queue.sweeps import located_model, with_located_encoder


def check_encoder(training: TrainingConfig) -> None:
    """UserError when the encoder is a folder that cannot be trained on texts of `max_tokens`.

    A hub id is not fetched for this: its run fails with the same sentence.
    """
    located = with_located_encoder(training)
    if Path(located.encoder).is_dir():
        check_model(located.encoder, classifier=False, max_tokens=located.max_tokens)


def checked_output(
    dataset: str, checkpoint: str, *, max_tokens: int, positive: Sequence[str] = ()
) -> PositiveOutput | None:
    """The positive outputs of a fine-tuned classifier in a folder; None for a hub id, which is not fetched for this.

    UserError when the folder has no classifier that reads texts of `max_tokens` tokens, or its outputs leave open which
    is positive.
    """
    info, located = load_info(dataset), located_model(checkpoint, "classifier")
    if not Path(located).is_dir():
        return None
    head = check_model(located, classifier=True, max_tokens=max_tokens)
    return positive_output(head, info, positive)
