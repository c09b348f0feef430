"""Compare embedding with sentence-transformers, and projection with umap-learn, each at default settings."""

import tempfile
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.peers.children import work_side_by_side
from benchmarks.peers.texts import made_sentences
from benchmarks.peers.training import CORES

MAX_TRUSTWORTHINESS_POINTS = 4_000
"""Up to this number of points trustworthiness is computed: its memory grows with their square."""


def embedding(rounds: int, count: int) -> list[str]:
    """Time the embedding of `count` sentences with one thread, with tokenisation; return the lines to print."""
    libraries, speeds = ("sentence-transformers", "closecall"), {}
    with tempfile.TemporaryDirectory() as folder:
        out = {library: str(Path(folder) / f"{library}.npy") for library in libraries}
        for library in libraries * rounds:
            job = {"library": library, "threads": 1, "count": count, "out": out[library]}
            seconds, _ = work_side_by_side("encode", [job], threads=1)
            speeds.setdefault(library, []).append(count / seconds)
        theirs, ours = (np.load(out[library]) for library in libraries)
    ratio = median(b / a for a, b in zip(*speeds.values(), strict=True))
    return [
        *(f"{library:<24}{median(own):8.1f} texts/s" for library, own in speeds.items()),
        f"{ratio:.2f} times as fast; least cosine between the two {(theirs * ours).sum(axis=1).min():.6f}.",
    ]


def layout(count: int) -> list[str]:
    """Time the projection of `count` embeddings with all cores, with compilation; return the lines to print."""
    from sklearn.manifold import trustworthiness

    lines = []
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: str(Path(folder) / f"{name}.npy") for name in ("embeddings", "umap-learn", "closecall")}
        np.save(paths["embeddings"], embeddings_of(count))
        seconds = {}
        for library in ("umap-learn", "closecall"):
            job = {"library": library, "threads": CORES, "embeddings": paths["embeddings"], "out": paths[library]}
            seconds[library], _ = work_side_by_side("layout", [job], threads=CORES)
            line = f"{library:<12} {count:,} points: {seconds[library]:6.1f} s"
            if count <= MAX_TRUSTWORTHINESS_POINTS:
                points, flat = np.load(paths["embeddings"]), np.load(paths[library])
                trust = trustworthiness(points, flat, n_neighbors=15, metric="cosine")
                line += f", trustworthiness {trust:.3f}"
            lines.append(line)
    return [*lines, f"{seconds['umap-learn'] / seconds['closecall']:.2f} times as fast."]


def embeddings_of(count: int) -> np.ndarray:
    """Embeddings of `count` different sentences, (count, hidden)."""
    import torch

    from closecall.models.encoders.inference import run_inference
    from closecall.models.encoders.loading import load_encoder, load_tokenizer
    from closecall.models.encoders.tokenization import tokenise

    torch.set_num_threads(CORES)
    tokens = tokenise(made_sentences(count), load_tokenizer("minilm"), 128)
    embeddings = run_inference(load_encoder("minilm"), tokens, np.arange(count), score=False).embeddings
    assert embeddings is not None
    return embeddings
