"""Which words and phrases do many texts hold? As a sparse table, texts by phrases."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from closecall.analysis.text import words
from closecall.analysis.validation import Bools, Floats, Ints

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

    Words as `analysis.text.words` cuts them, each text counted once. A phrase is looked at only where its first
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


# Which texts hold a phrase: whole words one after the other, in upper or lower case.

_BEGINS, _ENDS = r"(?<!\w)(?<!\w['’])", r"(?!\w)(?!['’]\w)"
"""Where a word begins and ends, as `analysis.text.words` cuts a text."""


def holds_phrase(texts: Iterable[str], phrase: str) -> Bools:
    """Which texts hold the words of the phrase one after the other? Shape (n,).

    Words are those of `analysis.text.words`: letters, digits and inner apostrophes. What stands between two of
    them (blanks, signs, line breaks) does not matter. ValueError when the phrase has no word.
    """
    wanted = words(phrase)
    if not wanted:
        raise ValueError("A phrase needs at least one letter or digit.")
    inner = rf"{_ENDS}\W+".join(re.escape(word) for word in wanted)
    search, longest = re.compile(f"{_BEGINS}{inner}{_ENDS}").search, max(wanted, key=len)

    def holds(text: str) -> bool:
        low = text.lower()
        return longest in low and search(low) is not None  # the plain search first: it is far quicker

    return np.fromiter(map(holds, texts), dtype=np.bool_)


# Which words set one group of texts apart from the others?

PRIOR = 1000
"""Words of the usual mix that are added to each side: rare words need more to stand out."""


def log_odds_scores(phrases: Phrases, groups: Ints) -> Floats:
    """How far does each word stand out in each group against the others? z scores, (groups, m).

    Monroe, Colaresi and Quinn (2008), log-odds with an informative prior: with y the texts of a group that hold the
    word, N the sum of y over words, a the word's share of `PRIOR` words of the usual mix, and the same for all other
    groups together, the difference of ln[(y + a)/(N + PRIOR - y - a)] over its standard error,
    sqrt(1/(y + a) + 1/(y' + a)). `groups` (n) are whole numbers from 0 on, aligned with the texts.
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
    """The `top` words of each group that stand out most: with a letter, and three letters long or more."""
    fit = np.array([len(name) > 2 and any(map(str.isalpha, name)) for name in phrases.names], dtype=bool)
    scores = np.where(fit[None, :], log_odds_scores(phrases, groups), -np.inf)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :top]
    return [tuple(str(phrases.names[j]) for j in row if scores[i, j] > 0) for i, row in enumerate(best)]


def _log_odds(found: Floats, prior: Floats) -> Floats:
    weight = found + prior
    return np.log(weight) - np.log(weight.sum(axis=1, keepdims=True) - weight)
