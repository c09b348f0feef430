"""ClassifierCache loaded from checkpoints for inference on single texts, with a size-limited cache.

This module imports torch. Use it in a process of its own (see `models.explain.inference_server`) or in the terminal.
"""

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from closecall.analysis.errors.occlusion import split_words
from closecall.models.encoders.checkpoints import Checkpoint
from closecall.models.encoders.inference import run_inference
from closecall.models.encoders.label_mapping import log_odds
from closecall.models.encoders.loading import load_checkpoint, load_tokenizer
from closecall.models.encoders.tokenization import tokenise
from closecall.models.runtime.devices import claim_device

MAX_BYTES = 1_500_000_000
"""Limit for the weights in the cache: about sixteen six-layer classifiers, or three of BERT-base size."""


class Classifier:
    """A classifier and its tokenizer, loaded from a checkpoint onto the device."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._model: PreTrainedModel = load_checkpoint(checkpoint.source).to(claim_device())  # type: ignore
        self._tokenizer: PreTrainedTokenizerBase = load_tokenizer(checkpoint.source)
        self._checkpoint = checkpoint

    @property
    def n_bytes(self) -> int:
        """Bytes of its weights."""
        return sum(weight.numel() * weight.element_size() for weight in self._model.parameters())

    def log_odds(self, texts: Sequence[str]) -> np.ndarray:
        """Log-odds of the positive class (n, float64). Texts are truncated to `max_tokens`."""
        tokens = tokenise(texts, self._tokenizer, self._checkpoint.max_tokens)
        logits = run_inference(self._model, tokens, np.arange(len(texts)), embed=False).logits
        assert logits is not None
        return log_odds(logits, self._checkpoint.positive, self._checkpoint.sigmoid)

    def truncation_point(self, text: str) -> int:
        """The number of characters that reach the classifier: up to the last word with a token within `max_tokens`."""
        pieces = split_words(text)
        ends = np.cumsum([0, *map(len, pieces)])
        # Independent of the tokenizer: adding a word beyond the limit no longer changes the truncated token ids.
        low, high, all_ids = 0, len(pieces), self._token_ids(text)
        while low < high:
            middle = (low + high) // 2
            if self._token_ids(text[: ends[middle]]) == all_ids:
                high = middle
            else:
                low = middle + 1
        return int(ends[low])

    def _token_ids(self, text: str) -> list[int]:
        return list(tokenise([text], self._tokenizer, self._checkpoint.max_tokens).flat)


class ClassifierCache:
    """The most recently used classifiers, up to `max_bytes` of weights; at least one."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._loaded: OrderedDict[Checkpoint, Classifier] = OrderedDict()
        self._max_bytes = max_bytes

    def __call__(self, checkpoint: Checkpoint) -> Classifier:
        """The classifier of a checkpoint, loaded unless it is in the cache."""
        if checkpoint not in self._loaded:
            self._loaded[checkpoint] = Classifier(checkpoint)
        self._loaded.move_to_end(checkpoint)
        while len(self._loaded) > 1 and sum(one.n_bytes for one in self._loaded.values()) > self._max_bytes:
            self._loaded.popitem(last=False)
        return self._loaded[checkpoint]
