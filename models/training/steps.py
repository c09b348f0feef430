"""One training step: the loss, the learning rate, the optimiser, and the forward and backward pass of a batch."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn

from closecall.data.experiments.store import TrainingConfig
from closecall.models.encoders.fast_forward import QuickDropout, first_token_only, fits
from closecall.models.training.distributed import add_gradients

STEP_TOKENS, GPU_STEP_TOKENS = 2048, 65536
"""Padded tokens of one forward pass in training: 16 texts of 128 tokens, 8 of 256."""
STEP_PAIRS = 2**19
"""Attention scores of one forward pass on the CPU, where they are stored: 2 texts of 512 tokens."""
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""From logits (batch x 2) and labels (batch) to their mean loss."""


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The mean over the batch of -ln softmax(logits)[label]. Logits are batch x 2, labels batch."""
    return nn.functional.cross_entropy(logits, labels)


def rate_share(step: int, steps: int, warmup_share: float) -> float:
    """The share of the learning rate at a step from 0: rising to 1 over the warm-up, then falling linearly to 0."""
    warmup = round(steps * warmup_share)
    if step < warmup:
        return (step + 1) / warmup
    return (steps - step) / (steps - warmup)


def make_optimizer(model: nn.Module, config: TrainingConfig) -> torch.optim.AdamW:
    """AdamW over the weights that are trained; biases and norms (vectors) do not decay."""
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    groups = [
        {"params": [w for w in trained if w.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [w for w in trained if w.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, fused=True)


def freeze_word_embeddings(model: Any) -> None:
    """Exclude the word embeddings from training: half of a small model's weights, most of them for unseen words."""
    model.get_input_embeddings().weight.requires_grad_(False)


def take_step(
    model: nn.Module,
    optimizer: Any,
    inputs: dict[str, torch.Tensor],
    labels: torch.Tensor,
    *,
    accelerator: Accelerator,
    loss: Loss = cross_entropy,
    max_grad_norm: float = 1.0,
    whole: int | None = None,
) -> torch.Tensor:
    """One optimiser step on one batch; returns the logits (batch x 2, float32) of the batch before the step.

    A batch of long texts is computed in parts, so that it needs no more memory than one of short texts; `loss` is a
    mean over examples, so the gradient is the same. With several processes each passes its share of a batch of `whole`
    texts, which may be empty.
    """
    size, longest = inputs["input_ids"].shape
    logits = [torch.empty(0, 2, device=accelerator.device)]
    for rows in torch.arange(size).split(_rows_at_once(longest, accelerator.device.type)) if size else ():
        part = model(**{name: tensor[rows] for name, tensor in inputs.items()}).logits.float()
        accelerator.backward(loss(part, labels[rows].to(part.device)) * (len(rows) / (whole or size)))
        logits.append(part.detach())
    add_gradients(accelerator, model)
    if max_grad_norm > 0:
        accelerator.clip_grad_norm_(model.parameters(), max_grad_norm)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return torch.cat(logits)


def _rows_at_once(longest: int, device_type: str) -> int:
    """How many texts of this length one forward pass computes."""
    if device_type == "cuda":
        return max(1, GPU_STEP_TOKENS // longest)
    return max(1, min(STEP_TOKENS // longest, STEP_PAIRS // longest**2))


@contextmanager
def quick_forward(model: Any) -> Iterator[None]:
    """Within, training passes of a BERT take less time; see `encoders.fast_forward`."""
    attention = model.config._attn_implementation
    eager = fits(model) and model.device.type == "cpu"
    if eager:  # its dropout is a separate operation, which `QuickDropout` replaces; sdpa is no faster at these lengths
        model.set_attn_implementation("eager")
    try:
        with first_token_only(model), QuickDropout():
            yield
    finally:
        if eager:
            model.set_attn_implementation(attention)
