"""Close Call's training on a list of sentences, in one process."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.peers.children import Job, serve
from benchmarks.peers.texts import sentences
from closecall.data.experiments.store import TrainingConfig
from closecall.models.encoders.loading import load_classifier, load_tokenizer
from closecall.models.encoders.tokenization import tokenise
from closecall.models.runtime.devices import claim_accelerator
from closecall.models.runtime.progress import ProgressReporter
from closecall.models.training.loop import TrainingSpec, count_steps, train

WARM_UP = 4
MAX_TOKENS = 128


def prepare(job: Job) -> Callable[[], Job]:
    """Job: batch_size, rows. Close Call chooses threads and precision."""
    accelerator = claim_accelerator()
    texts, labels = sentences()
    chosen = np.array(job["rows"])
    tokens = tokenise([texts[i] for i in chosen], load_tokenizer("minilm"), MAX_TOKENS)
    config = TrainingConfig(batch_size=job["batch_size"], epochs=1, max_tokens=MAX_TOKENS)
    model = load_classifier("minilm", seed=0)

    def learn(count: int) -> None:
        steps = count_steps(count, config)
        spec = TrainingSpec(tokens, np.arange(count), labels[chosen[:count]], config, 0, steps, f"bench {count}")
        with tempfile.TemporaryDirectory() as folder:
            reporter = ProgressReporter(lambda: False, lambda progress: None)
            train(model, spec, folder=Path(folder), accelerator=accelerator, reporter=reporter)

    learn(min(WARM_UP * job["batch_size"], len(chosen)))

    def work() -> Job:
        learn(len(chosen))
        return {}

    return work


if __name__ == "__main__":
    serve(prepare)
