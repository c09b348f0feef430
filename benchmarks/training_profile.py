"""Profile one training process: the share of processor time by kind of operation, with torch's profiler.

    python -m benchmarks.training_profile            # batches of 16
    python -m benchmarks.training_profile 8

The script trains on film reviews with one thread and with the app's precision and shortcuts. Shares are of the
processor time of all operations.
"""

import argparse
from collections import Counter

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.peers.texts import sentences
from closecall.data.experiments.store import TrainingConfig
from closecall.models.encoders.loading import load_classifier, load_tokenizer
from closecall.models.encoders.tokenization import tokenise, training_batches
from closecall.models.runtime.devices import claim_accelerator
from closecall.models.training.steps import freeze_word_embeddings, make_optimizer, quick_forward, take_step

TEXTS, WARM_UP, STEPS = 2000, 5, 30
KINDS = {
    "matrix products of the linear layers": ("aten::mm", "aten::addmm"),
    "products within attention": ("aten::bmm", "aten::baddbmm"),
    "copies, most of them between precisions": ("aten::copy_",),
    "optimiser and gradient norm": ("aten::_fused_adamw_", "Optimizer.step#AdamW.step", "aten::linalg_vector_norm"),
    "GELU": ("aten::gelu", "aten::gelu_backward"),
    "softmax": ("aten::_softmax", "aten::_softmax_backward_data"),
    "layer norm": ("aten::native_layer_norm", "aten::native_layer_norm_backward"),
    "random numbers and masks of dropout": ("aten::random_", "aten::ge"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("batch_size", nargs="?", type=int, default=16)
    spent = profiled(parser.parse_args().batch_size)
    total = sum(spent.values())
    remaining = Counter(spent)
    for kind, names in KINDS.items():
        print(f"{kind:<44}{sum(remaining.pop(name, 0.0) for name in names) / total:6.1%}")
    print(f"{'everything else':<44}{sum(remaining.values()) / total:6.1%}")


def profiled(batch_size: int) -> dict[str, float]:
    """Microseconds of processor time of each operation over some steps."""
    accelerator = claim_accelerator()
    texts, labels = sentences()
    tokens = tokenise(texts[:TEXTS], load_tokenizer("minilm"), 128)
    config = TrainingConfig(batch_size=batch_size)
    model = load_classifier("minilm", seed=0).train()
    freeze_word_embeddings(model)
    trained, optimizer = accelerator.prepare(model, make_optimizer(model, config))
    batches = training_batches(tokens.lengths, batch_size=batch_size, seed=0, epoch=0)

    def learn(chosen: list[np.ndarray]) -> None:
        for rows in chosen:
            take_step(trained, optimizer, tokens.batch(rows), torch.from_numpy(labels[rows]), accelerator=accelerator)

    with quick_forward(model):
        learn(batches[:WARM_UP])
        with profile(activities=[ProfilerActivity.CPU]) as profiler:
            learn(batches[WARM_UP : WARM_UP + STEPS])
    return {one.key: float(one.self_cpu_time_total) for one in profiler.key_averages()}


if __name__ == "__main__":
    main()
