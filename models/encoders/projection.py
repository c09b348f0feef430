"""Lay embeddings out on a plane, so that near texts lie near each other."""

import sys
import warnings

import numpy as np
import torch

NEIGHBOURS = 15
FEWEST = 10
"""Fewer points than this have no neighbourhoods worth keeping: they are laid out by their two main directions."""
BLOCK = 1024
"""Rows whose cosines to all others are held at a time."""


Neighbours = tuple[np.ndarray, np.ndarray]
"""Of n rows the k nearest, itself first, and their cosine distances (both n x k)."""


def project(embeddings: np.ndarray, neighbours: Neighbours | None = None, *, seed: int = 0) -> np.ndarray:
    """UMAP coordinates (n x 2, float32) of embeddings (n x d), the same for the same seed on one machine.

    UMAP (McInnes et al. 2018) by cosine, with exact neighbours handed in and the two main directions as the start:
    both better and faster than its own search. The first call in a process compiles for some seconds. `neighbours` are
    those of `near_rows`, when they are known already.
    """
    rows = unit_rows(embeddings)
    if len(rows) < FEWEST:
        return main_directions(rows)
    indices, distances = neighbours or near_rows(embeddings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns that seeds rule out threads and precomputed neighbours new points
        import umap  # takes seconds, and most of what imports this module does not project

        layout = umap.UMAP(
            n_neighbors=indices.shape[1],
            metric="cosine",
            init="pca",
            random_state=seed,
            n_jobs=1,
            precomputed_knn=(indices, distances),
            force_approximation_algorithm=True,  # else few points have their neighbours searched all over again
        ).fit_transform(rows)
    return np.nan_to_num(np.asarray(layout, dtype=np.float32))


def near_rows(embeddings: np.ndarray) -> Neighbours:
    """The `NEIGHBOURS` nearest rows of each embedding (n x d): all others where there are not so many."""
    rows = unit_rows(embeddings)
    return nearest(rows, max(1, min(NEIGHBOURS, len(rows) - 1)))


def likely_seconds(n: int) -> float:
    """About how long `project` takes for n points in this process: compiling comes once."""
    return 1 + n / 1000 + (0 if "umap" in sys.modules else 14)


def nearest(rows: np.ndarray, count: int) -> Neighbours:
    """The `count` nearest rows of each row, itself first, by exact cosine distance (both n x count).

    `rows` are of length 1. Indices are int32, distances float32 from 0 to 2, rising along a row.
    """
    points = torch.from_numpy(np.ascontiguousarray(rows, dtype=np.float32))
    indices, distances = [], []
    for start in range(0, len(points), BLOCK):
        cosines = points[start : start + BLOCK] @ points.T
        own = torch.arange(len(cosines))
        cosines[own, start + own] = 2.0  # itself before its duplicates
        best, where = torch.topk(cosines, count)
        indices.append(where)
        distances.append((1 - best).clamp_(0, 2))
    return torch.cat(indices).numpy().astype(np.int32), torch.cat(distances).numpy()


def main_directions(rows: np.ndarray) -> np.ndarray:
    """The first two principal components (n x 2); zeros where there are fewer."""
    flat = np.zeros((len(rows), 2), dtype=np.float32)
    if len(rows) > 1:
        u, s, _ = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
        found = (u * s)[:, :2]
        flat[:, : found.shape[1]] = found
    return flat


def unit_rows(embeddings: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1; rows of zeros stay."""
    rows = np.asarray(embeddings, dtype=np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1)
