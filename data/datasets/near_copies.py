"""Near copies: pairs of texts that share at least half of their character 5-grams."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from datasketch import MinHash
from scipy.sparse import coo_matrix, csr_array
from scipy.sparse.csgraph import connected_components

from closecall.data.datasets.duplicates import normalised
from closecall.data.io.download import Progress

SHINGLE = 5
"""Characters in a shingle. Characters, not words: Chinese or Thai has no spaces between words."""
NEAR = 0.5
"""The Jaccard similarity from which two texts are near copies."""
BANDS, ROWS = 64, 4
"""A pair of similarity s becomes a candidate with probability 1 - (1 - s^4)^64: .984 at .5, .9999 at .6, .006 at .1."""
PARTNERS = 20
"""A text is compared with the next 20 of each bucket until it has 20 candidates; thousands may be equal in form."""
_PERMUTATIONS = BANDS * ROWS
_SLACK = 4 * (NEAR * (1 - NEAR) / _PERMUTATIONS) ** 0.5
"""Four standard errors of a similarity estimated from the permutations."""
_PAIRS = 2_000
"""Pairs compared at once."""
_REPORT_EVERY = 500


def near_copy_pairs(
    texts: Sequence[str] | np.ndarray | pd.Series, *, threshold: float = NEAR, progress: Progress | None = None
) -> pd.DataFrame:
    """Which pairs of texts have a Jaccard similarity |A & B| / |A | B| of at least `threshold`?

    A and B are the sets of character 5-grams of the normalised texts (`duplicates.normalised`). A text shorter than 5
    characters is one shingle. Candidates are found by MinHash LSH (Leskovec et al., Mining of Massive Datasets, ch. 3),
    then the similarity is computed exactly. So every pair given is right, and about 1 of 60 at .5 is not found.
    Of more than 21 texts that are near copies of each other some pairs are left out; other pairs still connect them.

    Returns a frame of first, second (positions, first < second) and jaccard (0.5 to 1), in order of first, second.
    ValueError when the threshold is below .5 or above 1.
    """
    if not NEAR <= threshold <= 1:
        raise ValueError(f"threshold {threshold} is not from {NEAR} to 1")
    texts = np.asarray(texts, dtype=object)
    signatures = _signatures(texts, progress)
    first, second = np.divmod(_candidates(signatures, threshold - _SLACK), max(len(texts), 1))
    parts = [_jaccard(texts, first[part], second[part]) for part in _chunks(len(first), 10 * _PAIRS)]
    jaccard = np.concatenate([np.empty(0), *parts])
    near = jaccard >= threshold
    if progress:
        progress("Comparing texts", 1.0)
    return pd.DataFrame({"first": first[near], "second": second[near], "jaccard": jaccard[near]})


def families(pairs: pd.DataFrame, n: int) -> np.ndarray:
    """Number the families of n texts: two have the same number exactly when a chain of pairs joins them.

    `pairs` has first and second, positions below n. Returns n integers from 0.
    """
    ends = pairs["first"].to_numpy(dtype=np.int64), pairs["second"].to_numpy(dtype=np.int64)
    graph = coo_matrix((np.ones(len(pairs), dtype=np.int8), ends), shape=(n, n))
    numbers: np.ndarray = connected_components(graph, directed=False)[1]
    return numbers


def near_copies(examples: pd.DataFrame, *, progress: Progress | None = None) -> pd.DataFrame:
    """Which examples are near copies of each other, and where are they?

    `examples` has id, text, label, class_name and split. Returns one row a pair: id, other_id, jaccard, and label,
    class_name and split of both (`other_` for the second), the most similar first.
    """
    pairs = near_copy_pairs(examples["text"], progress=progress)
    facts = examples[["id", "label", "class_name", "split"]]
    one = facts.iloc[pairs["first"]].reset_index(drop=True)
    other = facts.iloc[pairs["second"]].reset_index(drop=True).add_prefix("other_")
    joined = pd.concat([one, other, pairs["jaccard"]], axis=1)
    columns = ["id", "other_id", "jaccard", "label", "other_label", "class_name", "other_class_name", "split"]
    ordered = joined.sort_values("jaccard", ascending=False, kind="stable", ignore_index=True)
    return ordered[[*columns, "other_split"]]


def opposite_copies(examples: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Which near copies have opposite labels, within a split or across splits?

    `examples` has id, label (1 positive) and split; `pairs` as `near_copy_pairs` of their texts. Returns positive and
    negative (ids), positive_split, negative_split and jaccard, one row a pair, the most similar first.
    """
    first, second = (pairs[name].to_numpy(dtype=np.int64) for name in ("first", "second"))
    ids, splits = (examples[name].to_numpy(dtype=object) for name in ("id", "split"))
    labels = examples["label"].to_numpy()
    kept = np.flatnonzero(labels[first] != labels[second])
    swap = labels[first[kept]] != 1
    positive, negative = np.where(swap, second[kept], first[kept]), np.where(swap, first[kept], second[kept])
    frame = pd.DataFrame(
        {
            "positive": ids[positive],
            "negative": ids[negative],
            "positive_split": splits[positive],
            "negative_split": splits[negative],
            "jaccard": pairs["jaccard"].to_numpy(dtype=np.float64)[kept],
        }
    )
    return frame.sort_values("jaccard", ascending=False, kind="stable", ignore_index=True)


def shingles(text: str) -> np.ndarray:
    """The different shingles of a text as sorted integers of 62 bits: a hash of each run of 5 characters."""
    letters = np.frombuffer(normalised(text).encode("utf-32-le", errors="surrogatepass"), dtype="<u4")
    letters = letters.astype(np.uint64)
    windows = max(len(letters) - SHINGLE + 1, 1)
    values = np.zeros(windows, dtype=np.uint64)
    for start in range(min(SHINGLE, len(letters))):
        values = (values + letters[start : start + windows] + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        values ^= values >> np.uint64(29)
    return np.unique((values >> np.uint64(2)).astype(np.int64))


def _signatures(texts: np.ndarray, progress: Progress | None) -> np.ndarray:
    """The MinHash values of each text: n x 256 integers."""
    sketch = MinHash(num_perm=_PERMUTATIONS, seed=1, hashfunc=int, scheme="affine32")
    signatures = np.empty((len(texts), _PERMUTATIONS), dtype=np.uint32)
    for row, text in enumerate(texts):
        sketch.clear()
        sketch.update_batch((shingles(text) & 0xFFFFFFFF).tolist())
        signatures[row] = sketch.hashvalues
        if progress and row % _REPORT_EVERY == 0:
            progress("Comparing texts", 0.9 * row / len(texts))
    return signatures


def _candidates(signatures: np.ndarray, least: float) -> np.ndarray:
    """Pairs equal in one band whose estimated similarity is at least `least`: sorted codes, first * n + second."""
    size = max(len(signatures), 1)
    found = np.empty(0, dtype=np.int64)
    shuffled = np.random.default_rng(0).permutation(len(signatures))
    for start in range(0, _PERMUTATIONS, ROWS):
        fresh = _same_bucket(signatures[:, start : start + ROWS], shuffled)
        fresh = np.setdiff1d(fresh, found, assume_unique=True)
        partners = np.bincount(np.concatenate(np.divmod(found, size)), minlength=size)
        first, second = np.divmod(fresh, size)
        fresh = fresh[np.minimum(partners[first], partners[second]) < PARTNERS]
        found = np.union1d(found, fresh[_estimates(signatures, fresh) >= least])
    return found


def _same_bucket(band: np.ndarray, shuffled: np.ndarray) -> np.ndarray:
    """Codes of pairs of texts that are equal in all rows of a band: each text and the next ones in `shuffled` order."""
    keys = np.ascontiguousarray(band[shuffled]).view(f"V{band.shape[1] * band.itemsize}").ravel()
    buckets = np.unique(keys, return_inverse=True)[1]
    order = np.argsort(buckets, kind="stable")
    buckets, rows = buckets[order], shuffled[order]
    parts = [np.empty(0, dtype=np.int64)]
    for step in range(1, PARTNERS + 1):
        same = np.flatnonzero(buckets[step:] == buckets[:-step])
        if not len(same):
            break
        one, other = rows[same], rows[same + step]
        parts.append(np.minimum(one, other) * len(band) + np.maximum(one, other))
    return np.concatenate(parts)


def _estimates(signatures: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """The share of permutations in which the two texts of a pair agree."""
    first, second = np.divmod(codes, len(signatures))
    chunks = _chunks(len(codes), _PAIRS)
    parts = [(signatures[first[part]] == signatures[second[part]]).mean(axis=1) for part in chunks]
    return np.concatenate([np.empty(0), *parts])


def _chunks(size: int, most: int) -> list[slice]:
    return [slice(start, start + most) for start in range(0, size, most)]


def _jaccard(texts: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The exact similarity of each pair."""
    rows, places = np.unique(np.concatenate([first, second]), return_inverse=True)
    sets = [shingles(text) for text in texts[rows]]
    sizes = np.array([len(one) for one in sets], dtype=np.int64)
    ends = np.concatenate([[0], np.cumsum(sizes)])
    values = np.concatenate([np.empty(0, dtype=np.int64), *sets])
    table = csr_array((np.ones(len(values), dtype=np.int32), values, ends), shape=(len(rows), 2**62))
    one, other = places[: len(first)], places[len(first) :]
    parts = [table[one[part]].multiply(table[other[part]]).sum(axis=1) for part in _chunks(len(first), _PAIRS)]
    shared = np.concatenate([np.empty(0), *parts])
    similarity: np.ndarray = shared / (sizes[one] + sizes[other] - shared)
    return similarity
