"""The hidden states of texts after an encoder's frozen layers, computed once for all previews.

The frozen layers give the same states for a text at every ratio and in every epoch. With these on disk, training the
last layer alone costs a small part of training all layers. The states are stored in the workspace's cache by content,
16 bits a number, in parts that worker processes compute in parallel. They are removed when the scheduler ends.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from closecall.data.experiments.previews import hidden_states_folder
from closecall.data.io.errors import UserError
from closecall.data.io.files import write_array
from closecall.data.io.workspace import workspace_folder
from closecall.models.encoders.fast_forward import fits
from closecall.models.encoders.inference import forward_batches, run_inference
from closecall.models.encoders.loading import load_classifier, weights_fingerprint
from closecall.models.encoders.tokenization import Tokens
from closecall.models.runtime.locks import make_cooperatively
from closecall.models.runtime.progress import ProgressReporter

TRAINED_LAYERS = 1
MOST_BYTES = 4_000_000_000
FEWEST_TOKENS = 16
PART_BATCHES = 6
"""Batches of a part: some seconds of work."""
PADDING = -1
"""The id of a position without a state."""
LARGEST = 65504.0
"""The largest number of 16 bits."""


@dataclass(frozen=True)
class HiddenStateCache:
    """The outputs of the frozen layers for n texts. Text i has index i everywhere.

    The "ids" in `tokens` are indices of hidden states. `states` holds these in parts; part k starts at index
    `begins[k]`. `embeddings` (n x hidden) are those of the frozen encoder, after all its layers.
    """

    tokens: Tokens
    embeddings: np.ndarray
    states: tuple[np.ndarray, ...]
    begins: np.ndarray


def frozen_layers(model: Any) -> tuple[int, int]:
    """How many of a classifier's layers a preview leaves frozen, and how many there are; (0, 0) for other types."""
    if not fits(model):
        return 0, 0
    layers = len(model.base_model.encoder.layer)
    return max(0, layers - TRAINED_LAYERS), layers


def truncated_to_fit(tokens: Tokens, places: np.ndarray, *, hidden: int, room: int) -> Tokens:
    """The texts, truncated so that the states of those at `places` take at most `room` bytes; the last token is kept.

    UserError when fewer than `FEWEST_TOKENS` tokens of a text would be left.
    """
    lengths = tokens.lengths
    most = int(lengths.max(initial=0))
    while most >= FEWEST_TOKENS and int(np.minimum(lengths[places], most).sum()) * hidden * 2 > room:
        most -= 1
    if most >= lengths.max(initial=0):
        return tokens
    if most < FEWEST_TOKENS:
        raise UserError(
            f"A preview of {len(places):,} texts needs more than {room / 1e9:.1f} GB of disk space. The runs do not "
            "need it and continue."
        )
    kept = np.minimum(lengths, most)
    ends, starts = np.cumsum(kept), tokens.starts
    inside = np.arange(len(tokens.flat)) - np.repeat(starts[:-1], lengths) < np.repeat(kept, lengths)
    flat = tokens.flat[inside]
    flat[ends - 1] = tokens.flat[starts[1:] - 1]  # the separator
    return Tokens(flat, np.concatenate([[0], ends]), tokens.pad_id)


def cache_budget() -> int:
    """Bytes that states may take: at most half of what is free on the disk."""
    return min(MOST_BYTES, shutil.disk_usage(workspace_folder()).free // 2)


def cached_hidden_states(
    tokens: Tokens, places: np.ndarray, encoder: str, device: torch.device, reporter: ProgressReporter
) -> HiddenStateCache:
    """The hidden states of the texts at `places`, from the cache, or computed together with other processes.

    For a model of another type than BERT there are only embeddings and no states.
    """
    batches = forward_batches(tokens, places, device.type)
    groups = [np.concatenate(batches[start : start + PART_BATCHES]) for start in range(0, len(batches), PART_BATCHES)]
    folder = _folder(tokens, places, encoder, device)
    files = [folder / f"embeddings-{number}.npy" for number in range(len(groups))]
    writer = _PartWriter(encoder, tokens, device, reporter)
    with reporter.phase("embedding", steps=len(batches)):
        make_cooperatively(files, lambda number: writer.write(places[groups[number]], folder, number), reporter.check)
    states = [folder / f"states-{number}.npy" for number in range(len(groups))]
    kept = tuple(np.load(file, mmap_mode="r") for file in states if file.exists())
    order = np.concatenate(groups)
    lengths = tokens.lengths[places]
    begins, rows = np.empty_like(lengths), np.concatenate([np.load(file) for file in files])
    begins[order] = np.cumsum(lengths[order]) - lengths[order]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    flat = np.arange(starts[-1]) + np.repeat(begins - starts[:-1], lengths)
    embeddings = np.empty_like(rows)
    embeddings[order] = rows
    return HiddenStateCache(Tokens(flat, starts, PADDING), embeddings, kept, np.cumsum([0, *map(len, kept[:-1])]))


def remove_frozen_layers(model: Any, cache: HiddenStateCache) -> None:
    """Remove the frozen layers of a classifier, in place: its inputs are then indices of cached hidden states.

    See `_CachedStates` for the input of its head.
    """
    depth, _ = frozen_layers(model)
    model.base_model.encoder.layer = model.base_model.encoder.layer[depth:]
    model.base_model.embeddings = _CachedStates(cache).to(model.device)


class _CachedStates(nn.Module):
    """Replaces a model's embedding layer by cached states; the first token's state is their mean.

    The head uses the first token. In a pretrained encoder its state holds little information on the text, and one
    trained layer is too little to change that. The mean holds that of the encoder's embedding from the start.
    """

    def __init__(self, cache: HiddenStateCache) -> None:
        super().__init__()
        self._states, self._begins = cache.states, cache.begins

    def forward(self, input_ids: torch.Tensor, **rest: Any) -> torch.Tensor:
        wanted = input_ids.cpu().numpy().ravel().clip(0)
        found = np.empty((len(wanted), self._states[0].shape[1]), np.float16)
        parts = np.searchsorted(self._begins, wanted, side="right") - 1
        for part in np.unique(parts):
            here = parts == part
            found[here] = self._states[part][wanted[here] - self._begins[part]]
        states = torch.from_numpy(found).view(*input_ids.shape, -1).to(input_ids.device, torch.float32)
        inside = (input_ids != PADDING).unsqueeze(-1)
        states[:, 0] = (states * inside).sum(1) / inside.sum(1)
        return states


class _PartWriter:
    """Writes parts of the cache; loads the encoder when the first part is missing."""

    def __init__(self, encoder: str, tokens: Tokens, device: torch.device, reporter: ProgressReporter) -> None:
        self._encoder, self._tokens, self._device, self._reporter = encoder, tokens, device, reporter
        self._model: Any = None
        self._batches = 0

    def write(self, places: np.ndarray, folder: Path, number: int) -> None:
        """Write a part: the states, concatenated, then the embeddings, whose file marks the part as complete."""
        if self._model is None:
            self._model = load_classifier(self._encoder, seed=0).to(self._device)  # type: ignore[arg-type]
        outputs: list[torch.Tensor] = []
        with self._states_added_to(outputs):
            embeddings = run_inference(self._model, self._tokens, places, score=False, on_batch=self._count).embeddings
        assert embeddings is not None
        if outputs:
            write_array(folder / f"states-{number}.npy", self._in_order(outputs, places))
        write_array(folder / f"embeddings-{number}.npy", embeddings)

    @contextmanager
    def _states_added_to(self, outputs: list[torch.Tensor]) -> Iterator[None]:
        """Within, the states after the frozen layers of each batch are added to `outputs`; none for other types."""
        if not fits(self._model):
            yield
            return
        depth, _ = frozen_layers(self._model)
        base = self._model.base_model
        module: nn.Module = base.encoder.layer[depth - 1] if depth else base.embeddings
        hook = module.register_forward_hook(lambda module, given, output: outputs.append(_stored(output)))
        try:
            yield
        finally:
            hook.remove()

    def _in_order(self, outputs: list[torch.Tensor], places: np.ndarray) -> np.ndarray:
        """The states of the texts at `places`, concatenated, from those of the batches."""
        found: dict[int, np.ndarray] = {}
        batches = forward_batches(self._tokens, places, self._device.type)
        for rows, states in zip(batches, outputs, strict=True):
            for row, state in zip(rows.tolist(), states.numpy(), strict=True):
                found[row] = state[: self._tokens.lengths[places[row]]]
        return np.concatenate([found[row] for row in range(len(places))])

    def _count(self, number: int, tokens: int, examples: int) -> None:
        self._batches += 1
        self._reporter.advance("forward", tokens=tokens, examples=examples, step=self._batches)


def _stored(output: Any) -> torch.Tensor:
    states = output[0] if isinstance(output, tuple) else output
    return states.float().clamp(-LARGEST, LARGEST).to("cpu", torch.float16)


def _folder(tokens: Tokens, places: np.ndarray, encoder: str, device: torch.device) -> Path:
    """The folder of a cache: a hash of the texts' tokens and the weights."""
    digest = sha256(f"{weights_fingerprint(encoder)} {TRAINED_LAYERS} {PART_BATCHES} {device.type}".encode())
    digest.update(tokens.lengths[places].tobytes())
    for place in places:
        digest.update(tokens.flat[tokens.starts[place] : tokens.starts[place + 1]].tobytes())
    return hidden_states_folder() / digest.hexdigest()[:32]
