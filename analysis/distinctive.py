"""Which words set one group of texts apart from the others?"""

import numpy as np

from analysis.checks import Floats, Ints
from analysis.ngrams import Phrases

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
