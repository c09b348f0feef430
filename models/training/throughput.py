"""How fast this machine trains and reads with an encoder, kept in the workspace. Nothing here imports torch."""

import json
import platform
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from closecall.data.experiments.store import TrainingConfig
from closecall.data.io.errors import UserError
from closecall.data.io.files import read_json, write_json
from closecall.data.io.workspace import now, workspace_folder
from closecall.models.runtime.capacity import threads_per_process

SCHEMA = 1


@dataclass(frozen=True)
class Throughput:
    """Padded tokens a second of one lane, in training and in forward passes; tokens for each character of text."""

    training: float
    forward: float
    tokens_per_character: float
    measured: str = ""


def known_throughput(config: TrainingConfig) -> Throughput | None:
    """The speed of this kind of training here, when it was measured before."""
    try:
        content = read_json(throughput_file(config))
        return Throughput(
            **{name: content[name] for name in ("training", "forward", "tokens_per_character", "measured")}
        )
    except (UserError, KeyError):
        return None


def save_throughput(config: TrainingConfig, speed: Throughput) -> None:
    """Keep a speed for the estimates to come."""
    content = {**asdict(speed), "measured": now(), "schema": SCHEMA, "for": _key(config)}
    write_json(throughput_file(config), content)


def throughput_file(config: TrainingConfig) -> Path:
    """Where the speed of this encoder, length, batch size, thread count and machine is kept."""
    name = sha256(json.dumps(_key(config), sort_keys=True).encode()).hexdigest()[:24]
    return workspace_folder() / "cache" / "speeds" / f"{name}.json"


def _key(config: TrainingConfig) -> dict[str, str | int | bool]:
    return {
        "encoder": config.encoder,
        "max_tokens": config.max_tokens,
        "batch_size": config.batch_size,
        "freeze_word_embeddings": config.freeze_word_embeddings,
        "threads": threads_per_process(),
        "machine": platform.node(),
        "schema": SCHEMA,
    }
