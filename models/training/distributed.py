"""Several processes train one run together: `accelerate launch --num_processes N -m closecall.models.queue.scheduler RUN_FOLDER`.

Each takes its share of every batch, weighs its loss by the whole batch, and the gradients are added up, so that the
step is that of the whole batch, whatever the sizes of the shares. The first process, the main one, does all else and
writes all files. With one process nothing here does anything.
"""

from hashlib import sha256

import numpy as np
import torch
from accelerate import Accelerator
from torch import distributed, nn


def own_rows(accelerator: Accelerator, size: int) -> np.ndarray:
    """Which places of a batch this process takes: every n-th, so that long texts are spread. May be none."""
    return np.arange(size)[accelerator.process_index :: accelerator.num_processes]


def broadcast_step(accelerator: Accelerator, seed: int, step: int) -> None:
    """Give each process random numbers of its own, made from the step, so that a resumed training has the same."""
    if accelerator.num_processes > 1:
        key = f"{seed} {step} {accelerator.process_index}"
        torch.manual_seed(int.from_bytes(sha256(key.encode()).digest()[:7]))


def add_gradients(accelerator: Accelerator, model: nn.Module) -> None:
    """Add up the gradients of all processes, in place; one without a share has none and adds nothing."""
    if accelerator.num_processes == 1:
        return
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    there = torch.tensor([float(weight.grad is not None) for weight in weights], device=accelerator.device)
    parts = [torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in weights]
    total = _sum(accelerator, torch.cat([there, *(part.float().flatten() for part in parts)]))
    start = len(weights)
    for weight, count in zip(weights, total[:start].tolist(), strict=True):
        if count:  # else no process met it, and the optimiser leaves it alone
            weight.grad = total[start : start + weight.numel()].view_as(weight).clone()
        start += weight.numel()


def whole_batch(accelerator: Accelerator, own: torch.Tensor, places: np.ndarray, size: int) -> torch.Tensor:
    """The rows of a whole batch (size x columns) from those of each process's own places."""
    if accelerator.num_processes == 1:
        return own
    rows = torch.zeros(size, own.shape[1], device=accelerator.device)
    rows[torch.from_numpy(places).to(accelerator.device)] = own.to(accelerator.device)
    return _sum(accelerator, rows)


def all_agree_to_stop(accelerator: Accelerator, model: nn.Module, step: int) -> None:
    """RuntimeError unless all processes stand at the same step with the same weights."""
    if accelerator.num_processes == 1:
        return
    state = [float(step), *(float(weight.detach().double().sum()) for weight in model.parameters())]
    own = torch.tensor(state, device=accelerator.device)
    if not torch.allclose(_sum(accelerator, own), own * accelerator.num_processes, equal_nan=True):
        raise RuntimeError("The processes of this run do not begin alike. Start them again on one shared folder.")


def announce_training(accelerator: Accelerator, *, training: bool) -> bool:
    """The main process tells the others whether there is a training to take part in; each gives back what was told."""
    if accelerator.num_processes == 1:
        return training
    told = torch.tensor([float(training and accelerator.is_main_process)], device=accelerator.device)
    return bool(_sum(accelerator, told).item())


def leave_group() -> None:
    """Close the connections to the other processes, if there are any: one that ends with them open may abort."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def _sum(accelerator: Accelerator, tensor: torch.Tensor) -> torch.Tensor:
    total: torch.Tensor = accelerator.reduce(tensor, reduction="sum")
    return total
