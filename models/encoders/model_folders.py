"""What a model folder holds, and what is wrong with it, from its file names and headers. Nothing here imports torch."""

import json
import shlex
import struct
from functools import lru_cache
from pathlib import Path
from typing import Any

from closecall.data.io.errors import UserError
from closecall.data.io.files import file_sha256
from closecall.models.encoders.checkpoints import ADAPTER_WEIGHTS, WEIGHTS
from closecall.models.runtime.extras import is_installed

ADAPTER_CONFIG = "adapter_config.json"
SHARDS = "model.safetensors.index.json"
PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json")
LARGEST_HEADER = 100_000_000
"""Bytes: what the safetensors format allows."""


def check_model_folder(folder: Path, *, classifier: bool) -> None:
    """UserError with one sentence for a folder that cannot be loaded as an encoder or a classifier.

    Checks the config, and that the weights are whole safetensors files. Names folders of LoRA adapters, SetFit and
    sentence-transformers. Whether the weights fit the config needs torch: see `model_check`.
    """
    if is_adapter(folder):
        _check_adapter(folder)
        return
    config = read_model_config(folder, "classifier" if classifier else "encoder")
    if classifier:
        _check_classifier(folder, config)
    _check_weights(folder)


def is_adapter(folder: Path) -> bool:
    """Whether the folder holds an adapter alone, to be merged into another model."""
    return (folder / ADAPTER_CONFIG).exists() and not (folder / WEIGHTS).exists()


def read_model_config(folder: Path, what: str = "model") -> dict[str, Any]:
    """The content of a folder's config.json. UserError when there is none, or it names no type of model."""
    path = folder / "config.json"
    if not path.exists():
        raise UserError(f"{folder} is not {_a(what)} folder: it has no config.json.{_hint(folder)}")
    content = _read_object(path)
    if not content.get("model_type"):
        raise UserError(f"{path} names no model_type, so it cannot be loaded. Save the model with save_pretrained.")
    return content


def read_adapter_config(folder: Path) -> dict[str, Any]:
    """The content of a folder's adapter_config.json. UserError when it is broken."""
    return _read_object(folder / ADAPTER_CONFIG)


def weights_digest(folder: Path) -> str:
    """The sha256 of each weights file of a folder, "" without one. A process reads a file once until it changes."""
    files = [(one, one.stat()) for one in sorted(folder.glob("model*.safetensors"))]
    return " ".join(_sha256(one, found.st_size, found.st_mtime_ns) for one, found in files)


def tensor_shapes(path: Path) -> dict[str, list[int]]:
    """The shape of each tensor of a safetensors file, from its header. UserError for a file that is not whole."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(LARGEST_HEADER, size - 8):
                raise ValueError("its header is longer than the file")
            header = json.loads(file.read(length))
        tensors = {name: one for name, one in header.items() if name != "__metadata__"}
        if max((one["data_offsets"][1] for one in tensors.values()), default=0) != size - 8 - length:
            raise ValueError("its length does not fit its header")
        return {name: list(one["shape"]) for name, one in tensors.items()}
    except (OSError, struct.error, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        reason = str(error) if type(error) is ValueError else "its header cannot be read"
        raise UserError(f"{path} is damaged ({reason}). Copy or save the model again.") from error


def pickle_sentence(folder: str) -> str:
    """The error message for pickled weights: why they are not read, and the Python that converts them."""
    files, target = (json.dumps(f"{folder}/{name}", ensure_ascii=False) for name in ("pytorch_model*.bin", WEIGHTS))
    lines = (
        "import glob, torch",
        "from safetensors.torch import save_file",
        f"files = glob.glob({files})",
        "parts = [torch.load(one, weights_only=True) for one in files]",
        "weights = {name: tensor.clone().contiguous() for part in parts for name, tensor in part.items()}",
        f'save_file(weights, {target}, metadata={{"format": "pt"}})',
    )
    return (
        f"{folder} has no {WEIGHTS}, only a pickle, which can run code when it is read. If you trust it, convert it: "
        f"{shlex.join(['python', '-c', '; '.join(lines)])}"
    )


def _check_adapter(folder: Path) -> None:
    """UserError unless this adapter can be merged here."""
    config = read_adapter_config(folder)
    kind, task = str(config.get("peft_type")), str(config.get("task_type"))
    if kind != "LORA":
        raise UserError(f"{folder} is an adapter of the kind {kind}. Only LoRA adapters are merged here.")
    if task not in ("SEQ_CLS", "FEATURE_EXTRACTION"):
        raise UserError(f"{folder} is a LoRA adapter for the task {task}; one for SEQ_CLS (classification) is needed.")
    if not (folder / ADAPTER_WEIGHTS).exists():
        raise UserError(f"{folder} is a LoRA adapter without {ADAPTER_WEIGHTS}. Save it with save_pretrained.")
    tensor_shapes(folder / ADAPTER_WEIGHTS)
    if not is_installed("peft"):
        raise UserError(
            f"{folder} is a LoRA adapter; merging it into {config.get('base_model_name_or_path')} needs PEFT: "
            'pip install "closecall[lora]".'
        )


def _check_classifier(folder: Path, config: dict[str, Any]) -> None:
    """UserError unless the model was saved with a head for classification."""
    made_as = " ".join(map(str, config.get("architectures") or [])) or "unknown"
    if "SequenceClassification" in made_as:
        return
    if (folder / "config_setfit.json").exists() or (folder / "model_head.pkl").exists():
        raise UserError(
            f"{folder} is a SetFit folder: its classifier is a pickle, which is not read here. Use it as an encoder, "
            "or predict with SetFit and load the table: closecall import-predictions."
        )
    if (folder / "modules.json").exists():
        raise UserError(
            f"{folder} is a sentence-transformers folder: it embeds texts and has no classifier. Use it as an encoder."
        )
    raise UserError(f"{folder} is not a text classifier (it was saved as {made_as}): it has no trained head.")


def _check_weights(folder: Path) -> None:
    """UserError unless the weights are there as safetensors and whole."""
    if (folder / WEIGHTS).exists():
        tensor_shapes(folder / WEIGHTS)
        return
    if (folder / SHARDS).exists():
        for name in sorted(set(map(str, (_read_object(folder / SHARDS).get("weight_map") or {}).values()))):
            tensor_shapes(folder / name)
        return
    if any((folder / name).exists() for name in PICKLES):
        raise UserError(pickle_sentence(str(folder)))
    raise UserError(
        f"{folder} has no {WEIGHTS}. Only safetensors weights are read: save the model with save_pretrained."
    )


def _hint(folder: Path) -> str:
    """Which folder inside is the model, "" when there is none."""
    inside = sorted(path.parent.name for path in folder.glob("*/config.json"))
    return f" Give one inside it: {', '.join(inside[:5])}." if inside else ""


def _read_object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as JSON ({error}). Save the model again.") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} does not hold a JSON object. Save the model again.")
    return content


@lru_cache(maxsize=256)
def _sha256(path: Path, size: int, written: int) -> str:
    return file_sha256(path)


def _a(what: str) -> str:
    return f"an {what}" if what[0] in "aeiou" else f"a {what}"
