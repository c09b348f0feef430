"""Which words and phrases do many texts hold? As a sparse table, texts by phrases."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from analysis.checks import Ints
from analysis.text_lengths import words

LONGEST_WORD = 40
"""Letters: longer ones (encoded files, links without end) are no words that a reader could use."""


@dataclass(frozen=True)
class Phrases:
    """`names` (m) of the phrases, words parted by a blank, and `holds` (n x m, CSC): 1 where a text holds a phrase."""

    names: np.ndarray
    holds: sparse.csc_array


@dataclass(frozen=True)
class _Grams:
    """Phrases of one length: the gram that begins at each position of all texts' words (-1: too rare), and its name."""

    at: Ints
    names: np.ndarray


def frequent_phrases(texts: Sequence[str], *, longest: int = 3, at_least: int = 10) -> Phrases:
    """Which phrases of 1 to `longest` words do at least `at_least` texts hold?

    Words as `analysis.text_lengths.words` cuts them, each text counted once. A phrase is looked at only where its first
    and its last words are frequent themselves, so rare ones cost nothing (Agrawal and Srikant 1994).
    """
    texts_of, grams = _single_words(texts)
    names, tables = [], []
    for length in range(longest):
        if length:
            grams = _longer(grams, texts_of)
        grams, table = _kept(grams, texts_of, len(texts), at_least)
        names.append(grams.names)
        tables.append(table)
        if not len(grams.names):
            break
    return Phrases(np.concatenate(names), sparse.csc_array(sparse.hstack(tables, format="csc")))


def _single_words(texts: Sequence[str]) -> tuple[Ints, _Grams]:
    """Which text each word belongs to, and the words themselves as numbers."""
    numbers: dict[str, int] = {}
    parts = []
    for text in texts:
        kept = [word for word in words(text) if len(word) <= LONGEST_WORD]
        parts.append(np.array([numbers.setdefault(word, len(numbers)) for word in kept], dtype=np.int64))
    at = np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)
    texts_of = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return texts_of, _Grams(at, np.array(list(numbers), dtype=object))


def _longer(grams: _Grams, texts_of: Ints) -> _Grams:
    """Phrases with one word more: two neighbours that overlap in all but their ends."""
    first, second = grams.at[:-1], grams.at[1:]
    both = (first >= 0) & (second >= 0) & (texts_of[:-1] == texts_of[1:])
    pairs, numbers = np.unique(first[both] * len(grams.names) + second[both], return_inverse=True)
    at = np.full(len(grams.at), -1)
    at[:-1][both] = numbers
    starts, ends = np.divmod(pairs, max(len(grams.names), 1))
    names = [f"{grams.names[a]} {grams.names[b].rpartition(' ')[2]}" for a, b in zip(starts, ends, strict=True)]
    return _Grams(at, np.array(names, dtype=object))


def _kept(grams: _Grams, texts_of: Ints, n: int, at_least: int) -> tuple[_Grams, sparse.csc_array]:
    """The phrases that enough texts hold, and which texts hold them (n x m)."""
    rows, columns = _places(grams, texts_of)
    enough = np.bincount(columns, minlength=len(grams.names)) >= at_least
    numbers = np.append(np.where(enough, np.cumsum(enough) - 1, -1), -1)  # the last stands for "too rare"
    held = enough[columns]
    cells = np.ones(held.sum(), dtype=np.int32), (rows[held], numbers[columns[held]])
    table = sparse.csc_array(cells, shape=(n, int(enough.sum())))
    return _Grams(numbers[grams.at], grams.names[enough]), table


def _places(grams: _Grams, texts_of: Ints) -> tuple[Ints, Ints]:
    """Text and phrase of each pair that belongs together, once."""
    there, width = grams.at >= 0, max(len(grams.names), 1)
    pairs = np.sort(texts_of[there] * width + grams.at[there])
    fresh = np.diff(pairs, prepend=-1) > 0
    rows, columns = np.divmod(pairs[fresh], width)
    return rows, columns
