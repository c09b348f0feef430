"""Project embeddings to two dimensions with umap-learn (default settings, one seed) or with Close Call."""

import warnings
from collections.abc import Callable

import numpy as np

from benchmarks.peers.children import Job, serve


def prepare(job: Job) -> Callable[[], Job]:
    """Job: library ("umap-learn" or "closecall"), threads, embeddings and out (.npy files)."""
    import torch

    torch.set_num_threads(job["threads"])
    embeddings = np.load(job["embeddings"])

    def work() -> Job:
        np.save(job["out"], (_theirs if job["library"] == "umap-learn" else _ours)(embeddings))
        return {}

    return work


def _theirs(embeddings: np.ndarray) -> np.ndarray:
    import umap

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return umap.UMAP(metric="cosine", random_state=0).fit_transform(embeddings)


def _ours(embeddings: np.ndarray) -> np.ndarray:
    from closecall.models.encoders.projection import project

    return project(embeddings)


if __name__ == "__main__":
    serve(prepare)
