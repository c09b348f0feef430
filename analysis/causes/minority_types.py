"""What lies around an example: is it safe among its own class, on the border, rare, or an outlier?"""

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
    """Which type is an example with so many of its five nearest neighbours in its own class?

    4 or 5 safe, 2 or 3 borderline, 1 rare, 0 outlier (Napierala and Stefanowski 2016). Shape (n,) in and out. Raises
    ValueError for a count outside 0 to 5.
    """
    counts = np.asarray(same_class)
    if counts.ndim != 1 or not np.isin(counts, np.arange(K + 1)).all():
        raise ValueError(f"Neighbours of the same class are counted from 0 to {K}, one count for each example.")
    return _TYPE_OF_COUNT[counts.astype(np.int64)]


def type_shares_by_chance(share: float) -> dict[str, float]:
    """Which shares would the types have if neighbours carried no signal?

    Five draws of which each is of the same class with probability `share`, its share of the pool (0 to 1, exclusive):
    at 1:10 nearly all positives are rare or outliers by numbers alone. Keys as TYPES, summing to 1.
    """
    chances = binom.pmf(np.arange(K + 1), K, as_share(share, name="The share of the class"))
    return {name: float(chances[name == _TYPE_OF_COUNT].sum()) for name in TYPES}


def neighbourhoods(
    queries: ArrayLike, labels: ArrayLike, embeddings: ArrayLike, train_labels: ArrayLike, *, own: ArrayLike = -1
) -> pd.DataFrame:
    """Which training examples lie nearest to each query, and how many of the five nearest are of its class?

    One row for each query (m, d) with its label (m,): `nearest_positive, positive_cosine, nearest_negative,
    negative_cosine, margin, same_class`. Row numbers point into `embeddings` (n, d) with `train_labels` (n,); margin =
    positive_cosine - negative_cosine, -2 to 2. `own` (m,): the query's own row there, left out; -1 for none. Raises
    ValueError when a class, or the pool, is too small.
    """
    positive, mine = both_classes(train_labels), as_labels(labels)
    rows, self_rows = np.asarray(embeddings), np.broadcast_to(np.asarray(own, dtype=np.int64), mine.shape)
    if len(rows) != len(positive) or len(np.asarray(queries)) != len(mine):
        raise ValueError("There must be one label for each embedding and for each query.")
    if len(rows) < K + 1:
        raise ValueError(f"At least {K + 1} training examples are needed.")
    found = {
        kind: _nearest_others(queries, rows, np.flatnonzero(positive == kind), self_rows) for kind in (True, False)
    }
    frame = pd.DataFrame()
    for name, kind in (("positive", True), ("negative", False)):
        places, cosines = found[kind]
        frame[f"nearest_{name}"], frame[f"{name}_cosine"] = places[:, 0], cosines[:, 0]
    if not np.isfinite(frame[["positive_cosine", "negative_cosine"]].to_numpy()).all():
        raise ValueError("A class has no other training example than the query itself.")
    frame["margin"] = frame["positive_cosine"] - frame["negative_cosine"]
    frame["same_class"] = _same_class(found, mine)
    return frame


def _nearest_others(queries: ArrayLike, rows: np.ndarray, places: Ints, own: Ints) -> tuple[Ints, Floats]:
    """The nearest training examples of one class without the query itself, which comes last with cosine -inf."""
    indices, near = nearest(queries, rows[places], k=K + 1)
    found, cosines = places[indices], near.astype(np.float64)
    cosines[found == own[:, None]] = -np.inf
    order = np.lexsort((found, -cosines), axis=1)
    return np.take_along_axis(found, order, axis=1), np.take_along_axis(cosines, order, axis=1)


def _same_class(found: dict[bool, tuple[Ints, Floats]], mine: np.ndarray) -> Ints:
    """How many of the five nearest of both classes are of the query's own."""
    places = np.concatenate([found[True][0], found[False][0]], axis=1)
    cosines = np.concatenate([found[True][1], found[False][1]], axis=1)
    kinds = np.arange(places.shape[1]) < found[True][0].shape[1]
    order = np.lexsort((places, -cosines), axis=1)[:, :K]
    return (kinds[order] == mine[:, None]).sum(axis=1)
