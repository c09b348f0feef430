"""Project embeddings to two dimensions with UMAP, and find their nearest neighbours."""

import sys
import warnings

import numpy as np
import torch

NEIGHBOURS = 15
FEWEST = 10
"""With fewer points than this, the first two principal components are used instead of UMAP."""
BLOCK = 1024
"""Rows whose cosines to all others are in memory at a time."""
Neighbours = tuple[np.ndarray, np.ndarray]
"""The indices of the k nearest of n rows, the row itself first, and their cosine distances (both n x k)."""


def project(embeddings: np.ndarray, neighbours: Neighbours | None = None, *, seed: int = 0) -> np.ndarray:
    """UMAP coordinates (n x 2, float32) of embeddings (n x d), the same for the same seed on one machine.

    UMAP (McInnes et al. 2018) by cosine, with exact neighbours and a start from the first two principal components:
    better and faster than its own search. The first call in a process compiles for some seconds. `neighbours` are
    those of `near_rows`, if they were computed before.
    """
    rows = unit_rows(embeddings)
    if len(rows) < FEWEST:
        return principal_components(rows)
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
            force_approximation_algorithm=True,  # else it searches the neighbours of few points again
        ).fit_transform(rows)
    return np.nan_to_num(np.asarray(layout, dtype=np.float32))


def near_rows(embeddings: np.ndarray) -> Neighbours:
    """The `NEIGHBOURS` nearest rows of each embedding (n x d): all others if there are fewer."""
    rows = unit_rows(embeddings)
    return nearest(rows, max(1, min(NEIGHBOURS, len(rows) - 1)))


def likely_seconds(n: int) -> float:
    """About how many seconds `project` takes for n points; compiling is counted once per process."""
    return 1 + n / 1000 + (0 if "umap" in sys.modules else 14)


def nearest(rows: np.ndarray, count: int) -> Neighbours:
    """The `count` nearest rows of each row, itself first, by exact cosine distance (both n x count).

    `rows` have length 1. Indices are int32; distances are float32 from 0 to 2, in ascending order.
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


def principal_components(rows: np.ndarray) -> np.ndarray:
    """The first two principal components (n x 2); zeros where there are fewer."""
    components = np.zeros((len(rows), 2), dtype=np.float32)
    if len(rows) > 1:
        u, s, _ = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
        found = (u * s)[:, :2]
        components[:, : found.shape[1]] = found
    return components


def unit_rows(embeddings: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1; rows of zeros stay."""
    rows = np.asarray(embeddings, dtype=np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1)
