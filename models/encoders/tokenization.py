"""Texts as token ids, computed once for a dataset, and their batches."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from closecall.data.io.files import write_arrays
from closecall.data.io.workspace import workspace_folder
from closecall.models.runtime.locks import exclusive

BLOCK = 500
"""Texts tokenised at a time, between two checks whether to stop."""
POOL = 16
"""Batches of this many times the batch size are sorted by length together: less padding, and still well mixed."""


@dataclass(frozen=True)
class Tokens:
    """The token ids of many texts, concatenated: text i is `flat[starts[i]:starts[i + 1]]`."""

    flat: np.ndarray
    starts: np.ndarray
    pad_id: int

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each text, special ones included."""
        return np.diff(self.starts)

    def batch(self, places: np.ndarray, device: torch.device | str = "cpu") -> dict[str, torch.Tensor]:
        """The texts at these places as `input_ids` and `attention_mask`, padded to the longest (batch x longest)."""
        lengths = self.starts[places + 1] - self.starts[places]
        inside = np.arange(lengths.max(initial=0)) < lengths[:, None]
        ids = np.full(inside.shape, self.pad_id, dtype=np.int64)
        if len(places):
            ids[inside] = np.concatenate([self.flat[self.starts[i] : self.starts[i + 1]] for i in places])
        return {
            "input_ids": torch.from_numpy(ids).to(device),
            "attention_mask": torch.from_numpy(inside.astype(np.int64)).to(device),
        }


def tokenise(
    texts: Sequence[str], tokenizer: PreTrainedTokenizerBase, max_tokens: int, check: Callable[[], None] = lambda: None
) -> Tokens:
    """Texts as token ids, truncated to `max_tokens`, special tokens included. `check` is called for each block."""
    flat, lengths = [np.empty(0, dtype=np.int32)], [0]
    with _truncation_restored(tokenizer):
        for start in range(0, len(texts), BLOCK):
            check()
            block = list(texts[start : start + BLOCK])
            parts = tokenizer(block, truncation=True, max_length=max_tokens, return_attention_mask=False)["input_ids"]
            flat.append(np.fromiter(chain.from_iterable(parts), dtype=np.int32))  # lists take ten times the memory
            lengths += map(len, parts)
    return Tokens(np.concatenate(flat), np.cumsum(lengths), int(tokenizer.pad_token_id))


@contextmanager
def _truncation_restored(tokenizer: PreTrainedTokenizerBase) -> Iterator[None]:
    """Restore the tokenizer's truncation settings: else only a run without cached tokens would save it with others."""
    rules = getattr(tokenizer, "backend_tokenizer", None)
    before = rules.truncation if rules is not None else None
    try:
        yield
    finally:
        if rules is not None:
            rules.enable_truncation(**before) if before else rules.no_truncation()


def cached_tokens(
    texts: Sequence[str],
    tokenizer: PreTrainedTokenizerBase,
    max_tokens: int,
    *,
    content_sha256: str,
    check: Callable[[], None] = lambda: None,
) -> Tokens:
    """A dataset's tokens from the workspace's cache, or computed now and stored there for other runs.

    The key is a hash of the texts, the tokenizer and `max_tokens`.
    """
    path = _token_file(tokenizer, max_tokens, content_sha256)
    pad_id, count = int(tokenizer.pad_token_id), len(texts)
    if (kept := _kept_tokens(path, pad_id, count)) is not None:
        return kept
    with exclusive(path, check):
        if (kept := _kept_tokens(path, pad_id, count)) is not None:
            return kept
        tokens = tokenise(texts, tokenizer, max_tokens, check)
        write_arrays(path, {"flat": tokens.flat, "starts": tokens.starts})
    return tokens


def _kept_tokens(path: Path, pad_id: int, count: int) -> Tokens | None:
    """The tokens in a file; None when it is missing or broken: then they are computed again."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            kept = Tokens(stored["flat"], stored["starts"], pad_id)
    except (OSError, ValueError, KeyError, BadZipFile):
        return None
    return kept if len(kept) == count else None


def training_batches(lengths: np.ndarray, *, batch_size: int, seed: int, epoch: int) -> list[np.ndarray]:
    """The rows of each batch of one epoch: a pure function of lengths, batch size, seed and epoch.

    Rows are shuffled, sorted by length within pools of `POOL` batches, split into batches, and the batches shuffled.
    Every row comes once; all batches but at most one are full.
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(lengths))
    pool = POOL * batch_size
    pools = (order[start : start + pool] for start in range(0, len(order), pool))
    by_length = [part[np.argsort(lengths[part], kind="stable")] for part in pools]
    batches = [part[start : start + batch_size] for part in by_length for start in range(0, len(part), batch_size)]
    return [batches[i] for i in rng.permutation(len(batches))]


def prediction_batches(lengths: np.ndarray, *, token_budget: int) -> list[np.ndarray]:
    """All rows in batches of at most `token_budget` padded tokens (at least one row), the longest texts first."""
    order = np.argsort(-lengths, kind="stable")
    batches, start = [], 0
    while start < len(order):
        size = max(1, token_budget // int(lengths[order[start]]))
        batches.append(order[start : start + size])
        start += size
    return batches


def padded_tokens(lengths: np.ndarray, batches: Iterable[np.ndarray]) -> int:
    """How many tokens the batches hold, padding included. Computing time is proportional to it."""
    return sum(len(batch) * int(lengths[batch].max()) for batch in batches)


def _token_file(tokenizer: PreTrainedTokenizerBase, max_tokens: int, content_sha256: str) -> Path:
    rules = getattr(tokenizer, "backend_tokenizer", None)
    described = rules.to_str() if rules is not None else f"{type(tokenizer)} {sorted(tokenizer.get_vocab().items())}"
    key = sha256(f"{content_sha256} {max_tokens} {described}".encode()).hexdigest()[:32]
    return workspace_folder() / "cache" / "tokens" / f"{key}.npz"
