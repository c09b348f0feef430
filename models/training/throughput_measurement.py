"""Measure how fast one lane trains and reads: `python -m closecall.models.training.throughput_measurement`, a JSON object in, one out.

In: `config` (a TrainingConfig) and `texts`. Out: a Speed, kept in the workspace too, or `error`, one sentence.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from closecall.data.experiments.store import TrainingConfig
from closecall.data.io.errors import UserError
from closecall.models.encoders.inference import run_inference
from closecall.models.encoders.loading import check_length, load_classifier, load_tokenizer
from closecall.models.encoders.tokenization import Tokens, tokenise
from closecall.models.runtime.devices import claim_device
from closecall.models.training.steps import freeze_word_embeddings, make_optimizer, quick_forward, take_step
from closecall.models.training.throughput import Throughput, save_throughput

TURNS = 7
READ_TOGETHER = 32
NO_LIMIT = 1_000_000


def main() -> int:
    """Exit code 0 with a Speed on the last line of the output, 1 with an `error`."""
    order = json.load(sys.stdin)
    try:
        speed = measure(TrainingConfig(**order["config"]), order["texts"])
    except UserError as error:
        print(json.dumps({"error": str(error)}))
        return 1
    print(json.dumps(asdict(speed)))
    return 0


def measure(config: TrainingConfig, texts: list[str]) -> Throughput:
    """The speed on batches of these texts: the median of a few, after one that warms up."""
    tokenizer = load_tokenizer(config.encoder)
    check_length(config.encoder, tokenizer, config.max_tokens)
    tokens = tokenise(texts, tokenizer, config.max_tokens)
    untruncated = tokenise(texts, tokenizer, NO_LIMIT)
    accelerator = claim_device()
    model: Any = load_classifier(config.encoder, seed=0)
    if config.freeze_word_embeddings:
        freeze_word_embeddings(model)
    trained, optimizer = accelerator.prepare(model, make_optimizer(model, config))

    def learn(rows: np.ndarray) -> None:
        labels = torch.from_numpy(rows % 2)
        take_step(trained, optimizer, tokens.batch(rows, accelerator.device), labels, accelerator=accelerator)

    with quick_forward(model):
        training = _tokens_per_second(learn, tokens, config.batch_size)
    plain: Any = accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    forward = _tokens_per_second(lambda rows: run_inference(plain, tokens, rows), tokens, READ_TOGETHER)
    speed = Throughput(training, forward, len(untruncated.flat) / max(1, sum(map(len, texts))))
    save_throughput(config, speed)
    return speed


def _tokens_per_second(work: Callable[[np.ndarray], object], tokens: Tokens, batch_size: int) -> float:
    """Padded tokens of a batch, by the median time that `work` takes with it."""
    speeds = []
    for turn in range(TURNS):
        rows = (np.arange(batch_size) + turn * batch_size) % len(tokens)
        started = time.perf_counter()
        work(rows)
        speeds.append(batch_size * int(tokens.lengths[rows].max()) / (time.perf_counter() - started))
    return float(np.median(speeds[1:]))


if __name__ == "__main__":
    sys.exit(main())
