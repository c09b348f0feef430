"""Read datasets with the script's own model and collate function, without disturbing the training."""

import copy
import inspect
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from accelerate.utils import gather_object
from torch import nn
from torch.utils.data import DataLoader
from transformers import DataCollatorWithPadding, default_data_collator

from closecall.data.io.errors import UserError
from closecall.models.encoders.inference import InferenceResult, mean_pooled
from closecall.models.integrations.splits import Split, column_names

LENGTHS = 5_000
LABELS = ("labels", "label", "label_ids")
MAX_TOKENS = 512
"""The most tokens of a text when neither the script nor the tokenizer has a limit."""


@dataclass(frozen=True)
class Reader:
    """How the script reads: its collate function, its evaluation batch size, its device and its processes."""

    collate: Callable[[list[Any]], Any]
    batch_size: int
    device: torch.device
    process: int = 0
    processes: int = 1

    def read(self, model: nn.Module, rows: Any, places: np.ndarray, *, embed: bool = False) -> InferenceResult:
        """Logits (n x outputs) and embeddings of the rows at `places`, in this order; the same in every process.

        Batches are consecutive places, as in `Trainer.predict`. Process i of n reads every n-th batch. All processes
        must call this. Embeddings are None unless asked for and when the model has no encoder part.
        """
        batches = [places[start : start + self.batch_size] for start in range(0, len(places), self.batch_size)]
        mine = range(self.process, len(batches), self.processes)
        with undisturbed(model):
            loader = DataLoader(
                rows,
                batch_sampler=[batches[number].tolist() for number in mine],
                collate_fn=self.collate,
                generator=torch.Generator(),  # the default one belongs to the training
            )
            own = [(number, *self._forward(model, batch, embed)) for number, batch in zip(mine, loader, strict=True)]
        parts = gather_object(own) if self.processes > 1 else own
        parts.sort(key=lambda part: part[0])
        pooled = [part[2] for part in parts if part[2] is not None]
        whole = len(pooled) == len(parts)
        return InferenceResult(np.concatenate([part[1] for part in parts]), np.concatenate(pooled) if whole else None)

    def first_batch(self, model: nn.Module, rows: Any) -> np.ndarray:
        """The logits of the first rows, in this process alone: an early test of collate function and model."""
        one = Reader(self.collate, self.batch_size, self.device)
        logits = one.read(model, rows, np.arange(min(len(rows), 2))).logits
        assert logits is not None
        return logits

    def _forward(self, model: nn.Module, batch: Any, embed: bool) -> tuple[np.ndarray, np.ndarray | None]:
        inputs = {
            name: value.to(self.device) if isinstance(value, torch.Tensor) else value
            for name, value in dict(batch).items()
            if name not in LABELS
        }
        with _last_hidden_state(encoder_of(model) if embed else None) as hidden:
            output = model(**inputs)
        logits = output["logits"] if isinstance(output, dict) else output[0] if isinstance(output, tuple) else output
        scores = logits.float().cpu().numpy()
        return scores.reshape(len(scores), -1), _pooled(hidden, inputs.get("attention_mask"))


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Evaluation without gradients; afterwards each module's mode and all random states are as before."""
    modes = [(module, module.training) for module in model.modules()]
    with kept_random_states():
        model.eval()
        try:
            with torch.no_grad():  # tensors made in inference mode could not be used in training
                yield
        finally:
            for module, training in modes:
                module.training = training


@contextmanager
def kept_random_states() -> Iterator[None]:
    """Restore the random states of Python, numpy and torch, on the processor and on GPUs."""
    of_python, of_numpy, of_torch = random.getstate(), np.random.get_state(), torch.get_rng_state()
    of_gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    try:
        yield
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)
        torch.set_rng_state(of_torch)
        if of_gpus:
            torch.cuda.set_rng_state_all(of_gpus)


def plain_model(model: nn.Module) -> nn.Module:
    """The model inside a PEFT wrapper, or the model itself."""
    return model.get_base_model() if hasattr(model, "peft_config") else model  # type: ignore[operator, return-value]


def encoder_of(model: nn.Module) -> nn.Module | None:
    """The encoder part of a transformers classifier, None when the model has none."""
    inner = plain_model(model)
    encoder = getattr(inner, "base_model", None)
    return encoder if isinstance(encoder, nn.Module) and encoder is not inner else None


@contextmanager
def _last_hidden_state(encoder: nn.Module | None) -> Iterator[list[torch.Tensor]]:
    """A list that gets the encoder's last hidden states in its next forward pass."""
    found: list[torch.Tensor] = []
    if encoder is None:
        yield found
        return
    hook = encoder.register_forward_hook(lambda module, given, output: found.append(output[0]))
    try:
        yield found
    finally:
        hook.remove()


def _pooled(hidden: list[torch.Tensor], mask: torch.Tensor | None) -> np.ndarray | None:
    """Embeddings as of `encoders.inference`; None for hidden states that do not belong to the tokens."""
    if not hidden or hidden[0].ndim != 3:
        return None
    inside = torch.ones(hidden[0].shape[:2], device=hidden[0].device) if mask is None else mask
    if inside.shape != hidden[0].shape[:2]:  # a prompt was put before the tokens
        return None
    return mean_pooled(hidden[0].float(), inside).cpu().numpy()


class TokenisedTexts:
    """The rows of texts that the script has not tokenised, tokenised batch by batch."""

    def __init__(self, texts: Sequence[str], tokenizer: Any, max_tokens: int) -> None:
        self._texts, self._max_tokens = texts, max_tokens
        self._tokenizer = copy.deepcopy(tokenizer)  # a call changes the truncation that is saved with it

    def __len__(self) -> int:
        return len(self._texts)

    def __getitem__(self, place: int) -> dict[str, Any]:
        return self.__getitems__([place])[0]

    def __getitems__(self, places: Sequence[int]) -> list[dict[str, Any]]:
        texts = [self._texts[place] for place in places]
        columns = self._tokenizer(texts, truncation=True, max_length=self._max_tokens)
        return [{name: values[row] for name, values in columns.items()} for row in range(len(texts))]


@dataclass(frozen=True)
class Inputs:
    """The rows of each split for the collate function, that function, and how many tokens of a text are read."""

    rows: dict[str, Any]
    collate: Callable[[list[Any]], Any]
    max_tokens: int


def make_inputs(
    splits: Sequence[Split],
    model: nn.Module,
    *,
    remove_unused: bool,
    collate: Callable[[list[Any]], Any] | None,
    tokenizer: Any,
    max_tokens: int | None,
) -> Inputs:
    """What the script's collate function takes, for each split.

    Rows that are tokenised keep the columns that the model's forward takes, as in the Trainer; with
    `remove_unused_columns=False` they keep all. Others are tokenised, at most `max_tokens` a text.
    """
    if not remove_unused or "input_ids" in column_names(splits[0].rows, splits[0].rows):
        taken = set(inspect.signature(plain_model(model).forward).parameters) | set(LABELS)
        rows = {one.name: _kept_columns(one, taken) if remove_unused else one.rows for one in splits}
        return Inputs(rows, collate or default_data_collator, max_tokens or _longest(splits))
    if tokenizer is None:
        raise UserError(
            "The datasets are not tokenised, and the Trainer has no processing_class. "
            "Give tokenised datasets, or tokenizer=... to the callback."
        )
    limit = max_tokens or min(MAX_TOKENS, _positions(model), tokenizer.model_max_length or MAX_TOKENS)
    rows = {one.name: TokenisedTexts(one.texts, tokenizer, limit) for one in splits}
    padding = None if collate is default_data_collator else collate
    return Inputs(rows, padding or DataCollatorWithPadding(tokenizer), limit)


def _positions(model: nn.Module) -> int:
    return getattr(getattr(model, "config", None), "max_position_embeddings", None) or MAX_TOKENS


def _kept_columns(split: Split, taken: set[str]) -> Any:
    """The rows with the columns that the model takes; labels that are names are left out too."""
    names = column_names(split.rows, split.rows)
    kept = [name for name in names if name in taken and not (name in LABELS and isinstance(split.rows[0][name], str))]
    if hasattr(split.rows, "select_columns"):
        return split.rows.select_columns(kept)
    return [{name: split.rows[place][name] for name in kept} for place in range(len(split))]


def _longest(splits: Sequence[Split]) -> int:
    """The most tokens of a row among the first `LENGTHS` of each split: texts that were cut have as many."""
    tokenised = [one for one in splits if "input_ids" in column_names(one.rows, one.rows)]
    lengths = [len(one.rows[place]["input_ids"]) for one in tokenised for place in range(min(len(one), LENGTHS))]
    return max(lengths, default=MAX_TOKENS)
