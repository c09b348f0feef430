"""A plain run's classifier with its head trained anew on frozen, fine-tuned features (cRT)."""

from typing import Any

import numpy as np
import pandas as pd
import torch

from data.errors import UserError
from data.experiments import RunConfig, ratio_label, run_name
from data.files import file_sha256
from data.remedies import PLAIN
from data.runs import load_run
from models.checkpoints import only_head, only_head_sentence
from models.encoder import load_checkpoint
from models.heads import head_features, retrain_head
from models.prediction import forward_batches, read_texts
from models.stages import Desk
from models.tokens import padded_tokens


def retrained_head(run: RunConfig, desk: Desk, device: torch.device) -> tuple[Any, dict[str, Any]]:
    """The checkpoint of the plain run of the same ratio and seed with a new head, and what the record should say.

    UserError when that run is not done or its checkpoint is gone.
    """
    plain = load_run(run.experiment, run_name(run.ratio, run.seed, PLAIN))
    if plain.status.state != "done" or not (plain.checkpoint / "config.json").exists():
        if only_head(plain.folder):
            raise UserError(only_head_sentence(run.experiment, plain.name))
        raise UserError(
            f"The re-trained head starts from the checkpoint of the plain run at {ratio_label(run.ratio)}, seed "
            f"{run.seed}, which is not there. Let {plain.name} be done first, then resume."
        )
    with desk.watch.phase("loading"):
        model: Any = load_checkpoint(str(plain.checkpoint))
        model.to(device)
    parts = desk.material.training, desk.material.validation
    everything = (*parts, desk.material.evaluation, desk.material.training)
    desk.expect(forward=sum(_padded(desk, rows) for rows in everything))
    with desk.watch.phase("training"):
        own, chosen = (_features(desk, model, rows) for rows in parts)
        strength = retrain_head(model, own, parts[0]["label"].to_numpy(), chosen, parts[1]["label"].to_numpy())
    weights = file_sha256(plain.checkpoint / "model.safetensors")
    return model, {"from": plain.name, "from_sha256": weights, "inverse_penalty": strength}


def _features(desk: Desk, model: Any, rows: pd.DataFrame) -> np.ndarray:
    """What the head reads of each row (n x hidden)."""
    tokens, places = desk.material.tokens, rows["place"].to_numpy()

    def seen(number: int, tokens: int, examples: int) -> None:
        desk.watch.count("forward", tokens=tokens, examples=examples)
        desk.watch.check()

    passed = head_features(model, lambda: read_texts(model, tokens, places, embed=False, on_batch=seen))
    order = np.concatenate(forward_batches(tokens, places, next(model.parameters()).device.type))
    features = np.empty_like(passed)
    features[order] = passed
    return features


def _padded(desk: Desk, rows: pd.DataFrame) -> float:
    places = rows["place"].to_numpy()
    return padded_tokens(desk.material.tokens.lengths[places], forward_batches(desk.material.tokens, places))
