"""Tokenise, embed and project texts with Close Call in one process; report seconds of each step and peak memory."""

import time
from collections.abc import Callable

import numpy as np
import psutil

from benchmarks.peers.children import Job, serve
from benchmarks.peers.texts import made_sentences
from closecall.models.encoders.inference import run_inference
from closecall.models.encoders.loading import load_encoder, load_tokenizer
from closecall.models.encoders.projection import project
from closecall.models.encoders.tokenization import tokenise

MEGABYTE = 1_000_000


def prepare(job: Job) -> Callable[[], Job]:
    """Job: count."""
    import torch

    torch.set_num_threads(1)
    texts, tokenizer, model = made_sentences(job["count"]), load_tokenizer("minilm"), load_encoder("minilm")
    project(np.random.default_rng(0).normal(size=(200, 8)))  # compiles

    def work() -> Job:
        marks = [time.perf_counter()]
        tokens = tokenise(texts, tokenizer, 128)
        marks.append(time.perf_counter())
        embeddings = run_inference(model, tokens, np.arange(len(texts)), score=False).embeddings
        marks.append(time.perf_counter())
        assert embeddings is not None
        project(embeddings)
        marks.append(time.perf_counter())
        seconds = dict(zip(("tokenise", "embed", "project"), np.diff(marks), strict=True))
        return {**seconds, "memory": peak_memory() / MEGABYTE}

    return work


def peak_memory() -> int:
    """Peak resident memory of this process in bytes; current memory where the system does not report the peak."""
    try:
        import resource
    except ImportError:
        return int(psutil.Process().memory_info().rss)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    serve(prepare)
