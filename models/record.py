"""The part of metrics.json that says how a run was made."""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch
import transformers
from accelerate import Accelerator

from data.experiments import RunConfig
from models.devices import device_name, precision
from models.material import Material


def run_record(run: RunConfig, material: Material, accelerator: Accelerator) -> dict[str, Any]:
    """Dataset, encoder, seeds, counts, device and versions of a run."""
    return {
        "dataset": material.dataset.name,
        "dataset_sha256": material.dataset.content_sha256,
        "encoder": run.checkpoint or run.training.encoder,
        "ratio": run.ratio,
        "remedy": run.remedy,
        "seeds": {"run": run.seed, "plan": material.experiment.plan_seed, "split": material.dataset.split_seed},
        "n_positives": run.n_positives,
        "n_negatives": run.n_negatives,
        "max_tokens": run.training.max_tokens,
        "device": device_name(accelerator),
        "threads": torch.get_num_threads(),
        "processes": accelerator.num_processes,
        "precision": precision(accelerator),
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """The versions of what computed the numbers."""
    return {"closecall": _version("closecall"), "torch": torch.__version__, "transformers": transformers.__version__}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "unknown"
