"""The last linear layer of a classifier: what it reads, training it anew, and moving its prior."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from data.errors import UserError
from models.linear import fit_logistic


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
