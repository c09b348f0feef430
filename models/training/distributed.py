"""Several processes train one run together.

    accelerate launch --num_processes N -m closecall.models.queue.scheduler RUN_FOLDER

Each process computes its share of every batch and weights its loss by the whole batch; the gradients are summed. So
the step equals that of the whole batch, whatever the sizes of the shares. The main process does all other work and
writes all files. With one process these functions do nothing.
"""

from hashlib import sha256

import numpy as np
import torch
from accelerate import Accelerator
from torch import distributed, nn


def own_rows(accelerator: Accelerator, size: int) -> np.ndarray:
    """The rows of a batch that this process computes: every n-th, so that long texts are spread. May be empty."""
    return np.arange(size)[accelerator.process_index :: accelerator.num_processes]


def seed_step(accelerator: Accelerator, seed: int, step: int) -> None:
    """Seed the random numbers of each process from the step, so that a resumed training has the same ones."""
    if accelerator.num_processes > 1:
        key = f"{seed} {step} {accelerator.process_index}"
        torch.manual_seed(int.from_bytes(sha256(key.encode()).digest()[:7]))


def add_gradients(accelerator: Accelerator, model: nn.Module) -> None:
    """Sum the gradients of all processes, in place; a process without a share adds nothing."""
    if accelerator.num_processes == 1:
        return
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    there = torch.tensor([float(weight.grad is not None) for weight in weights], device=accelerator.device)
    parts = [torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in weights]
    total = _sum(accelerator, torch.cat([there, *(part.float().flatten() for part in parts)]))
    start = len(weights)
    for weight, count in zip(weights, total[:start].tolist(), strict=True):
        if count:  # else no process has a gradient for it, and the optimiser skips it
            weight.grad = total[start : start + weight.numel()].view_as(weight).clone()
        start += weight.numel()


def whole_batch(accelerator: Accelerator, own: torch.Tensor, places: np.ndarray, size: int) -> torch.Tensor:
    """The rows of a whole batch (size x columns) from the rows of each process."""
    if accelerator.num_processes == 1:
        return own
    rows = torch.zeros(size, own.shape[1], device=accelerator.device)
    rows[torch.from_numpy(places).to(accelerator.device)] = own.to(accelerator.device)
    return _sum(accelerator, rows)


def check_same_state(accelerator: Accelerator, model: nn.Module, step: int) -> None:
    """RuntimeError unless all processes are at the same step with the same weights."""
    if accelerator.num_processes == 1:
        return
    state = [float(step), *(float(weight.detach().double().sum()) for weight in model.parameters())]
    own = torch.tensor(state, device=accelerator.device)
    if not torch.allclose(_sum(accelerator, own), own * accelerator.num_processes, equal_nan=True):
        raise RuntimeError(
            "The processes of this run start from different weights. Start them again on one shared folder."
        )


def announce_training(accelerator: Accelerator, *, training: bool) -> bool:
    """Broadcast from the main process whether there is a training; the same answer in every process."""
    if accelerator.num_processes == 1:
        return training
    flag = torch.tensor([float(training and accelerator.is_main_process)], device=accelerator.device)
    return bool(_sum(accelerator, flag).item())


def leave_group() -> None:
    """Close the connections to the other processes, if any: a process that exits with open ones may abort."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def _sum(accelerator: Accelerator, tensor: torch.Tensor) -> torch.Tensor:
    total: torch.Tensor = accelerator.reduce(tensor, reduction="sum")
    return total
