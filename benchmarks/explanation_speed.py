"""Measure how long an explanation by occlusion takes, on real texts and a classifier of six layers.

    python -m benchmarks.explanation_speed                 # 30 reviews and 30 posts, one thread
    python -m benchmarks.explanation_speed EXPERIMENT      # with the first checkpoint of an experiment

Without an experiment the script uses the built-in MiniLM with an untrained head, which is as fast as a trained one. The
search for a deletion that flips the prediction is included. The script prints medians of wall time, which other
programs lengthen, and of processor time.
"""

import argparse
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", nargs="?", default="")
    experiment = parser.parse_args().experiment
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = _kept(experiment) if experiment else _untrained(Path(folder), max_tokens=128)
        started = time.perf_counter()
        classifier = Classifier(checkpoint)
        torch.set_num_threads(1)
        print(
            f"loading a classifier: {time.perf_counter() - started:.2f} s, "
            f"texts truncated to {checkpoint.max_tokens} tokens"
        )
        for name, dataset in (("reviews, a sentence each", "movie-reviews"), ("newsgroup posts", "newsgroups-close")):
            _measure(name, classifier, _texts(dataset))
        _measure_in_app(checkpoint, _texts("movie-reviews")[0])


def _measure(name: str, classifier: Classifier, texts: Sequence[str]) -> None:
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
        f"{name}: {np.median(words):.0f} words, {np.median(read):.0f} texts predicted; "
        f"{np.median(seconds):.2f} s wall time, {np.median(busy):.2f} s processor time "
        f"(95th percentile {np.quantile(seconds, 0.95):.2f} s, {np.quantile(busy, 0.95):.2f} s)"
    )


def _measure_in_app(checkpoint: Checkpoint, text: str) -> None:
    """Time the first request in the app, which starts the inference server and loads torch, and a later one."""
    client = InferenceClient()
    for request in ("first request in the app", "a later request"):
        started = time.perf_counter()
        reply = client.reply(client.explain(checkpoint, text, threshold=0.5), wait=120)
        assert reply.finished and not reply.error, reply
        print(f"{request}: {time.perf_counter() - started:.2f} s")
    client.close()


def _texts(dataset: str) -> list[str]:
    texts = builtin_table(dataset).frame["text"]
    return texts[texts.str.strip() != ""].sample(TEXTS, random_state=0).tolist()


def _untrained(folder: Path, *, max_tokens: int) -> Checkpoint:
    load_classifier("minilm", seed=0).save_pretrained(folder)
    load_tokenizer("minilm").save_pretrained(folder)
    return Checkpoint(str(folder), max_tokens)


def _kept(experiment: str) -> Checkpoint:
    checkpoint = next((one for one in map(checkpoint_of, load_runs(experiment)) if one is not None), None)
    if checkpoint is None:
        sys.exit(f"{experiment} has no checkpoint.")
    return checkpoint


if __name__ == "__main__":
    main()
