"""Why does a classifier say this of a text? Ask it again without each word, and for a deletion that turns it round."""

from collections.abc import Callable, Sequence

import numpy as np

from closecall.analysis.errors.occlusion import Attribution, Deletions, Flip, shortest_flip, split_words, without
from closecall.models.explain.classifiers import Classifier

BATCH_WORDS = 1500
"""Words of the texts that are read between two looks at whether to stop: well under a second of one thread."""
OnProgress = Callable[[int, int], None]
"""Called with the texts read so far and those expected; may raise to stop."""


def explain(
    classifier: Classifier, text: str, *, threshold: float = 0.5, on_progress: OnProgress = lambda done, of: None
) -> tuple[Attribution, Flip]:
    """What each word of a text carries, d_i = logit(x) - logit(x without word i), and the shortest deletion that flips.

    x is the text as the classifier reads it: the words of which at least a part lies within its tokens. Reads one
    text for each word, then up to some hundred more for the flip. Raises what `on_progress` raises.
    """
    read = classifier.read_part(text)
    pieces = split_words(text[:read])
    counter = _Counter(len(pieces) + 1, on_progress)
    texts = ["".join(pieces), *(without(pieces, (place,)) for place in range(len(pieces)))]
    logits = _in_batches(classifier, texts, len(pieces), counter)
    attribution = Attribution(pieces, float(logits[0]), logits[0] - logits[1:], text[read:])

    def logits_without(sets: Deletions) -> np.ndarray:
        counter.expect(len(sets))
        return _in_batches(classifier, [without(pieces, removed) for removed in sets], len(pieces), counter)

    return attribution, shortest_flip(attribution, logits_without, threshold=threshold)


class _Counter:
    """How many texts were read, of how many known so far."""

    def __init__(self, of: int, on_progress: OnProgress) -> None:
        self._done, self._of, self._on_progress = 0, of, on_progress
        on_progress(0, of)

    def expect(self, more: int) -> None:
        self._of += more

    def add(self, more: int) -> None:
        self._done += more
        self._on_progress(self._done, self._of)


def _in_batches(classifier: Classifier, texts: Sequence[str], words: int, counter: _Counter) -> np.ndarray:
    """Log-odds of texts that have at most so many words, with a look at the counter between batches."""
    size = max(1, BATCH_WORDS // max(1, words))
    parts = []
    for start in range(0, len(texts), size):
        batch = texts[start : start + size]
        parts.append(classifier.log_odds(batch))
        counter.add(len(batch))
    return np.concatenate(parts)
