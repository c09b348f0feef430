"""Which texts are the same once trifles are taken away, and which rows must therefore stay together?"""

import unicodedata
from collections.abc import Iterable, Sequence
from hashlib import blake2b

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components


def normalised(text: str) -> str:
    """The text in the form in which two copies are compared: NFKC, case folded, runs of white space made one space."""
    return " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).split())


def text_key(text: str) -> str:
    """A 32-digit key that is the same for two texts exactly when their normalised forms are."""
    return blake2b(normalised(text).encode("utf-8", errors="replace"), digest_size=16).hexdigest()


def text_keys(texts: Iterable[str]) -> np.ndarray:
    """The key of each text, as an object array aligned with `texts`."""
    return np.array([text_key(text) for text in texts], dtype=object)


def clusters(*links: Sequence[str] | np.ndarray | pd.Series) -> np.ndarray:
    """Which rows are tied together by any chain of equal values?

    `links` are aligned sequences of n strings (text keys, groups ...); an empty string ties to nothing.
    Returns n integers, equal for two rows exactly when a chain of shared values joins them.
    """
    size = len(links[0])
    rows: list[np.ndarray] = []
    values: list[np.ndarray] = []
    offset = size
    for link in links:
        codes, names = pd.factorize(np.asarray(link, dtype=object))
        tied = np.asarray(link, dtype=object) != ""
        rows.append(np.flatnonzero(tied))
        values.append(codes[tied] + offset)
        offset += len(names)
    ends = np.concatenate(rows), np.concatenate(values)
    graph = coo_matrix((np.ones(len(ends[0]), dtype=np.int8), ends), shape=(offset, offset))
    return connected_components(graph, directed=False)[1][:size]
