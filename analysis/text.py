"""How long the texts of the two classes are."""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from closecall.analysis.validation import Ints, as_labels

WORD = re.compile(r"\w+(?:['’]\w+)*")


def words(text: str) -> list[str]:
    """Which words does a text consist of? Lower case, in order; letters, digits and inner apostrophes."""
    return WORD.findall(text.lower())


def word_counts(texts: Sequence[str]) -> Ints:
    """How many words does each text have? Parts between blanks, shape (n,)."""
    return np.fromiter((len(text.split()) for text in texts), dtype=np.int64, count=len(texts))


def length_bins(counts: ArrayLike, labels: ArrayLike, *, bins: int = 30) -> pd.DataFrame:
    """How are the lengths of each class spread?

    One row for each class and bin, the positives' first: `label, low, high, count, share`; low <= length < high. Whole
    numbers, equal widths up to the 99th percentile; the last bin takes all that is longer (high is inf). `share` is of
    the class's examples. `counts` (n,) whole numbers, at most `bins` bins.
    """
    lengths = np.asarray(counts)
    positive = as_labels(labels)
    if lengths.shape != positive.shape or bins < 1:
        raise ValueError("Lengths need one value for each label, and at least one bin.")
    low, long = int(lengths.min()), int(np.ceil(np.quantile(lengths, 0.99))) + 1
    width = max(1, -(-(long - low) // bins))
    edges = np.arange(low, long, width)
    places = np.minimum((lengths - low) // width, len(edges) - 1).astype(np.int64)
    frames = []
    for label, mask in ((1, positive), (0, ~positive)):
        count = np.bincount(places[mask], minlength=len(edges))
        columns = {"label": label, "low": edges, "high": np.append(edges[1:], np.inf), "count": count}
        frames.append(pd.DataFrame({**columns, "share": count / max(mask.sum(), 1)}))
    return pd.concat(frames, ignore_index=True)
