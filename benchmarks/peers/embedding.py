"""Embedding and laying out: sentence-transformers and umap-learn as they come against Close Call, in turn."""

import tempfile
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.peers.children import work_side_by_side
from benchmarks.peers.texts import made_sentences
from benchmarks.peers.training import CORES

TRUSTED = 4_000
"""Points whose trustworthiness is computed: it takes memory by their square."""


def embedding(rounds: int, count: int) -> list[str]:
    """The lines on embedding `count` sentences with one thread each, tokenising included."""
    ways, speeds = ("sentence-transformers", "closecall"), {}
    with tempfile.TemporaryDirectory() as folder:
        out = {way: str(Path(folder) / f"{way}.npy") for way in ways}
        for way in ways * rounds:
            job = {"way": way, "threads": 1, "count": count, "out": out[way]}
            seconds, _ = work_side_by_side("encode", [job], threads=1)
            speeds.setdefault(way, []).append(count / seconds)
        theirs, ours = (np.load(out[way]) for way in ways)
    ratio = median(b / a for a, b in zip(*speeds.values(), strict=True))
    return [
        *(f"{way:<24}{median(found):8.1f} texts/s" for way, found in speeds.items()),
        f"{ratio:.2f} times as fast; least cosine between the two {(theirs * ours).sum(axis=1).min():.6f}.",
    ]


def layout(count: int) -> list[str]:
    """The lines on laying `count` embeddings out, compiling included, with all cores."""
    from sklearn.manifold import trustworthiness

    lines = []
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: str(Path(folder) / f"{name}.npy") for name in ("embeddings", "umap-learn", "closecall")}
        np.save(paths["embeddings"], embeddings_of(count))
        seconds = {}
        for way in ("umap-learn", "closecall"):
            job = {"way": way, "threads": CORES, "embeddings": paths["embeddings"], "out": paths[way]}
            seconds[way], _ = work_side_by_side("layout", [job], threads=CORES)
            line = f"{way:<12} {count:,} points: {seconds[way]:6.1f} s"
            if count <= TRUSTED:
                points, flat = np.load(paths["embeddings"]), np.load(paths[way])
                found = trustworthiness(points, flat, n_neighbors=15, metric="cosine")
                line += f", trustworthiness {found:.3f}"
            lines.append(line)
    return [*lines, f"{seconds['umap-learn'] / seconds['closecall']:.2f} times as fast."]


def embeddings_of(count: int) -> np.ndarray:
    """Real embeddings of so many different sentences (count x hidden)."""
    import torch

    from closecall.models.encoders.inference import run_inference
    from closecall.models.encoders.loading import load_encoder, load_tokenizer
    from closecall.models.encoders.tokenization import tokenise

    torch.set_num_threads(CORES)
    tokens = tokenise(made_sentences(count), load_tokenizer("minilm"), 128)
    found = run_inference(load_encoder("minilm"), tokens, np.arange(count), score=False).embeddings
    assert found is not None
    return found
