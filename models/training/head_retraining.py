"""The last linear layer of a classifier: what it reads, training it again, and shifting its prior."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from closecall.analysis.formatting import ratio_text
from closecall.data.experiments.remedies import NO_REMEDY
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


def head_retrained_run(run: RunConfig, context: RunContext, device: torch.device) -> tuple[Any, dict[str, Any]]:
    """The baseline's classifier of the same ratio and seed with a new last layer, and its entries for metrics.json.

    The last layer is fitted on the frozen, fine-tuned features (cRT). UserError when the baseline's run is not done or
    its checkpoint is missing.
    """
    baseline = load_run(run.experiment, run_name(run.ratio, run.seed, NO_REMEDY))
    if baseline.status.state != "done" or not (baseline.checkpoint / "config.json").exists():
        if only_head(baseline.folder):
            raise UserError(only_head_sentence(run.experiment, baseline.name))
        raise UserError(
            f"The re-trained head needs the checkpoint of the baseline at {ratio_text(run.ratio)}, seed {run.seed}, "
            f"which is missing. Finish {baseline.name} first, then resume."
        )
    with context.reporter.phase("loading"):
        model: Any = load_checkpoint(str(baseline.checkpoint))
        model.to(device)
    training, validation = context.data.training, context.data.validation
    all_rows = (training, validation, context.data.evaluation, training)
    context.expect(forward=sum(_padded_tokens(context, rows) for rows in all_rows))
    with context.reporter.phase("training"):
        features, val_features = (_features(context, model, rows) for rows in (training, validation))
        labels, val_labels = training["label"].to_numpy(), validation["label"].to_numpy()
        inverse_penalty = retrain_head(model, features, labels, val_features, val_labels)
    weights = file_sha256(baseline.checkpoint / "model.safetensors")
    return model, {"from": baseline.name, "from_sha256": weights, "inverse_penalty": inverse_penalty}


def retrain_head(
    model: Any, features: np.ndarray, labels: np.ndarray, val_features: np.ndarray, val_labels: np.ndarray
) -> float:
    """Replace the last layer by one fitted on frozen features with both classes weighted equally; its inverse penalty.

    Classifier re-training (cRT, Kang et al. 2020). They draw class-balanced batches; a regression with balanced weights
    is the limit of that and needs no learning rate.
    """
    fitted, inverse_penalty = fit_logistic(features, labels, val_features, val_labels, balanced=True)
    weights, bias = torch.as_tensor(fitted.coef_[0]), float(fitted.intercept_[0])
    layer = head_layer(model)
    with torch.no_grad():  # half of the log-odds to each output
        layer.weight.copy_(torch.stack([-weights, weights]) / 2)
        layer.bias.copy_(torch.tensor([-bias, bias]) / 2)
    return inverse_penalty


def head_layer(model: Any) -> nn.Linear:
    """The linear layer that computes a classifier's two logits. UserError when there is none with a bias."""
    for module in reversed(list(model.modules())):
        if isinstance(module, nn.Linear) and module.out_features == 2 and module.bias is not None:
            return module
    raise UserError(
        f"{type(model).__name__} has no linear layer with two outputs and a bias at its end. Choose another remedy."
    )


def shift_head(model: Any, amount: float) -> None:
    """Add `amount` to the log-odds that a classifier gives to every text."""
    with torch.no_grad():
        head_layer(model).bias[1] += amount


def head_features(model: Any, forward: Callable[[], object]) -> np.ndarray:
    """The inputs of the last layer while `forward` passes texts through the model, in their order (n x hidden)."""
    seen: list[np.ndarray] = []
    hook = head_layer(model).register_forward_pre_hook(lambda module, inputs: seen.append(_array(inputs[0])))
    try:
        forward()
    finally:
        hook.remove()
    return np.concatenate(seen)


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.float().cpu().numpy()


def _features(context: RunContext, model: Any, rows: pd.DataFrame) -> np.ndarray:
    """The inputs of the last layer for each row (n x hidden)."""
    tokens, places = context.data.tokens, rows["place"].to_numpy()

    def count(number: int, tokens: int, examples: int) -> None:
        context.reporter.count("forward", tokens=tokens, examples=examples)
        context.reporter.check()

    passed = head_features(model, lambda: run_inference(model, tokens, places, embed=False, on_batch=count))
    order = np.concatenate(forward_batches(tokens, places, next(model.parameters()).device.type))
    features = np.empty_like(passed)
    features[order] = passed
    return features


def _padded_tokens(context: RunContext, rows: pd.DataFrame) -> float:
    places = rows["place"].to_numpy()
    return padded_tokens(context.data.tokens.lengths[places], forward_batches(context.data.tokens, places))
