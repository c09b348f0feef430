"""Examples a second of one training step: the plain forward against the exact shortcuts, in turn, in one run.

    .venv/bin/python benchmarks/training_shortcuts.py            # 48 and 64 tokens, batches of 16
    .venv/bin/python benchmarks/training_shortcuts.py 128

The encoder is the built-in MiniLM on newsgroup posts, with one thread; both are fetched when absent. Prints the median
of the turns of each and the median of the ratios turn by turn. See docs/decisions/0009.
"""

import sys
import time
from contextlib import nullcontext
from statistics import median
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator

from closecall.data.datasets.builtin import builtin_table
from closecall.data.experiments.store import TrainingConfig
from closecall.models.encoders.fast_forward import first_token_only
from closecall.models.encoders.loading import load_classifier, load_tokenizer
from closecall.models.encoders.tokenization import tokenise
from closecall.models.training.steps import freeze_word_embeddings, make_optimizer, quick_forward, take_step

BATCH, STEPS, TURNS = 16, 4, 5
WAYS = {"plain": lambda model: nullcontext(), "short last layer": first_token_only, "all shortcuts": quick_forward}


def main() -> None:
    torch.set_num_threads(1)
    texts = builtin_table("newsgroups-close").frame["text"].head(BATCH * STEPS * TURNS).tolist()
    for max_tokens in [int(one) for one in sys.argv[1:]] or [48, 64]:
        speeds = race(texts, max_tokens)
        print(f"{max_tokens} tokens, batches of {BATCH}")
        for way, found in speeds.items():
            ratio = median(np.array(found) / np.array(speeds["plain"]))
            print(f"  {way:<18} {median(found):6.1f} examples/s   {ratio:.2f} times plain")


def race(texts: list[str], max_tokens: int) -> dict[str, list[float]]:
    """The speeds of each way, a turn of each after the other, on the same batches."""
    config = TrainingConfig(batch_size=BATCH, max_tokens=max_tokens)
    tokens = tokenise(texts, load_tokenizer("minilm"), max_tokens)
    accelerator = Accelerator(cpu=True)
    model: Any = load_classifier("minilm", seed=0).train()
    freeze_word_embeddings(model)
    optimizer = make_optimizer(model, config)

    def learn(turn: int) -> float:
        started = time.perf_counter()
        for step in range(STEPS):
            rows = (turn * STEPS + step) * BATCH + np.arange(BATCH)
            labels = torch.from_numpy(rows % 2)
            take_step(model, optimizer, tokens.batch(rows, accelerator.device), labels, accelerator=accelerator)
        return BATCH * STEPS / (time.perf_counter() - started)

    learn(0)  # warms up
    speeds: dict[str, list[float]] = {way: [] for way in WAYS}
    for turn in range(TURNS):
        for way, context in WAYS.items():
            with context(model):
                speeds[way].append(learn(turn))
    return speeds


if __name__ == "__main__":
    main()
