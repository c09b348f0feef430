"""Losses that are offered against imbalance. Each takes logits (batch x 2) and labels (batch), and gives a mean.

The mean is over examples, also where they are weighted (torch's own divides by the weights of the batch): so a batch
may go through in parts, and a batch without positives is not blown up.
"""

import numpy as np
import torch
from torch import nn

from closecall.models.training.steps import Loss, cross_entropy

BETA, GAMMA, TAU, SMOOTH, ALPHA = 0.999, 2.0, 1.0, 1.0, 0.01


def loss_of(remedy: str, labels: np.ndarray) -> Loss:
    """The loss of a remedy for the training labels of its run; cross-entropy for all that change no loss."""
    counts = np.bincount(labels.astype(np.int64), minlength=2).astype(np.float64)
    if remedy == "class-weights":
        return weighted(inverse_frequencies(counts))
    if remedy == "root-weights":
        return weighted(np.sqrt(inverse_frequencies(counts)))
    if remedy == "class-balanced":
        return weighted(class_balanced(counts))
    if remedy == "focal":
        return focal()
    if remedy == "logit-adjusted":
        return logit_adjusted(counts / counts.sum())
    return dice() if remedy == "dice" else cross_entropy


def inverse_frequencies(counts: np.ndarray) -> np.ndarray:
    """w_c = N/(K n_c) for class counts n_c: every class weighs N/K in all."""
    return counts.sum() / (len(counts) * counts)


def class_balanced(counts: np.ndarray, *, beta: float = BETA) -> np.ndarray:
    """w_c = (1 - beta)/(1 - beta^n_c), scaled to a mean of 1 over classes (Cui et al. 2019).

    The effective number of examples (1 - beta^n)/(1 - beta) stops growing near 1/(1 - beta): at .999 and 100 against
    1,000 examples the weights stand 6.6 to 1, not 10 to 1.
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
    """Mean of -(1 - p_y)^gamma ln p_y: what is right already counts less (Lin et al. 2017)."""

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
