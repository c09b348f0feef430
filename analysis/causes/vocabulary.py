"""Words that training texts lack: do the positives leave more of them unseen than as many negatives do?"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from closecall.analysis.bootstrap import percentile_interval, resample_counts
from closecall.analysis.causes.separability import Answer, decide
from closecall.analysis.intervals import Estimate
from closecall.analysis.text import words
from closecall.analysis.validation import Floats, Ints

MARGIN = 0.02
"""The smallest difference in the share of unseen words that counts."""
_UNSPACED = re.compile(
    r"[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
)
"""Runs of scripts without blanks between words: Thai, Lao, Tibetan, Burmese, Khmer, Japanese, Chinese."""


def vocabulary(text: str) -> list[str]:
    """The words of a text, lower case; overlapping pairs of characters where a script writes no blanks.

    Words as in `analysis.text.words`. Thai, Lao, Tibetan, Burmese, Khmer, Japanese and Chinese give bigrams, a single
    character itself.
    """
    found = words(_UNSPACED.sub(" ", text))
    for run in _UNSPACED.findall(text):
        found += [run] if len(run) == 1 else [run[i : i + 2] for i in range(len(run) - 1)]
    return found


def missing_mass(texts: Sequence[str]) -> float:
    """Probability that the next word is a new one: words seen once / all words (Good 1953). 0 to 1; nan without words.

    Words as in `vocabulary`, each occurrence counted.
    """
    return _seen_once(_word_counts(texts, {}).sum(axis=0))


def unseen_word_share(test_texts: Sequence[str], train_texts: Sequence[str]) -> float:
    """Share of the words of test texts, each occurrence counted, that no training text has. nan without words."""
    train, test = _tables(train_texts, test_texts)
    lacking = _lacking(test, train.sum(axis=0))
    return float(lacking.sum() / test.sum()) if test.sum() else float("nan")


def _tables(*groups: Sequence[str]) -> list[sparse.csr_array]:
    """Word counts of each group of texts, (n, words), with the same columns."""
    names: dict[str, int] = {}
    tables = [_word_counts(texts, names) for texts in groups]
    for table in tables:
        table.resize((table.shape[0], len(names)))
    return tables


def _word_counts(texts: Sequence[str], names: dict[str, int]) -> sparse.csr_array:
    """How often each text has each word, (n, words); new words are added to `names`."""
    numbers = [[names.setdefault(word, len(names)) for word in vocabulary(text)] for text in texts]
    starts = np.cumsum([0] + [len(row) for row in numbers])
    columns = np.fromiter((column for row in numbers for column in row), dtype=np.int64, count=int(starts[-1]))
    table = sparse.csr_array((np.ones(len(columns), np.int64), columns, starts), shape=(len(texts), len(names)))
    table.sum_duplicates()
    return table


def _seen_once(counts: Ints) -> float:
    total = counts.sum()
    return float((counts == 1).sum() / total) if total else float("nan")


def _lacking(test: sparse.csr_array, train_counts: Ints) -> Ints:
    """Number of words of each test text that training lacks, each occurrence counted."""
    return np.asarray(test @ (train_counts == 0).astype(np.int64))


@dataclass(frozen=True)
class WordComparison:
    """A share of words among positives and among as many negatives.

    `negatives`: mean and central 95 % of the draws. `difference`: positives minus negatives.
    """

    positives: float
    negatives: Estimate
    difference: Estimate


@dataclass(frozen=True)
class VocabularySparsity:
    """Missing mass of the training texts, and share of unseen words in the test texts; None when not compared.

    `needed`, only with "too few": training texts of the class that `needed_class` names.
    """

    answer: Answer
    missing: WordComparison | None
    unseen: WordComparison | None
    needed: int | None
    needed_class: str = ""


def vocabulary_sparsity(
    positive_texts: Sequence[str],
    negative_texts: Sequence[str],
    test_positive_texts: Sequence[str],
    test_negative_texts: Sequence[str],
    *,
    draws: int = 100,
    seed: int = 0,
    margin: float = MARGIN,
) -> VocabularySparsity:
    """Do the training positives leave more words unseen than as many training negatives do?

    Both shares against `draws` samples of as many training negatives, and test texts resampled. Decided by `decide` on
    the difference in unseen words. Samples of a share f of the negatives vary too little for two independent classes;
    their deviations are multiplied by sqrt((1 + f)/(1 - f)). Too few when there are fewer than twice as many negatives.
    Shorter positives leave more words unseen, too: compare the lengths.
    """
    groups = (positive_texts, negative_texts, test_positive_texts, test_negative_texts)
    tables = _tables(*groups)
    if not all(table.sum() for table in tables):
        return VocabularySparsity("not measurable", None, None, None)
    own, others, own_test, other_test = tables
    n, pool = own.shape[0], others.shape[0]
    if pool < 2 * n:
        return VocabularySparsity("too few", None, None, 2 * n, "negative")
    streams = np.random.default_rng(seed).spawn(3)
    sampled = [others[streams[0].choice(pool, size=n, replace=False)].sum(axis=0) for _ in range(draws)]
    widening = float(np.sqrt((1 + n / pool) / (1 - n / pool)))
    counts = own.sum(axis=0)
    missing = _comparison(_seen_once(counts), np.array([_seen_once(one) for one in sampled]), widening)
    here = _resampled_share(_lacking(own_test, counts), own_test, draws, streams[1])
    away = [_resampled_share(_lacking(other_test, one), other_test, 1, streams[2]) for one in sampled]
    noise = here[1] - np.array([deviations[0] for _, deviations in away])
    unseen = _comparison(here[0], np.array([share for share, _ in away]), widening, noise)
    answer, needed = decide(unseen.difference, n, margin=margin)
    return VocabularySparsity(answer, missing, unseen, needed, "positive" if needed else "")


def _resampled_share(
    lacking: Ints, table: sparse.csr_array, draws: int, rng: np.random.Generator
) -> tuple[float, Floats]:
    """Share of unseen words over test texts, and its deviations when the texts are drawn again, (draws,)."""
    sizes = np.asarray(table.sum(axis=1))
    share = float(lacking.sum() / sizes.sum())
    drawn = np.concatenate(list(resample_counts(len(sizes), draws, rng=rng)))
    return share, drawn @ lacking / np.maximum(drawn @ sizes, 1) - share


def _comparison(positives: float, negatives: Floats, widening: float, noise: Floats | float = 0.0) -> WordComparison:
    """`negatives` (draws,), whose deviations are widened; `noise` (draws,): deviations from elsewhere."""
    middle = float(negatives.mean())
    deviations = (negatives - middle) * widening + noise
    difference = percentile_interval(positives - middle, positives - middle + deviations)
    return WordComparison(positives, percentile_interval(middle, negatives), difference)
