"""The device, the thread count and the precision of this process."""

import os

import torch
from accelerate import Accelerator, PartialState
from accelerate.utils import parse_flag_from_env

from closecall.models.runtime.capacity import threads_per_process


def claim_device() -> torch.device:
    """The device that Accelerate finds, with this process's threads.

    Leaves the precision of the process open: Accelerate keeps one, and a Trainer in this process may use another.
    """
    torch.set_num_threads(threads_per_process())
    if torch.cuda.is_available():
        # The same run twice gives the same numbers: cuBLAS needs this, and scatter-adds need their ordered form.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
    return PartialState(cpu=parse_flag_from_env("ACCELERATE_USE_CPU")).device


def claim_accelerator() -> Accelerator:
    """For training: the device as of `claim_device`, and bf16 where the hardware supports it.

    Accelerate then keeps this precision for the whole process.
    """
    claim_device()
    return Accelerator(mixed_precision="bf16" if has_bf16() else "no")


def has_bf16() -> bool:
    """Whether bf16 is faster than fp32 here: in hardware, not emulated."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_capability() >= (8, 0)
    if torch.backends.mps.is_available():
        return False
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def precision(accelerator: Accelerator) -> str:
    """The precision of training, as metrics.json names it: "bf16" (fp32 weights, bf16 products) or "fp32"."""
    return "bf16" if accelerator.mixed_precision == "bf16" else "fp32"


def device_name(accelerator: Accelerator) -> str:
    """The device in words: "cpu" or the GPU's name."""
    if accelerator.device.type == "cuda":
        return torch.cuda.get_device_name(accelerator.device)
    return accelerator.device.type
