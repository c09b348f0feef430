"""Losses against class imbalance. Each takes logits (batch x 2) and labels (batch) and returns the mean loss.

The mean is over examples, also where they are weighted (torch divides by the sum of the batch's weights). So a batch
can be computed in parts, and a batch without positives does not get a larger gradient. A new loss is a function here,
an entry of `LOSSES` and an entry of `REMEDIES` in data/experiments/remedies.py.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from closecall.models.training.steps import Loss, cross_entropy

BETA, GAMMA, TAU, SMOOTH, ALPHA = 0.999, 2.0, 1.0, 1.0, 0.01


def loss_of(remedy: str, labels: np.ndarray) -> Loss:
    """The loss of a remedy for the training labels of its run; cross-entropy for remedies that change no loss."""
    if remedy not in LOSSES:
        return cross_entropy
    return LOSSES[remedy](np.bincount(labels.astype(np.int64), minlength=2).astype(np.float64))


def inverse_frequencies(counts: np.ndarray) -> np.ndarray:
    """w_c = N/(K n_c) for class counts n_c: every class weighs N/K in all."""
    return counts.sum() / (len(counts) * counts)


def class_balanced(counts: np.ndarray, *, beta: float = BETA) -> np.ndarray:
    """w_c = (1 - beta)/(1 - beta^n_c), scaled to a mean of 1 over classes (Cui et al. 2019).

    The effective number of examples (1 - beta^n)/(1 - beta) stops growing near 1/(1 - beta): with beta 0.999, 100
    positives and 1,000 negatives get weights of 6.6 to 1 instead of 10 to 1.
    """
    weights = (1 - beta) / (1 - np.power(beta, counts))
    return weights / weights.mean()


def weighted(weights: np.ndarray) -> Loss:
    """Cross-entropy with a weight for each class: mean of w_y (-ln p_y)."""
    by_class = torch.as_tensor(weights)

    def loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        one_by_one = nn.functional.cross_entropy(logits, labels, reduction="none")
        return (by_class.to(logits)[labels] * one_by_one).mean()

    return loss


def focal(gamma: float = GAMMA) -> Loss:
    """Mean of -(1 - p_y)^gamma ln p_y: examples that are already classified correctly count less (Lin et al. 2017)."""

    def loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        log_probs = logits.log_softmax(1)
        rows = torch.arange(len(labels), device=logits.device)
        log_right, log_wrong = log_probs[rows, labels], log_probs[rows, 1 - labels]
        return -((gamma * log_wrong).exp() * log_right).mean()

    return loss


def logit_adjusted(shares: np.ndarray, *, tau: float = TAU) -> Loss:
    """Cross-entropy of z_c + tau ln pi_c with pi the classes' shares; plain z at test (Menon et al. 2021)."""
    offsets = torch.as_tensor(tau * np.log(shares))

    def loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(logits + offsets.to(logits), labels)

    return loss


def dice(*, smooth: float = SMOOTH, alpha: float = ALPHA) -> Loss:
    """Mean of 1 - (2 d y + s)/(d + y + s) with d = (1 - p)^alpha p, p the positive's probability (Li et al. 2020)."""

    def loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        log_negative, log_positive = logits.log_softmax(1).unbind(1)
        damped = (alpha * log_negative + log_positive).exp()
        truth = labels.to(logits.dtype)
        return (1 - (2 * damped * truth + smooth) / (damped + truth + smooth)).mean()

    return loss


LOSSES: dict[str, Callable[[np.ndarray], Loss]] = {
    "class-weights": lambda counts: weighted(inverse_frequencies(counts)),
    "root-weights": lambda counts: weighted(np.sqrt(inverse_frequencies(counts))),
    "class-balanced": lambda counts: weighted(class_balanced(counts)),
    "focal": lambda counts: focal(),
    "logit-adjusted": lambda counts: logit_adjusted(counts / counts.sum()),
    "dice": lambda counts: dice(),
}
"""By the name of the remedy: from the class counts (negatives, positives) to the loss."""
