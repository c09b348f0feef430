"""The last linear layer of a classifier: what it reads, training it anew, and moving its prior."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from closecall.analysis.formatting import ratio_text
from closecall.data.experiments.remedies import PLAIN
from closecall.data.experiments.runs import load_run
from closecall.data.experiments.store import RunConfig, run_name
from closecall.data.io.errors import UserError
from closecall.data.io.files import file_sha256
from closecall.models.encoders.checkpoints import only_head, only_head_sentence
from closecall.models.encoders.inference import forward_batches, run_inference
from closecall.models.encoders.loading import load_checkpoint
from closecall.models.encoders.tokenization import padded_tokens
from closecall.models.training.baselines import fit_logistic
from closecall.models.training.stages import RunContext


def head_layer(model: Any) -> nn.Linear:
    """The linear layer that gives a classifier's two logits. UserError when it has none with a bias."""
    for module in reversed(list(model.modules())):
        if isinstance(module, nn.Linear) and module.out_features == 2 and module.bias is not None:
            return module
    raise UserError(f"{type(model).__name__} has no linear layer with two outputs at its end. Choose another remedy.")


def shift_head(model: Any, amount: float) -> None:
    """Add `amount` to the log-odds that a classifier gives to every text."""
    with torch.no_grad():
        head_layer(model).bias[1] += amount


def head_features(model: Any, read: Callable[[], object]) -> np.ndarray:
    """What the last layer reads while `read` passes texts through the model, in the order they pass (n x hidden)."""
    seen: list[np.ndarray] = []
    hook = head_layer(model).register_forward_pre_hook(lambda module, given: seen.append(_rows(given[0])))
    try:
        read()
    finally:
        hook.remove()
    return np.concatenate(seen)


def retrain_head(
    model: Any, features: np.ndarray, labels: np.ndarray, val_features: np.ndarray, val_labels: np.ndarray
) -> float:
    """Replace the last layer by one fitted on frozen features with both classes weighed alike; its inverse penalty.

    Classifier re-training (cRT, Kang et al. 2020). They draw class-balanced batches; a regression with balanced weights
    is what that comes to in the end, and needs no learning rate.
    """
    fitted, strength = fit_logistic(features, labels, val_features, val_labels, balanced=True)
    weights, bias = torch.as_tensor(fitted.coef_[0]), float(fitted.intercept_[0])
    layer = head_layer(model)
    with torch.no_grad():  # half the log-odds to each side
        layer.weight.copy_(torch.stack([-weights, weights]) / 2)
        layer.bias.copy_(torch.tensor([-bias, bias]) / 2)
    return strength


def _rows(given: torch.Tensor) -> np.ndarray:
    return given.float().cpu().numpy()


# A plain run's classifier with its head trained anew on frozen, fine-tuned features (cRT).


def head_retrained_run(run: RunConfig, desk: RunContext, device: torch.device) -> tuple[Any, dict[str, Any]]:
    """The checkpoint of the plain run of the same ratio and seed with a new head, and what the record should say.

    UserError when that run is not done or its checkpoint is gone.
    """
    plain = load_run(run.experiment, run_name(run.ratio, run.seed, PLAIN))
    if plain.status.state != "done" or not (plain.checkpoint / "config.json").exists():
        if only_head(plain.folder):
            raise UserError(only_head_sentence(run.experiment, plain.name))
        raise UserError(
            f"The re-trained head starts from the checkpoint of the plain run at {ratio_text(run.ratio)}, seed "
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


def _features(desk: RunContext, model: Any, rows: pd.DataFrame) -> np.ndarray:
    """What the head reads of each row (n x hidden)."""
    tokens, places = desk.material.tokens, rows["place"].to_numpy()

    def seen(number: int, tokens: int, examples: int) -> None:
        desk.watch.count("forward", tokens=tokens, examples=examples)
        desk.watch.check()

    passed = head_features(model, lambda: run_inference(model, tokens, places, embed=False, on_batch=seen))
    order = np.concatenate(forward_batches(tokens, places, next(model.parameters()).device.type))
    features = np.empty_like(passed)
    features[order] = passed
    return features


def _padded(desk: RunContext, rows: pd.DataFrame) -> float:
    places = rows["place"].to_numpy()
    return padded_tokens(desk.material.tokens.lengths[places], forward_batches(desk.material.tokens, places))
