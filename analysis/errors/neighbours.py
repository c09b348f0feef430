"""Nearest neighbours by cosine: margins between the classes, and words that two texts share."""

from collections.abc import Collection

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from closecall.analysis.text import words
from closecall.analysis.validation import Ints, as_labels

Vectors = NDArray[np.float32]
# Cosines held in memory at a time: 32 MB.
_BLOCK_CELLS = 8_000_000


def nearest(queries: ArrayLike, candidates: ArrayLike, *, k: int = 5) -> tuple[Ints, Vectors]:
    """The k candidates with the largest cosine to each query.

    Row numbers in `candidates` and cosines, both (m, k), nearest first, for `queries` (m, d) and `candidates` (n, d); k
    is at most n. A zero vector has cosine 0 with everything. Raises ValueError for empty or mismatched input.
    """
    vectors, others = _directions(queries, "queries"), _directions(candidates, "candidates")
    if vectors.shape[1] != others.shape[1]:
        raise ValueError(f"Queries have {vectors.shape[1]} dimensions and candidates {others.shape[1]}.")
    if k < 1:
        raise ValueError("Ask for at least one neighbour.")
    k = min(k, len(others))
    indices, cosines = np.empty((len(vectors), k), np.int64), np.empty((len(vectors), k), np.float32)
    step = max(1, _BLOCK_CELLS // len(others))
    for start in range(0, len(vectors), step):
        block = slice(start, start + step)
        indices[block], cosines[block] = _top(vectors[block] @ others.T, k)
    return indices, cosines


def _directions(embeddings: ArrayLike, name: str) -> Vectors:
    vectors = np.asarray(embeddings, dtype=np.float32)
    if vectors.ndim != 2 or len(vectors) == 0:
        raise ValueError(f"The {name} must be rows of vectors, at least one; their shape is {vectors.shape}.")
    if not np.isfinite(vectors).all():
        raise ValueError(f"The {name} hold a value that is missing or not finite.")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32, copy=False)


def _top(cosines: Vectors, k: int) -> tuple[Ints, Vectors]:
    if k < cosines.shape[1]:
        top = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
    else:
        top = np.broadcast_to(np.arange(k), cosines.shape)
    values = np.take_along_axis(cosines, top, axis=1)
    order = np.lexsort((top, -values), axis=1)
    return np.take_along_axis(top, order, axis=1), np.take_along_axis(values, order, axis=1)


def class_margins(
    queries: ArrayLike,
    positives: ArrayLike,
    negatives: ArrayLike,
    *,
    own_positive: ArrayLike | None = None,
    own_negative: ArrayLike | None = None,
) -> Vectors:
    """Largest cosine with a training positive minus that with a training negative, for each query.

    margin -2 to 2, (m,), for `queries` (m, d), `positives` (p, d) and `negatives` (n, d); below 0: nearer to the
    negatives. `own_positive`, `own_negative` (m,): the query's own row number in that class, which is left out; -1 for
    none. nan where no other row is left. Errors as `nearest`.
    """
    vectors = _directions(queries, "queries")
    own = _largest_cosines(vectors, positives, own_positive)
    return (own - _largest_cosines(vectors, negatives, own_negative)).astype(np.float32)


def _largest_cosines(vectors: Vectors, rows: ArrayLike, own: ArrayLike | None) -> Vectors:
    """The largest cosine of each vector with any of the rows other than its own; nan without any."""
    candidates = _directions(rows, "candidates")
    skipped = np.full(len(vectors), -1) if own is None else np.asarray(own)
    best = np.empty(len(vectors), np.float32)
    step = max(1, _BLOCK_CELLS // len(candidates))
    for start in range(0, len(vectors), step):
        cosines = vectors[start : start + step] @ candidates.T
        here = np.flatnonzero(skipped[start : start + step] >= 0)
        cosines[here, skipped[start + here]] = -np.inf
        best[start : start + step] = cosines.max(axis=1)
    return np.where(np.isfinite(best), best, np.nan)


def nearest_new_negatives(
    lost: ArrayLike, negatives: ArrayLike, in_smaller: ArrayLike, in_larger: ArrayLike, *, k: int = 3
) -> tuple[Ints, Vectors]:
    """For each lost positive, the nearest of the negatives that only the larger ratio uses.

    Row numbers in `negatives` (n, d) and cosines, (m, k) or narrower, nearest first, for `lost` (m, d). `in_smaller`,
    `in_larger` (n,): whether a negative is used at either ratio. Raises ValueError when the ratios are not nested or
    there are no new negatives.
    """
    smaller, larger = as_labels(in_smaller), as_labels(in_larger)
    if smaller.shape != larger.shape or len(smaller) != len(np.asarray(negatives)):
        raise ValueError("Membership at both ratios needs one value for each negative.")
    if (smaller & ~larger).any():
        raise ValueError("The ratios are not nested: a negative of the smaller one is missing from the larger one.")
    new = np.flatnonzero(larger & ~smaller)
    if len(new) == 0:
        raise ValueError("The larger ratio has no additional negatives.")
    indices, cosines = nearest(lost, np.asarray(negatives)[new], k=k)
    return new[indices], cosines


def shared_words(text: str, other: str, *, ignore: Collection[str] = ENGLISH_STOP_WORDS) -> list[str]:
    """Words that two texts share: lower case, in the order of the first text, each once, without `ignore`."""
    theirs = set(words(other)) - set(ignore)
    return list(dict.fromkeys(word for word in words(text) if word in theirs))


def unshared_words(
    text: str, other: str, *, ignore: Collection[str] = ENGLISH_STOP_WORDS
) -> tuple[list[str], list[str]]:
    """Words of only the first and of only the second text, each in its text's order, without `ignore`."""
    mine, theirs = dict.fromkeys(words(text)), dict.fromkeys(words(other))
    left_out = set(ignore)
    return (
        [word for word in mine if word not in theirs and word not in left_out],
        [word for word in theirs if word not in mine and word not in left_out],
    )
