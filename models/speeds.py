"""How fast this machine trains and reads with an encoder, kept in the workspace. Nothing here imports torch."""

import json
import platform
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from data.errors import UserError
from data.experiments import TrainingConfig
from data.files import read_json, write_json
from data.workspace import now, workspace_folder
from models.capacity import lane_threads

SCHEMA = 1


@dataclass(frozen=True)
class Speed:
    """Padded tokens a second of one lane, in training and in forward passes; tokens for each character of text."""

    training: float
    forward: float
    tokens_per_character: float
    measured: str = ""


def known_speed(config: TrainingConfig) -> Speed | None:
    """The speed of this kind of training here, when it was measured before."""
    try:
        content = read_json(speed_file(config))
        return Speed(**{name: content[name] for name in ("training", "forward", "tokens_per_character", "measured")})
    except (UserError, KeyError):
        return None


def keep_speed(config: TrainingConfig, speed: Speed) -> None:
    """Keep a speed for the estimates to come."""
    content = {**asdict(speed), "measured": now(), "schema": SCHEMA, "for": _key(config)}
    write_json(speed_file(config), content)


def speed_file(config: TrainingConfig) -> Path:
    """Where the speed of this encoder, length, batch size, thread count and machine is kept."""
    name = sha256(json.dumps(_key(config), sort_keys=True).encode()).hexdigest()[:24]
    return workspace_folder() / "cache" / "speeds" / f"{name}.json"


def _key(config: TrainingConfig) -> dict[str, str | int | bool]:
    return {
        "encoder": config.encoder,
        "max_tokens": config.max_tokens,
        "batch_size": config.batch_size,
        "freeze_word_embeddings": config.freeze_word_embeddings,
        "threads": lane_threads(),
        "machine": platform.node(),
        "schema": SCHEMA,
    }
