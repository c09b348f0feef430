"""The parts of long texts that a classifier does not read, as windows of the size that it reads."""

from collections.abc import Sequence

import numpy as np
from transformers import PreTrainedTokenizerBase

from closecall.data.io.errors import UserError
from closecall.models.encoders.tokenization import BLOCK, Tokens, _truncation_restored, tokenise

MAX_WINDOWS = 32
"""Windows of one text after its first; the rest of a longer text is left out."""
_NO_LIMIT = 1_000_000_000


def token_counts(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> np.ndarray:
    """The number of tokens of each whole text, special ones included. Shape (n,)."""
    return tokenise(texts, tokenizer, _NO_LIMIT).lengths


def later_windows(
    texts: Sequence[str], tokenizer: PreTrainedTokenizerBase, max_tokens: int
) -> tuple[Tokens, np.ndarray]:
    """All windows of each text but the first, and the row of the text that each belongs to (windows,).

    A window has at most `max_tokens` tokens, special ones included, and starts half a window after the one before. The
    first is what a classifier reads, and is left out. At most MAX_WINDOWS for each text. UserError for a tokenizer that
    cannot split a text.
    """
    if not getattr(tokenizer, "is_fast", False):
        raise UserError("The tokenizer of this classifier cannot split a text into windows.")
    overlap = (max_tokens - tokenizer.num_special_tokens_to_add()) // 2
    windows: list[list[int]] = []
    owners: list[int] = []
    with _truncation_restored(tokenizer):
        for start in range(0, len(texts), BLOCK):
            found = tokenizer(
                list(texts[start : start + BLOCK]),
                truncation=True,
                max_length=max_tokens,
                stride=overlap,
                return_overflowing_tokens=True,
                return_attention_mask=False,
            )
            for row, own in _by_text(found["overflow_to_sample_mapping"], found["input_ids"]).items():
                windows += own[1 : 1 + MAX_WINDOWS]
                owners += [start + row] * len(own[1 : 1 + MAX_WINDOWS])
    flat = np.concatenate([np.empty(0, dtype=np.int32), *(np.asarray(one, dtype=np.int32) for one in windows)])
    starts = np.cumsum([0, *map(len, windows)])
    return Tokens(flat, starts, int(tokenizer.pad_token_id)), np.asarray(owners, dtype=np.int64)


def _by_text(owners: Sequence[int], windows: Sequence[list[int]]) -> dict[int, list[list[int]]]:
    grouped: dict[int, list[list[int]]] = {}
    for row, window in zip(owners, windows, strict=True):
        grouped.setdefault(row, []).append(window)
    return grouped
