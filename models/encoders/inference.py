"""Predict and embed texts in one forward pass.

An embedding is the mean of the last layer's hidden states over the text's tokens, special ones included, scaled to
length 1, so that a dot product is a cosine. The built-in encoder was trained with this pooling. Frozen and fine-tuned
encoders use the same one, so that their maps can be compared.

Logits are in fp32, whatever the precision of training: bf16 logits have three digits, and ties change rankings. Where
only embeddings are wanted, the passes are in bf16 on hardware that computes in it: more than twice as fast, at a cosine
above 0.9999 to fp32.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from closecall.models.encoders.fast_forward import first_token_only
from closecall.models.encoders.tokenization import Tokens, prediction_batches
from closecall.models.runtime.devices import has_bf16

TOKEN_BUDGET = 2048
"""Padded tokens of a batch: 32 texts of 64 tokens, 4 of 512. More is not faster on a processor and takes memory."""
GPU_TOKEN_BUDGET = 65536
OnBatch = Callable[[int, int, int], None]
"""Called after each batch with its number from 1, its padded tokens and its examples."""


@dataclass(frozen=True)
class InferenceResult:
    """The outputs of a model for n texts, in the order of the texts.

    `logits` is n x outputs (None without a head), `embeddings` n x hidden with rows of length 1 (None when not
    requested). Both are float32.
    """

    logits: np.ndarray | None
    embeddings: np.ndarray | None


def run_inference(
    model: nn.Module,
    tokens: Tokens,
    places: np.ndarray,
    *,
    embed: bool = True,
    score: bool = True,
    on_batch: OnBatch = lambda number, tokens, examples: None,
) -> InferenceResult:
    """Logits and embeddings of the texts at `places`, by one pass in length-sorted batches of bounded size.

    The model is left in evaluation mode. Without `embed` a BERT's last layer is computed for the first token only.
    Without `score` there are no logits, and the embeddings may come from bf16.
    """
    model.eval()
    evaluated = model if score else model.base_model
    device = next(model.parameters()).device
    batches = forward_batches(tokens, places, device.type)
    logits, embeddings = [], []
    low_precision = not score and has_bf16()
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=low_precision):
        for number, batch in enumerate(batches, start=1):
            inputs = tokens.batch(places[batch], device)
            scores, pooled = _forward(evaluated, inputs, embed)
            logits.append(scores)
            embeddings.append(pooled)
            on_batch(number, inputs["input_ids"].numel(), len(batch))
    order = np.concatenate(batches) if batches else np.empty(0, dtype=np.int64)
    return InferenceResult(_in_order(logits, order), _in_order(embeddings, order))


def forward_batches(tokens: Tokens, places: np.ndarray, device_type: str = "cpu") -> list[np.ndarray]:
    """The batches, as rows of `places`, that `run_inference` uses."""
    budget = GPU_TOKEN_BUDGET if device_type == "cuda" else TOKEN_BUDGET
    return prediction_batches(tokens.lengths[places], token_budget=budget)


def mean_pooled(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The mean hidden state of each text's own tokens, scaled to length 1 (batch x hidden)."""
    inside = mask.unsqueeze(-1).to(hidden.dtype)
    mean = (hidden * inside).sum(1) / inside.sum(1).clamp_min(1)
    return nn.functional.normalize(mean, dim=1)


def _forward(model: Any, inputs: dict[str, torch.Tensor], embed: bool) -> tuple[np.ndarray | None, np.ndarray | None]:
    if not embed:
        with first_token_only(model):
            return _array(model(**inputs).logits), None
    hidden: list[torch.Tensor] = []
    encoder = model.base_model
    hook = encoder.register_forward_hook(lambda module, given, output: hidden.append(output.last_hidden_state))
    try:
        output = model(**inputs)
    finally:
        hook.remove()
    scores = _array(output.logits) if "logits" in output else None
    return scores, _array(mean_pooled(hidden[0].float(), inputs["attention_mask"]))


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.float().cpu().numpy()


def _in_order(parts: list[np.ndarray | None], order: np.ndarray) -> np.ndarray | None:
    """The rows of all batches in the order of the texts."""
    found = [part for part in parts if part is not None]
    if not found:
        return None
    sorted_rows = np.concatenate(found)
    rows = np.empty_like(sorted_rows)
    rows[order] = sorted_rows
    return rows
