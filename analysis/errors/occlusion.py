"""Which words carry a prediction, told by leaving them out, and the fewest whose absence turns it round."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import inf, log

import numpy as np
import pandas as pd

from closecall.analysis.validation import Floats, as_share

_PIECE = re.compile(r"\S+\s*")
HEAVIEST = 12
"""How many words a deletion of several is searched among: all their pairs are 66 texts."""

Deletions = Sequence[tuple[int, ...]]
"""Sets of pieces to leave out together, by their places."""


@dataclass(frozen=True)
class Attribution:
    """What each word of one text carries in one classifier.

    `pieces` (n) are the words with the blanks around them, end to end the text as read. `logit` is the log-odds of
    being positive, `drops` (n,) are d_i = logit(x) - logit(x without piece i): above 0 the word speaks for positive,
    below 0 for negative. Faithful by construction: each number is a prediction of the classifier on a real text.
    `not_read` is the rest of the text, which lies beyond the tokens that the classifier reads.
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
        """The words without the blanks around them."""
        return [piece.strip() for piece in self.pieces]


@dataclass(frozen=True)
class Flip:
    """The shortest deletion found that turns the prediction round, and how far the search went.

    `removed` are places of pieces, () when none was found; `logit` is that of the text without them. `proven`: no
    deletion of fewer words does it. `tried` counts the texts that were read in search of it, `among` the heaviest words
    of which several were left out together: with nothing found, the heaviest 2, 3 ... of these, and all together.
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
    """A text in pieces of one word each, cut at blanks, that are the text again when joined; () for a blank text."""
    pieces = _PIECE.findall(text)
    if pieces:
        pieces[0] = text[: len(text) - len(text.lstrip())] + pieces[0]
    return tuple(pieces)


def without(pieces: Sequence[str], removed: Sequence[int]) -> str:
    """The text without some of its pieces."""
    gone = set(removed)
    return "".join(piece for place, piece in enumerate(pieces) if place not in gone)


def word_table(attribution: Attribution, *, k: int = 8) -> pd.DataFrame:
    """Which words carry the prediction most, for or against positive?

    The k words of the largest |d|: `place, word, drop, prob_without`, the heaviest first. `prob_without` is the
    probability of being positive without that one word, 1 / (1 + exp(-(logit - d))).
    """
    order = np.argsort(-np.abs(attribution.drops), kind="stable")[:k]
    drops = attribution.drops[order]
    words = [attribution.words[place] for place in order]
    probs = positive_probability(attribution.logit - drops)
    return pd.DataFrame({"place": order, "word": words, "drop": drops, "prob_without": probs})


def positive_probability(logits: Floats | float) -> Floats:
    """The probability of being positive of log-odds, 1 / (1 + exp(-logit)), without overflow."""
    return 0.5 * (1 + np.tanh(np.asarray(logits, dtype=np.float64) / 2))


def shortest_flip(
    attribution: Attribution, logits_without: Callable[[Deletions], Floats], *, threshold: float = 0.5
) -> Flip:
    """What are the fewest words whose absence turns the prediction round at this threshold?

    First every word alone, known from the attribution. Then the 2, 3 ... HEAVIEST words that push towards the
    prediction, together; when none of these turns it the search ends. Else all pairs of these words, and when no pair
    does it, words of the set found are put back as long as it stays turned. `logits_without` gives the log-odds without
    each set of pieces. One or two words found are proven to be the fewest; more are not, unless the text is so short
    that all its pairs were seen.
    """
    cut = _cut(threshold)
    called = attribution.logit >= cut
    push = attribution.drops if called else -attribution.drops  # how far towards the other side without it
    singles = attribution.logit - attribution.drops
    n = len(push)
    if n and ((singles >= cut) != called).any():
        best = int(np.argmax(push))
        return Flip((best,), float(singles[best]), threshold, True, n, 1)
    order = [int(place) for place in np.argsort(-push, kind="stable")[:HEAVIEST]]
    search = _Search(logits_without, cut, called, tried=n)
    found, logit = search.several(order)
    proven = len(found) == 2 or (len(found) == 3 and len(order) == n)
    return Flip(found, logit if found else attribution.logit, threshold, proven, search.tried, len(order))


class _Search:
    """Asks for texts without several words and counts them."""

    def __init__(self, logits_without: Callable[[Deletions], Floats], cut: float, called: bool, *, tried: int) -> None:
        self._logits_without, self._cut, self._called = logits_without, cut, called
        self.tried = tried

    def several(self, order: list[int]) -> tuple[tuple[int, ...], float]:
        """The shortest deletion of two or more of these words that was found, and its log-odds; () for none."""
        growing = [tuple(order[:count]) for count in range(2, len(order) + 1)]
        logits = self._ask(growing)
        turned = [place for place, logit in enumerate(logits) if self._turned(logit)]
        if not turned:
            return (), 0.0
        found, logit = growing[turned[0]], logits[turned[0]]
        if len(found) > 2:
            pair, without_pair = self._furthest(list(combinations(order, 2)))
            found, logit = (pair, without_pair) if self._turned(without_pair) else self._shrunk(found, logit)
        return tuple(sorted(found)), float(logit)

    def _shrunk(self, found: tuple[int, ...], logit: float) -> tuple[tuple[int, ...], float]:
        """Put words back as long as the prediction stays turned."""
        while len(found) > 3:  # pairs were seen
            best, less = self._furthest([tuple(one for one in found if one != back) for back in found])
            if not self._turned(less):
                break
            found, logit = best, less
        return found, logit

    def _furthest(self, sets: Deletions) -> tuple[tuple[int, ...], float]:
        logits = self._ask(sets)
        best = int(np.argmin(logits) if self._called else np.argmax(logits))
        return sets[best], float(logits[best])

    def _ask(self, sets: Deletions) -> Floats:
        self.tried += len(sets)
        return self._logits_without(sets) if sets else np.empty(0)

    def _turned(self, logit: float) -> bool:
        return bool((logit >= self._cut) != self._called)


def _cut(threshold: float) -> float:
    """The threshold as log-odds."""
    share = as_share(threshold, name="The threshold", closed=True)
    return inf if share == 1 else -inf if share == 0 else log(share / (1 - share))
