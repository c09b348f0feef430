"""Types of minority examples by their nearest neighbours: safe, borderline, rare or outlier."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom

from closecall.analysis.errors.neighbours import nearest
from closecall.analysis.validation import Floats, Ints, as_labels, as_share, both_classes

K = 5
TYPES = ("safe", "borderline", "rare", "outlier")
_TYPE_OF_COUNT = np.array(["outlier", "rare", "borderline", "borderline", "safe", "safe"])


def minority_types(same_class: ArrayLike) -> NDArray[np.str_]:
    """Type of each example by how many of its five nearest neighbours are of its class, (n,) in and out.

    4 or 5 safe, 2 or 3 borderline, 1 rare, 0 outlier (Napierala and Stefanowski 2016). Raises ValueError for a count
    outside 0 to 5.
    """
    counts = np.asarray(same_class)
    if counts.ndim != 1 or not np.isin(counts, np.arange(K + 1)).all():
        raise ValueError(f"Neighbours of the same class are counted from 0 to {K}, one count for each example.")
    return _TYPE_OF_COUNT[counts.astype(np.int64)]


def type_shares_by_chance(share: float) -> dict[str, float]:
    """Shares of the types if neighbours carried no information; keys as TYPES, sum 1.

    Binomial: five draws, each of the same class with probability `share` (0 to 1, exclusive), the share of the class in
    the pool. At 1:10, nearly all positives are rare or outliers by numbers alone.
    """
    chances = binom.pmf(np.arange(K + 1), K, as_share(share, name="The share of the class"))
    return {name: float(chances[name == _TYPE_OF_COUNT].sum()) for name in TYPES}


def neighbourhoods(
    queries: ArrayLike, labels: ArrayLike, embeddings: ArrayLike, train_labels: ArrayLike, *, own: ArrayLike = -1
) -> pd.DataFrame:
    """Nearest training examples of each query, and how many of the five nearest are of its class.

    One row for each query (m, d) with its label (m,): `nearest_positive, positive_cosine, nearest_negative,
    negative_cosine, margin, same_class`. Row numbers refer to `embeddings` (n, d) with `train_labels` (n,). margin =
    positive_cosine - negative_cosine, -2 to 2. `own` (m,): row number of the query itself, which is left out; -1 for
    none. Raises ValueError when a class or the pool is too small.
    """
    positive, query_positive = both_classes(train_labels), as_labels(labels)
    rows, self_rows = np.asarray(embeddings), np.broadcast_to(np.asarray(own, dtype=np.int64), query_positive.shape)
    if len(rows) != len(positive) or len(np.asarray(queries)) != len(query_positive):
        raise ValueError("There must be one label for each embedding and for each query.")
    if len(rows) < K + 1:
        raise ValueError(f"At least {K + 1} training examples are needed.")
    neighbours = {
        kind: _nearest_others(queries, rows, np.flatnonzero(positive == kind), self_rows) for kind in (True, False)
    }
    frame = pd.DataFrame()
    for name, kind in (("positive", True), ("negative", False)):
        ids, cosines = neighbours[kind]
        frame[f"nearest_{name}"], frame[f"{name}_cosine"] = ids[:, 0], cosines[:, 0]
    if not np.isfinite(frame[["positive_cosine", "negative_cosine"]].to_numpy()).all():
        raise ValueError("A class has no training example other than the query.")
    frame["margin"] = frame["positive_cosine"] - frame["negative_cosine"]
    frame["same_class"] = _same_class(neighbours, query_positive)
    return frame


def _nearest_others(queries: ArrayLike, rows: np.ndarray, pool: Ints, own: Ints) -> tuple[Ints, Floats]:
    """The nearest training examples of one class; the query itself comes last, with cosine -inf."""
    indices, near = nearest(queries, rows[pool], k=K + 1)
    ids, cosines = pool[indices], near.astype(np.float64)
    cosines[ids == own[:, None]] = -np.inf
    order = np.lexsort((ids, -cosines), axis=1)
    return np.take_along_axis(ids, order, axis=1), np.take_along_axis(cosines, order, axis=1)


def _same_class(neighbours: dict[bool, tuple[Ints, Floats]], query_positive: np.ndarray) -> Ints:
    """How many of the five nearest of both classes are of the query's class."""
    ids = np.concatenate([neighbours[True][0], neighbours[False][0]], axis=1)
    cosines = np.concatenate([neighbours[True][1], neighbours[False][1]], axis=1)
    kinds = np.arange(ids.shape[1]) < neighbours[True][0].shape[1]
    order = np.lexsort((ids, -cosines), axis=1)[:, :K]
    return np.asarray((kinds[order] == query_positive[:, None]).sum(axis=1))
