"""How fast this machine trains and reads with an encoder: measured once, kept in the workspace.

    python -m closecall.models.training.throughput    measure: a JSON object on stdin, one on stdout

In: `config` (a TrainingConfig) and `texts`. Out: a Throughput, or `error` with one sentence. Only the measurement
imports torch.
"""

import json
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from closecall.data.experiments.store import TrainingConfig
from closecall.data.io.errors import UserError
from closecall.data.io.files import read_json, write_json
from closecall.data.io.workspace import now, workspace_folder
from closecall.models.runtime.capacity import threads_per_process

if TYPE_CHECKING:
    from closecall.models.encoders.tokenization import Tokens

SCHEMA = 1
REPEATS = 7
INFERENCE_BATCH = 32
NO_LIMIT = 1_000_000


@dataclass(frozen=True)
class Throughput:
    """Padded tokens per second of one worker process, in training and in forward passes; tokens per character."""

    training: float
    forward: float
    tokens_per_character: float
    measured: str = ""


def known_throughput(config: TrainingConfig) -> Throughput | None:
    """The speed of this kind of training on this machine, if it was measured before."""
    try:
        content = read_json(throughput_file(config))
        return Throughput(
            **{name: content[name] for name in ("training", "forward", "tokens_per_character", "measured")}
        )
    except (UserError, KeyError):
        return None


def save_throughput(config: TrainingConfig, speed: Throughput) -> None:
    """Save a speed for later estimates."""
    content = {**asdict(speed), "measured": now(), "schema": SCHEMA, "for": _key(config)}
    write_json(throughput_file(config), content)


def throughput_file(config: TrainingConfig) -> Path:
    """The file with the speed of this encoder, length, batch size, thread count and machine."""
    name = sha256(json.dumps(_key(config), sort_keys=True).encode()).hexdigest()[:24]
    return workspace_folder() / "cache" / "speeds" / f"{name}.json"


def main() -> int:
    """Exit code 0 with a Throughput on the last line of the output, 1 with an `error`."""
    request = json.load(sys.stdin)
    try:
        speed = measure(TrainingConfig(**request["config"]), request["texts"])
    except UserError as error:
        print(json.dumps({"error": str(error)}))
        return 1
    print(json.dumps(asdict(speed)))
    return 0


def measure(config: TrainingConfig, texts: list[str]) -> Throughput:
    """The speed on batches of these texts: the median of a few steps after one warm-up step."""
    import torch

    from closecall.models.encoders.inference import run_inference
    from closecall.models.encoders.loading import check_length, load_classifier, load_tokenizer
    from closecall.models.encoders.tokenization import tokenise
    from closecall.models.runtime.devices import claim_accelerator
    from closecall.models.training.steps import freeze_word_embeddings, make_optimizer, quick_forward, take_step

    tokenizer = load_tokenizer(config.encoder)
    check_length(config.encoder, tokenizer, config.max_tokens)
    tokens = tokenise(texts, tokenizer, config.max_tokens)
    untruncated = tokenise(texts, tokenizer, NO_LIMIT)
    accelerator = claim_accelerator()
    model: Any = load_classifier(config.encoder, seed=0)
    if config.freeze_word_embeddings:
        freeze_word_embeddings(model)
    trained, optimizer = accelerator.prepare(model, make_optimizer(model, config))

    def train_batch(rows: np.ndarray) -> None:
        labels = torch.from_numpy(rows % 2)
        take_step(trained, optimizer, tokens.batch(rows, accelerator.device), labels, accelerator=accelerator)

    with quick_forward(model):
        training = _tokens_per_second(train_batch, tokens, config.batch_size)
    plain: Any = accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    forward = _tokens_per_second(lambda rows: run_inference(plain, tokens, rows), tokens, INFERENCE_BATCH)
    speed = Throughput(training, forward, len(untruncated.flat) / max(1, sum(map(len, texts))))
    save_throughput(config, speed)
    return speed


def _tokens_per_second(work: Callable[[np.ndarray], object], tokens: "Tokens", batch_size: int) -> float:
    """Padded tokens of a batch by the median time of `work`, without the first repeat."""
    speeds = []
    for repeat in range(REPEATS):
        rows = (np.arange(batch_size) + repeat * batch_size) % len(tokens)
        started = time.perf_counter()
        work(rows)
        speeds.append(batch_size * int(tokens.lengths[rows].max()) / (time.perf_counter() - started))
    return float(np.median(speeds[1:]))


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


if __name__ == "__main__":
    sys.exit(main())
