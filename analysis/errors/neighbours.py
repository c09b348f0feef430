"""What lies next to an example: its nearest training positives and negatives, and which new negative came too close."""

from collections.abc import Collection

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from closecall.analysis.text import words
from closecall.analysis.validation import Ints, as_labels, both_classes

Vectors = NDArray[np.float32]
# Cosines of one block of queries held at a time: 32 MB.
_BLOCK_CELLS = 8_000_000


def nearest(queries: ArrayLike, candidates: ArrayLike, *, k: int = 5) -> tuple[Ints, Vectors]:
    """Which k candidates point the same way as each query?

    Row numbers into `candidates` and cosines, both (m, k), nearest first, for `queries` (m, d) and `candidates` (n, d);
    k is cut to n. A vector of zeros has cosine 0 with everything. Raises ValueError for an empty or ill-fitting input.
    """
    lines, columns = _directions(queries, "queries"), _directions(candidates, "candidates")
    if lines.shape[1] != columns.shape[1]:
        raise ValueError(f"Queries have {lines.shape[1]} dimensions and candidates {columns.shape[1]}.")
    if k < 1:
        raise ValueError("Ask for at least one neighbour.")
    k = min(k, len(columns))
    indices, cosines = np.empty((len(lines), k), np.int64), np.empty((len(lines), k), np.float32)
    step = max(1, _BLOCK_CELLS // len(columns))
    for start in range(0, len(lines), step):
        block = slice(start, start + step)
        indices[block], cosines[block] = _top(lines[block] @ columns.T, k)
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
        kept = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
    else:
        kept = np.broadcast_to(np.arange(k), cosines.shape)
    values = np.take_along_axis(cosines, kept, axis=1)
    order = np.lexsort((kept, -values), axis=1)
    return np.take_along_axis(kept, order, axis=1), np.take_along_axis(values, order, axis=1)


def contrast_neighbours(queries: ArrayLike, embeddings: ArrayLike, labels: ArrayLike) -> pd.DataFrame:
    """Does an example lie nearer to a training positive or to a training negative?

    One row for each query: `nearest_positive, positive_cosine, nearest_negative, negative_cosine, margin`; the row
    numbers point into `embeddings` (n, d), `labels` is (n,). margin = positive_cosine - negative_cosine, -2 to 2: a
    missed positive far below 0 lies among negatives (overlap, or a wrong label), near 0 is borderline.
    """
    positive = both_classes(labels)
    rows = np.asarray(embeddings)
    if len(rows) != len(positive):
        raise ValueError(f"There are {len(rows)} embeddings and {len(positive)} labels.")
    frame = pd.DataFrame()
    for name, mask in (("positive", positive), ("negative", ~positive)):
        indices, cosines = nearest(queries, rows[mask], k=1)
        frame[f"nearest_{name}"] = np.flatnonzero(mask)[indices[:, 0]]
        frame[f"{name}_cosine"] = cosines[:, 0]
    frame["margin"] = frame["positive_cosine"] - frame["negative_cosine"]
    return frame


def class_margins(
    queries: ArrayLike,
    positives: ArrayLike,
    negatives: ArrayLike,
    *,
    own_positive: ArrayLike | None = None,
    own_negative: ArrayLike | None = None,
) -> Vectors:
    """How much nearer does each query lie to a training positive than to a training negative?

    margin = largest cosine with `positives` (p, d) - largest cosine with `negatives` (n, d), -2 to 2, for `queries`
    (m, d): the margin of `contrast_neighbours`, without naming the neighbours, hence quick for 100,000 queries.
    `own_positive`, `own_negative` (m,): the row at which a query itself stands in that class, -1 for none; it is left
    out of its own neighbours, and where nothing else is there the margin is nan. Errors as `nearest`.
    """
    lines = _directions(queries, "queries")
    sides = []
    for rows, own in ((positives, own_positive), (negatives, own_negative)):
        columns = _directions(rows, "candidates")
        skipped = np.full(len(lines), -1) if own is None else np.asarray(own)
        best = np.empty(len(lines), np.float32)
        step = max(1, _BLOCK_CELLS // len(columns))
        for start in range(0, len(lines), step):
            cosines = lines[start : start + step] @ columns.T
            here = np.flatnonzero(skipped[start : start + step] >= 0)
            cosines[here, skipped[start + here]] = -np.inf
            best[start : start + step] = cosines.max(axis=1)
        sides.append(np.where(np.isfinite(best), best, np.nan))
    return (sides[0] - sides[1]).astype(np.float32)


def nearest_new_negatives(
    lost: ArrayLike, negatives: ArrayLike, in_smaller: ArrayLike, in_larger: ArrayLike, *, k: int = 3
) -> tuple[Ints, Vectors]:
    """Which of the negatives that came in between two ratios lie nearest to each lost positive?

    Row numbers into `negatives` (n, d) and cosines, (m, k) or narrower, nearest first, for `lost` (m, d). `in_smaller`,
    `in_larger` (n,): whether a training negative is used at the smaller and the larger ratio. Raises ValueError when
    the ratios are not nested or nothing came in.
    """
    smaller, larger = as_labels(in_smaller), as_labels(in_larger)
    if smaller.shape != larger.shape or len(smaller) != len(np.asarray(negatives)):
        raise ValueError("Membership at both ratios needs one value for each negative.")
    if (smaller & ~larger).any():
        raise ValueError("The ratios are not nested: a negative of the smaller one is missing from the larger one.")
    new = np.flatnonzero(larger & ~smaller)
    if len(new) == 0:
        raise ValueError("No negative came in between these two ratios.")
    indices, cosines = nearest(lost, np.asarray(negatives)[new], k=k)
    return new[indices], cosines


def shared_words(text: str, other: str, *, ignore: Collection[str] = ENGLISH_STOP_WORDS) -> list[str]:
    """Which words do two texts share? Lower case, in the order of the first text, each once, without `ignore`."""
    theirs = set(words(other)) - set(ignore)
    return list(dict.fromkeys(word for word in words(text) if word in theirs))


def words_apart(text: str, other: str, *, ignore: Collection[str] = ENGLISH_STOP_WORDS) -> tuple[list[str], list[str]]:
    """Which words has only the one text, and which only the other? As `shared_words`, each in its own text's order."""
    mine, theirs = dict.fromkeys(words(text)), dict.fromkeys(words(other))
    left_out = set(ignore)
    return (
        [word for word in mine if word not in theirs and word not in left_out],
        [word for word in theirs if word not in mine and word not in left_out],
    )
