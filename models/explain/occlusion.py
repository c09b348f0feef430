"""Occlusion of a text: the effect of each word on the log-odds, and the shortest deletion that flips the prediction.

The search for the deletion is `analysis.errors.occlusion`; this module runs the classifier.
"""

from collections.abc import Callable, Sequence

import numpy as np

from closecall.analysis.errors.occlusion import Attribution, Deletions, Flip, shortest_flip, split_words, without
from closecall.models.explain.classifiers import Classifier

BATCH_WORDS = 1500
"""Words in one batch of texts. Progress is reported, and may cancel, between batches: well under a second each."""
OnProgress = Callable[[int, int], None]
"""Called with the number of texts classified and the number expected so far; may raise to cancel."""


def explain(
    classifier: Classifier, text: str, *, threshold: float = 0.5, on_progress: OnProgress = lambda done, total: None
) -> tuple[Attribution, Flip]:
    """The effect of each word, d_i = logit(x) - logit(x without word i), and the shortest deletion that flips.

    x is the text up to the truncation point: the words with at least one token within `max_tokens`. Classifies one
    text for each word, then up to some hundred more for the deletion. Raises what `on_progress` raises.
    """
    end = classifier.truncation_point(text)
    pieces = split_words(text[:end])
    counter = _Counter(len(pieces) + 1, on_progress)
    texts = ["".join(pieces), *(without(pieces, (place,)) for place in range(len(pieces)))]
    logits = _in_batches(classifier, texts, len(pieces), counter)
    attribution = Attribution(pieces, float(logits[0]), logits[0] - logits[1:], text[end:])

    def logits_without(sets: Deletions) -> np.ndarray:
        counter.expect(len(sets))
        return _in_batches(classifier, [without(pieces, removed) for removed in sets], len(pieces), counter)

    return attribution, shortest_flip(attribution, logits_without, threshold=threshold)


class _Counter:
    """Counts classified texts and reports them with the total expected so far."""

    def __init__(self, total: int, on_progress: OnProgress) -> None:
        self._done, self._total, self._on_progress = 0, total, on_progress
        on_progress(0, total)

    def expect(self, more: int) -> None:
        self._total += more

    def add(self, more: int) -> None:
        self._done += more
        self._on_progress(self._done, self._total)


def _in_batches(classifier: Classifier, texts: Sequence[str], words: int, counter: _Counter) -> np.ndarray:
    """Log-odds (n,) of texts of at most `words` words each; the counter is updated after each batch."""
    size = max(1, BATCH_WORDS // max(1, words))
    parts = []
    for start in range(0, len(texts), size):
        batch = texts[start : start + size]
        parts.append(classifier.log_odds(batch))
        counter.add(len(batch))
    return np.concatenate(parts)
