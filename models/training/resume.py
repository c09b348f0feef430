"""The resume file: everything an interrupted training needs to end with the same result.

One safetensors file, written atomically: the trained weights, the optimiser's moments, the state of the random
numbers and the dynamics so far. Its header has the step, the history and the fingerprint of the training. No pickle.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from closecall.data.io.files import atomic_write

FILE = "resume.safetensors"
ADAM = ("step", "exp_avg", "exp_avg_sq")


@dataclass(frozen=True)
class Resume:
    """The state of a training after `step` optimiser steps.

    `pos_probs` (epochs x n) holds the dynamics so far, nan where not seen yet; `history` has a record for each finished
    epoch; `seconds` is the training time so far; `tensors` are weights, moments and random state by name.
    """

    step: int
    pos_probs: torch.Tensor
    history: list[dict[str, Any]]
    seconds: float
    tensors: dict[str, torch.Tensor]


def save_resume(
    folder: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    *,
    fingerprint: str,
    step: int,
    pos_probs: torch.Tensor,
    history: list[dict[str, Any]],
    seconds: float,
) -> None:
    """Write the resume file of a run folder. Frozen weights are left out: they are those of the encoder."""
    tensors = {"pos_probs": pos_probs, "random.cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    for name, weight in _trained(model):
        tensors[f"weight.{name}"] = weight.detach()
        for key, value in optimizer.state[weight].items():
            tensors[f"{key}.{name}"] = value
    header = {
        "fingerprint": fingerprint,
        "step": str(step),
        "history": json.dumps(history),
        "seconds": repr(seconds),
    }
    # safetensors refuses shared storage and copies strided tensors anyway.
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with atomic_write(folder / FILE) as temporary:
        save_file(plain, temporary, metadata=header)


def load_resume(folder: Path, *, fingerprint: str) -> Resume | None:
    """The state to resume from; None when there is none, it is broken, or it belongs to another training."""
    try:
        with safe_open(folder / FILE, framework="pt") as stored:
            header = stored.metadata() or {}
            if header.get("fingerprint") != fingerprint:
                return None
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - not a mapping
    except (OSError, SafetensorError):
        return None
    return Resume(
        step=int(header["step"]),
        pos_probs=tensors.pop("pos_probs"),
        history=json.loads(header["history"]),
        seconds=float(header["seconds"]),
        tensors=tensors,
    )


def restore(resume: Resume, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Restore weights, moments and random state."""
    for name, weight in _trained(model):
        with torch.no_grad():
            weight.copy_(resume.tensors[f"weight.{name}"])
        state = {key: resume.tensors.get(f"{key}.{name}") for key in ADAM}
        if all(one is not None for one in state.values()):  # before the first step there is none
            optimizer.state[weight] = {key: one.to(weight.device) for key, one in state.items() if one is not None}
    torch.set_rng_state(resume.tensors["random.cpu"])
    if "random.cuda" in resume.tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(resume.tensors["random.cuda"])


def drop_resume(folder: Path) -> None:
    """Remove the resume file of a finished run."""
    (folder / FILE).unlink(missing_ok=True)


def _trained(model: nn.Module) -> list[tuple[str, nn.Parameter]]:
    return [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
