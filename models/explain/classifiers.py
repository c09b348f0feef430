"""A classifier that is asked about single texts: loaded once, kept while it is asked, let go when others need the room.

This imports torch: it belongs into a process of its own (see `models.explain.inference_server`) or into the terminal.
"""

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from closecall.analysis.errors.occlusion import split_words
from closecall.models.encoders.checkpoints import Checkpoint
from closecall.models.encoders.inference import run_inference
from closecall.models.encoders.loading import load_checkpoint, load_tokenizer
from closecall.models.encoders.tokenization import tokenise
from closecall.models.runtime.devices import claim_device

ROOM = 1_500_000_000
"""Bytes of weights that are kept at most: sixteen classifiers of six layers, three of BERT's size."""


class Classifier:
    """A loaded checkpoint that tells the log-odds of texts."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._model: PreTrainedModel = load_checkpoint(checkpoint.source).to(claim_device().device)  # type: ignore
        self._tokenizer: PreTrainedTokenizerBase = load_tokenizer(checkpoint.source)
        self._checkpoint = checkpoint

    @property
    def size(self) -> int:
        """Bytes of its weights."""
        return sum(weight.numel() * weight.element_size() for weight in self._model.parameters())

    def log_odds(self, texts: Sequence[str]) -> np.ndarray:
        """The log-odds of being positive (n, float64), each text read as far as `max_tokens` goes."""
        tokens = tokenise(texts, self._tokenizer, self._checkpoint.max_tokens)
        logits = run_inference(self._model, tokens, np.arange(len(texts)), embed=False).logits
        assert logits is not None
        positive = self._checkpoint.positive
        return logits[:, positive].astype(np.float64) - logits[:, 1 - positive]

    def read_part(self, text: str) -> int:
        """How many characters of a text are read: up to the end of the last word of which a token is within reach."""
        pieces = split_words(text)
        ends = np.cumsum([0, *map(len, pieces)])
        # Whatever the tokenizer, the words read are those whose addition still changes the cut token ids.
        low, high, whole = 0, len(pieces), self._ids(text)
        while low < high:
            middle = (low + high) // 2
            if self._ids(text[: ends[middle]]) == whole:
                high = middle
            else:
                low = middle + 1
        return int(ends[low])

    def _ids(self, text: str) -> list[int]:
        return list(tokenise([text], self._tokenizer, self._checkpoint.max_tokens).flat)


class Classifiers:
    """The classifiers loaded last, as many as there is room for."""

    def __init__(self, room: int = ROOM) -> None:
        self._loaded: OrderedDict[Checkpoint, Classifier] = OrderedDict()
        self._room = room

    def __call__(self, checkpoint: Checkpoint) -> Classifier:
        """The classifier of a checkpoint, loaded when it is not."""
        if checkpoint not in self._loaded:
            self._loaded[checkpoint] = Classifier(checkpoint)
        self._loaded.move_to_end(checkpoint)
        while len(self._loaded) > 1 and sum(one.size for one in self._loaded.values()) > self._room:
            self._loaded.popitem(last=False)
        return self._loaded[checkpoint]
