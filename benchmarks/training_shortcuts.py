"""Compare the speed of training steps with the usual forward pass and with the exact shortcuts, in examples/s.

    python -m benchmarks.training_shortcuts            # 48 and 64 tokens, batches of 16
    python -m benchmarks.training_shortcuts 128

The script trains the built-in MiniLM on newsgroup posts with one thread, and downloads both when they are missing. The
methods take turns. It prints the median speed of each, and the median over turns of its ratio to the usual forward
pass. See docs/decisions/0009.
"""

import argparse
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
METHODS = {
    "usual forward": lambda model: nullcontext(),
    "short last layer": first_token_only,
    "all shortcuts": quick_forward,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("max_tokens", nargs="*", type=int, default=[48, 64])
    lengths = parser.parse_args().max_tokens
    torch.set_num_threads(1)
    texts = builtin_table("newsgroups-close").frame["text"].head(BATCH * STEPS * TURNS).tolist()
    for max_tokens in lengths:
        speeds = compare(texts, max_tokens)
        print(f"{max_tokens} tokens, batches of {BATCH}")
        for method, own in speeds.items():
            ratio = median(np.array(own) / np.array(speeds["usual forward"]))
            print(f"  {method:<18} {median(own):6.1f} examples/s   {ratio:.2f} times the usual forward")


def compare(texts: list[str], max_tokens: int) -> dict[str, list[float]]:
    """The speeds of each method, which take turns on the same batches."""
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
    speeds: dict[str, list[float]] = {method: [] for method in METHODS}
    for turn in range(TURNS):
        for method, context in METHODS.items():
            with context(model):
                speeds[method].append(learn(turn))
    return speeds


if __name__ == "__main__":
    main()
