"""Frequent words and phrases of texts as a sparse table, and words that are typical of groups of texts."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from closecall.analysis.text import words
from closecall.analysis.validation import Bools, Floats, Ints

LONGEST_WORD = 40
"""Letters. Longer words are mostly encoded files and links."""


@dataclass(frozen=True)
class Phrases:
    """`names` (m) of the phrases, words separated by a blank, and `holds` (n x m, CSC): 1 where a text has a phrase."""

    names: np.ndarray
    holds: sparse.csc_array


@dataclass(frozen=True)
class _Grams:
    """Phrases of one length: the phrase that begins at each word position of all texts (-1: too rare), and its name."""

    at: Ints
    names: np.ndarray


def frequent_phrases(texts: Sequence[str], *, longest: int = 3, at_least: int = 10) -> Phrases:
    """Phrases of 1 to `longest` words that at least `at_least` texts contain.

    Words as in `analysis.text.words`; each text counts once. A longer phrase is counted only where its first and its
    last words are frequent themselves, so rare phrases cost nothing (Agrawal and Srikant 1994).
    """
    texts_of, grams = _single_words(texts)
    names, tables = [], []
    for length in range(longest):
        if length:
            grams = _longer(grams, texts_of)
        grams, table = _frequent(grams, texts_of, len(texts), at_least)
        names.append(grams.names)
        tables.append(table)
        if not len(grams.names):
            break
    return Phrases(np.concatenate(names), sparse.csc_array(sparse.hstack(tables, format="csc")))


def _single_words(texts: Sequence[str]) -> tuple[Ints, _Grams]:
    """The text number of each word, and the words as numbers."""
    numbers: dict[str, int] = {}
    parts = []
    for text in texts:
        short = [word for word in words(text) if len(word) <= LONGEST_WORD]
        parts.append(np.array([numbers.setdefault(word, len(numbers)) for word in short], dtype=np.int64))
    at = np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)
    texts_of = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return texts_of, _Grams(at, np.array(list(numbers), dtype=object))


def _longer(grams: _Grams, texts_of: Ints) -> _Grams:
    """Phrases with one more word: two adjacent phrases that overlap in all but their ends."""
    first, second = grams.at[:-1], grams.at[1:]
    both = (first >= 0) & (second >= 0) & (texts_of[:-1] == texts_of[1:])
    pairs, numbers = np.unique(first[both] * len(grams.names) + second[both], return_inverse=True)
    at = np.full(len(grams.at), -1)
    at[:-1][both] = numbers
    starts, ends = np.divmod(pairs, max(len(grams.names), 1))
    names = [f"{grams.names[a]} {grams.names[b].rpartition(' ')[2]}" for a, b in zip(starts, ends, strict=True)]
    return _Grams(at, np.array(names, dtype=object))


def _frequent(grams: _Grams, texts_of: Ints, n: int, at_least: int) -> tuple[_Grams, sparse.csc_array]:
    """The phrases that enough texts contain, and which texts contain them (n x m)."""
    rows, columns = _pairs(grams, texts_of)
    enough = np.bincount(columns, minlength=len(grams.names)) >= at_least
    numbers = np.append(np.where(enough, np.cumsum(enough) - 1, -1), -1)  # the last entry: too rare
    used = enough[columns]
    cells = np.ones(used.sum(), dtype=np.int32), (rows[used], numbers[columns[used]])
    table = sparse.csc_array(cells, shape=(n, int(enough.sum())))
    return _Grams(numbers[grams.at], grams.names[enough]), table


def _pairs(grams: _Grams, texts_of: Ints) -> tuple[Ints, Ints]:
    """Text and phrase number of each distinct pair."""
    there, width = grams.at >= 0, max(len(grams.names), 1)
    pairs = np.sort(texts_of[there] * width + grams.at[there])
    fresh = np.diff(pairs, prepend=-1) > 0
    rows, columns = np.divmod(pairs[fresh], width)
    return rows, columns


_BEGINS, _ENDS = r"(?<!\w)(?<!\w['’])", r"(?!\w)(?!['’]\w)"
"""Where a word of `analysis.text.words` begins and ends."""


def holds_phrase(texts: Iterable[str], phrase: str) -> Bools:
    """Which texts contain the words of the phrase one after the other? Shape (n,).

    Upper and lower case are the same. Words as in `analysis.text.words`: letters, digits and inner apostrophes. Blanks,
    punctuation and line breaks between two words do not matter. Raises ValueError when the phrase has no word.
    """
    parts = words(phrase)
    if not parts:
        raise ValueError("A phrase needs at least one letter or digit.")
    inner = rf"{_ENDS}\W+".join(re.escape(word) for word in parts)
    search, longest = re.compile(f"{_BEGINS}{inner}{_ENDS}").search, max(parts, key=len)

    def holds(text: str) -> bool:
        low = text.lower()
        return longest in low and search(low) is not None  # much faster than the regular expression alone

    return np.fromiter(map(holds, texts), dtype=np.bool_)


PRIOR = 1000
"""Pseudo-counts that the prior adds to each group, spread by the overall frequency of the words."""


def log_odds_scores(phrases: Phrases, groups: Ints) -> Floats:
    """z score of each word in each group against all other groups, (groups, m).

    Log-odds ratio with an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008). y: texts of a group with the
    word; N: the sum of y over words; a: the word's share of `PRIOR` pseudo-counts. The score is the difference of ln[(y
    + a)/(N + PRIOR - y - a)] between the group and the others over its standard error, sqrt(1/(y + a) + 1/(y' + a)).
    `groups` (n): integers from 0, aligned with the texts.
    """
    count = int(groups.max()) + 1 if len(groups) else 0
    belongs = (groups[:, None] == np.arange(count)[None, :]).astype(np.int64)
    own = (phrases.holds.T @ belongs).T.astype(np.float64)
    total = own.sum(axis=0)
    prior = PRIOR * total / max(total.sum(), 1)
    other = total - own
    spread = np.sqrt(1 / (own + prior) + 1 / (other + prior))
    return np.asarray((_log_odds(own, prior) - _log_odds(other, prior)) / spread)


def distinctive_words(phrases: Phrases, groups: Ints, *, top: int = 4) -> list[tuple[str, ...]]:
    """The `top` words of each group with the highest scores: at least three characters, one of them a letter."""
    fit = np.array([len(name) > 2 and any(map(str.isalpha, name)) for name in phrases.names], dtype=bool)
    scores = np.where(fit[None, :], log_odds_scores(phrases, groups), -np.inf)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :top]
    return [tuple(str(phrases.names[j]) for j in row if scores[i, j] > 0) for i, row in enumerate(best)]


def _log_odds(counts: Floats, prior: Floats) -> Floats:
    weight = counts + prior
    return np.asarray(np.log(weight) - np.log(weight.sum(axis=1, keepdims=True) - weight))
