"""Occlusion: the effect of each word on a prediction, and the fewest deletions that change it."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import inf, log

import numpy as np
import pandas as pd

from closecall.analysis.validation import Floats, as_share

_PIECE = re.compile(r"\S+\s*")
SEARCHED_WORDS = 12
"""Deletions of several words are searched among this many words; their pairs are 66 texts."""

Deletions = Sequence[tuple[int, ...]]
"""Sets of words to delete together, by position."""


@dataclass(frozen=True)
class Attribution:
    """Effect of each word of one text on the log-odds of one classifier.

    `pieces` (n): the words with their white space; joined they are the text that was read. `logit`: log-odds of the
    positive class. `drops` (n,): d_i = logit(x) - logit(x without piece i), above 0 for words that support positive.
    Each number is a prediction of the classifier on a real text. `not_read`: the rest of the text, beyond the token
    limit of the classifier. Raises ValueError for other shapes and values that are not finite.
    """

    pieces: tuple[str, ...]
    logit: float
    drops: Floats
    not_read: str = ""

    def __post_init__(self) -> None:
        drops = np.asarray(self.drops, dtype=np.float64)
        if drops.shape != (len(self.pieces),):
            raise ValueError(f"Each of {len(self.pieces)} words needs one number; their shape is {drops.shape}.")
        if not np.isfinite(drops).all() or not np.isfinite(self.logit):
            raise ValueError("A log-odds is missing or not finite.")
        object.__setattr__(self, "pieces", tuple(self.pieces))
        object.__setattr__(self, "drops", drops)

    @property
    def words(self) -> list[str]:
        """The words without their white space."""
        return [piece.strip() for piece in self.pieces]


@dataclass(frozen=True)
class Flip:
    """The shortest deletion found that changes the prediction, and the extent of the search.

    `removed`: positions of the pieces, () for none; `logit`: log-odds without them. `proven`: no smaller deletion
    changes it. `tried`: number of texts read in the search. `among`: number of words from which several were deleted
    together; without success, the strongest 2, 3 ... and all of them were tried.
    """

    removed: tuple[int, ...]
    logit: float
    threshold: float
    proven: bool
    tried: int
    among: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "removed", tuple(self.removed))


def split_words(text: str) -> tuple[str, ...]:
    """Pieces of one word each with its white space, which joined are the text; () for a blank text."""
    pieces = _PIECE.findall(text)
    if pieces:
        pieces[0] = text[: len(text) - len(text.lstrip())] + pieces[0]
    return tuple(pieces)


def without(pieces: Sequence[str], removed: Sequence[int]) -> str:
    """The text without some of its pieces, given by position."""
    deleted = set(removed)
    return "".join(piece for place, piece in enumerate(pieces) if place not in deleted)


def word_table(attribution: Attribution, *, k: int = 8) -> pd.DataFrame:
    """The k words with the largest effect on the prediction, largest |d| first.

    Columns `place, word, drop, prob_without`. `prob_without`: positive probability without that word, 1 / (1 +
    exp(-(logit - d))).
    """
    order = np.argsort(-np.abs(attribution.drops), kind="stable")[:k]
    drops = attribution.drops[order]
    words = [attribution.words[place] for place in order]
    probs = positive_probability(attribution.logit - drops)
    return pd.DataFrame({"place": order, "word": words, "drop": drops, "prob_without": probs})


def positive_probability(logits: Floats | float) -> Floats:
    """Positive probability of log-odds, 1 / (1 + exp(-logit)), without overflow."""
    return 0.5 * (1 + np.tanh(np.asarray(logits, dtype=np.float64) / 2))


def shortest_flip(
    attribution: Attribution, logits_without: Callable[[Deletions], Floats], *, threshold: float = 0.5
) -> Flip:
    """The fewest words whose deletion changes the prediction at this threshold.

    First each word alone, known from the attribution. Then the 2, 3 ... SEARCHED_WORDS words that support the
    prediction most, together; the search ends when none of these sets changes it. Otherwise all pairs of these words;
    if no pair does, words of the set are put back while the prediction stays changed. `logits_without` returns the
    log-odds without each set of pieces. A result of one or two words is the minimum. A larger one is proven only if all
    pairs of the text were tried.
    """
    threshold_logit = _threshold_logit(threshold)
    positive = attribution.logit >= threshold_logit
    effect = attribution.drops if positive else -attribution.drops  # change towards the other class without the word
    singles = attribution.logit - attribution.drops
    n = len(effect)
    if n and ((singles >= threshold_logit) != positive).any():
        best = int(np.argmax(effect))
        return Flip((best,), float(singles[best]), threshold, True, n, 1)
    order = [int(place) for place in np.argsort(-effect, kind="stable")[:SEARCHED_WORDS]]
    search = _Search(logits_without, threshold_logit, positive, tried=n)
    found, logit = search.several(order)
    proven = len(found) == 2 or (len(found) == 3 and len(order) == n)
    return Flip(found, logit if found else attribution.logit, threshold, proven, search.tried, len(order))


class _Search:
    """Requests the log-odds of texts without several words, and counts them."""

    def __init__(
        self, logits_without: Callable[[Deletions], Floats], threshold_logit: float, positive: bool, *, tried: int
    ) -> None:
        self._logits_without, self._threshold_logit, self._positive = logits_without, threshold_logit, positive
        self.tried = tried

    def several(self, order: list[int]) -> tuple[tuple[int, ...], float]:
        """The shortest deletion of two or more of these words that was found, and its log-odds; () for none."""
        growing = [tuple(order[:count]) for count in range(2, len(order) + 1)]
        logits = self._logits_of(growing)
        flipping = [place for place, logit in enumerate(logits) if self._flips(logit)]
        if not flipping:
            return (), 0.0
        found, logit = growing[flipping[0]], logits[flipping[0]]
        if len(found) > 2:
            pair, without_pair = self._best(list(combinations(order, 2)))
            found, logit = (pair, without_pair) if self._flips(without_pair) else self._shrunk(found, logit)
        return tuple(sorted(found)), float(logit)

    def _shrunk(self, found: tuple[int, ...], logit: float) -> tuple[tuple[int, ...], float]:
        """Puts words back while the prediction stays changed."""
        while len(found) > 3:  # all pairs were tried
            best, less = self._best([tuple(one for one in found if one != back) for back in found])
            if not self._flips(less):
                break
            found, logit = best, less
        return found, logit

    def _best(self, sets: Deletions) -> tuple[tuple[int, ...], float]:
        logits = self._logits_of(sets)
        best = int(np.argmin(logits) if self._positive else np.argmax(logits))
        return sets[best], float(logits[best])

    def _logits_of(self, sets: Deletions) -> Floats:
        self.tried += len(sets)
        return self._logits_without(sets) if sets else np.empty(0)

    def _flips(self, logit: float) -> bool:
        return bool((logit >= self._threshold_logit) != self._positive)


def _threshold_logit(threshold: float) -> float:
    """The threshold as log-odds."""
    share = as_share(threshold, name="The threshold", inclusive=True)
    return inf if share == 1 else -inf if share == 0 else log(share / (1 - share))
