"""LoRA adapters, merged into their base model once and kept in the workspace's cache as a folder like any other."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer

from closecall.data.io.files import file_sha256, write_folder
from closecall.data.io.workspace import workspace_folder
from closecall.models.encoders.checkpoints import ADAPTER_WEIGHTS
from closecall.models.encoders.model_folders import (
    ADAPTER_CONFIG,
    check_model_folder,
    read_adapter_config,
    tensor_shapes,
    weights_digest,
)
from closecall.models.runtime.locks import exclusive

HEADS = ("classifier.weight", "score.weight", "out_proj.weight", "logits_proj.weight", "summary.weight")
"""How the names of last layers of classification heads end."""


def merged_folder(adapter: Path, base: str, options: dict[str, Any]) -> Path:
    """The folder of an adapter's base model with the adapter merged in, W + (alpha / r) B A, written on first use.

    `base` is where the base model is, `options` how it is loaded. UserError for an adapter that cannot be merged.
    """
    check_model_folder(adapter, classifier=False)
    parts = [file_sha256(adapter / name) for name in (ADAPTER_WEIGHTS, ADAPTER_CONFIG)]
    parts.append(weights_digest(Path(base)) or base)
    folder = workspace_folder() / "cache" / "merged" / sha256(" ".join(parts).encode()).hexdigest()[:32]
    with exclusive(folder, lambda: None):
        if not (folder / "config.json").exists():
            write_folder(folder, lambda fresh: _write(adapter, base, options, fresh))
    return folder


def _write(adapter: Path, base: str, options: dict[str, Any], fresh: Path) -> None:
    from peft import PeftModel  # optional: docs/decisions/0028

    model: Any = _base_model(adapter, base, options)
    PeftModel.from_pretrained(model, str(adapter)).merge_and_unload().save_pretrained(fresh)
    has_own = any((adapter / name).exists() for name in ("tokenizer.json", "tokenizer_config.json"))
    AutoTokenizer.from_pretrained(str(adapter) if has_own else base, trust_remote_code=False).save_pretrained(fresh)


def _base_model(adapter: Path, base: str, options: dict[str, Any]) -> Any:
    """The base model with as many outputs as the adapter's own head has; without a head for an adapter without one."""
    torch.manual_seed(0)
    if read_adapter_config(adapter).get("task_type") != "SEQ_CLS":
        return AutoModel.from_pretrained(base, **options)
    shapes = tensor_shapes(adapter / ADAPTER_WEIGHTS)
    outputs = [shape[0] for name, shape in shapes.items() if name.endswith(HEADS) and len(shape) == 2]
    named = {"num_labels": outputs[-1]} if outputs else {}
    return AutoModelForSequenceClassification.from_pretrained(base, **named, ignore_mismatched_sizes=True, **options)
