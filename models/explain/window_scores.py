"""Scores of the parts of long texts that the classifiers of an experiment did not read. This module imports torch."""

from collections.abc import Callable, Sequence

import numpy as np

from closecall.analysis.errors.occlusion import positive_probability
from closecall.models.encoders.checkpoints import Checkpoint
from closecall.models.encoders.inference import run_inference
from closecall.models.encoders.label_mapping import log_odds
from closecall.models.encoders.loading import load_checkpoint, load_tokenizer
from closecall.models.encoders.tokenization import Tokens
from closecall.models.encoders.windows import later_windows, token_counts
from closecall.models.runtime.devices import claim_device

OnPart = Callable[[float], None]
"""Called with the share of the work that is done, 0 to 1."""


class WindowScorer:
    """Scores later windows of the same texts by one classifier after the other; texts are tokenised once."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = list(texts)
        self._windows: dict[tuple[str, int], tuple[Tokens, np.ndarray]] = {}

    def range(self, checkpoint: Checkpoint, encoder: str, on_part: OnPart) -> tuple[np.ndarray, np.ndarray]:
        """The highest and the lowest probability of the later windows of each text, both (n,); nan without a window.

        `encoder` names the tokenizer: classifiers of one encoder share the windows.
        """
        key = encoder, checkpoint.max_tokens
        if key not in self._windows:
            self._windows[key] = later_windows(self._texts, load_tokenizer(checkpoint.source), checkpoint.max_tokens)
        tokens, owners = self._windows[key]
        high, low = np.full(len(self._texts), -np.inf), np.full(len(self._texts), np.inf)
        if len(owners):
            probs = _probabilities(checkpoint, tokens, on_part)
            np.maximum.at(high, owners, probs)
            np.minimum.at(low, owners, probs)
        read = np.isfinite(high)
        return np.where(read, high, np.nan), np.where(read, low, np.nan)


def whole_lengths(texts: Sequence[str], encoder: str) -> np.ndarray:
    """The number of tokens of each whole text for an encoder. Shape (n,)."""
    return token_counts(texts, load_tokenizer(encoder))


def _probabilities(checkpoint: Checkpoint, tokens: Tokens, on_part: OnPart) -> np.ndarray:
    """The probability of the positive class of each window."""
    model = load_checkpoint(checkpoint.source).to(claim_device())  # type: ignore[arg-type]
    total, done = max(int(tokens.lengths.sum()), 1), 0

    def count(number: int, padded: int, examples: int) -> None:
        nonlocal done
        done += padded
        on_part(min(done / total, 1.0))

    logits = run_inference(model, tokens, np.arange(len(tokens)), embed=False, on_batch=count).logits
    assert logits is not None
    return np.asarray(positive_probability(log_odds(logits, checkpoint.positive, checkpoint.sigmoid)))
