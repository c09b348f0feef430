"""Words of a text, and the distribution of text lengths by class."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from closecall.analysis.validation import Ints, as_labels

WORD = re.compile(r"\w+(?:['’]\w+)*")
_WORD_OR_SIGN = re.compile(r"\w+|[^\w\s]")
Span = tuple[int, int]


def words(text: str) -> list[str]:
    """The words of a text in order, lower case: runs of letters, digits and inner apostrophes."""
    return WORD.findall(text.lower())


def word_counts(texts: Sequence[str]) -> Ints:
    """Number of words of each text, separated by white space. Shape (n,)."""
    return np.fromiter((len(text.split()) for text in texts), dtype=np.int64, count=len(texts))


def differing_spans(one: str, other: str) -> tuple[list[Span], list[Span]]:
    """Which parts of each text are not in the other at the same place? Start and end in characters, in order.

    Words and signs are aligned by difflib (Ratcliff and Obershelp 1988); upper and lower case are equal, and so are all
    kinds of space. What is outside the spans is the same in both texts. Time grows with the square of the length.
    """
    texts = one, other
    places = [[match.span() for match in _WORD_OR_SIGN.finditer(text)] for text in texts]
    tokens = [[text[start:end].lower() for start, end in own] for text, own in zip(texts, places, strict=True)]
    spans: tuple[list[Span], list[Span]] = [], []
    for kind, *ends in SequenceMatcher(None, tokens[0], tokens[1], autojunk=False).get_opcodes():
        for side, (start, end) in enumerate((ends[:2], ends[2:])):
            if kind != "equal" and end > start:
                spans[side].append((places[side][start][0], places[side][end - 1][1]))
    return spans


def length_bins(counts: ArrayLike, labels: ArrayLike, *, bins: int = 30) -> pd.DataFrame:
    """Histogram of text lengths for each class.

    One row for each class and bin, positives first: `label, low, high, count, share`; low <= length < high. Bins of
    equal integer width up to the 99th percentile; the last bin includes all longer texts (high is inf). `share` is of
    the examples of the class. `counts` (n,) integers, at most `bins` bins. Raises ValueError for other shapes.
    """
    lengths = np.asarray(counts)
    positive = as_labels(labels)
    if lengths.shape != positive.shape or bins < 1:
        raise ValueError("Lengths need one value for each label, and at least one bin.")
    low, end = int(lengths.min()), int(np.ceil(np.quantile(lengths, 0.99))) + 1
    width = max(1, -(-(end - low) // bins))
    edges = np.arange(low, end, width)
    bin_of = np.minimum((lengths - low) // width, len(edges) - 1).astype(np.int64)
    frames = []
    for label, mask in ((1, positive), (0, ~positive)):
        count = np.bincount(bin_of[mask], minlength=len(edges))
        columns = {"label": label, "low": edges, "high": np.append(edges[1:], np.inf), "count": count}
        frames.append(pd.DataFrame({**columns, "share": count / max(mask.sum(), 1)}))
    return pd.concat(frames, ignore_index=True)
