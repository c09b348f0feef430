"""How long does it take to say why? Word deletions of real texts by a fine-tuned classifier of six layers.

    .venv/bin/python benchmarks/why.py                 # 30 reviews and 30 posts, one thread
    .venv/bin/python benchmarks/why.py EXPERIMENT      # by the first checkpoint of an experiment instead

Without an experiment the built-in MiniLM gets a head that was never trained: its answers mean nothing, its speed is
that of a trained one, and every search for a flip is included. Prints medians: seconds on the clock, which other work
on the machine lengthens, and seconds of processor, which are those of a quiet machine.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from closecall.data.datasets.builtin import builtin_table
from closecall.data.experiments.runs import load_runs
from closecall.models.encoders.checkpoints import Checkpoint, checkpoint_of
from closecall.models.encoders.loading import load_classifier, load_tokenizer
from closecall.models.explain.classifiers import Classifier
from closecall.models.explain.inference_client import InferenceClient
from closecall.models.explain.occlusion import explain

TEXTS = 30


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = _kept(sys.argv[1]) if len(sys.argv) > 1 else _untrained(Path(folder), max_tokens=128)
        started = time.perf_counter()
        classifier = Classifier(checkpoint)
        torch.set_num_threads(1)
        print(
            f"loading a classifier: {time.perf_counter() - started:.2f} s, texts cut at {checkpoint.max_tokens} tokens"
        )
        for name, dataset in (("reviews, a sentence each", "movie-reviews"), ("newsgroup posts", "newsgroups-close")):
            _tell(name, classifier, _texts(dataset))
        _tell_the_reader(checkpoint, _texts("movie-reviews")[0])


def _tell(name: str, classifier: Classifier, texts: Sequence[str]) -> None:
    explain(classifier, texts[0])  # warms up
    seconds, busy, words, read = [], [], [], []
    for text in texts:
        started, begun = time.perf_counter(), time.process_time()
        attribution, flip = explain(classifier, text)
        seconds.append(time.perf_counter() - started)
        busy.append(time.process_time() - begun)
        words.append(len(attribution.pieces))
        read.append(flip.tried + 1)
    print(
        f"{name}: {np.median(words):.0f} words, {np.median(read):.0f} texts read; "
        f"{np.median(seconds):.2f} s on the clock, {np.median(busy):.2f} s of processor "
        f"(95th percentile {np.quantile(seconds, 0.95):.2f} s, {np.quantile(busy, 0.95):.2f} s)"
    )


def _tell_the_reader(checkpoint: Checkpoint, text: str) -> None:
    """What a person waits for: the first press, which starts the process and loads torch, and a later one."""
    reader = InferenceClient()
    for press in ("first press in the app", "a later press"):
        started = time.perf_counter()
        reply = reader.reply(reader.explain(checkpoint, text, threshold=0.5), wait=120)
        assert reply.finished and not reply.error, reply
        print(f"{press}: {time.perf_counter() - started:.2f} s")
    reader.close()


def _texts(dataset: str) -> list[str]:
    texts = builtin_table(dataset).frame["text"]
    return texts[texts.str.strip() != ""].sample(TEXTS, random_state=0).tolist()


def _untrained(folder: Path, *, max_tokens: int) -> Checkpoint:
    load_classifier("minilm", seed=0).save_pretrained(folder)
    load_tokenizer("minilm").save_pretrained(folder)
    return Checkpoint(str(folder), max_tokens)


def _kept(experiment: str) -> Checkpoint:
    found = next((one for one in map(checkpoint_of, load_runs(experiment)) if one is not None), None)
    if found is None:
        sys.exit(f"{experiment} kept no checkpoint.")
    return found


if __name__ == "__main__":
    main()
