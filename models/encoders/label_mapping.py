"""Which outputs of somebody's classifier are the positive class, and the log-odds of that class from its outputs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from closecall.data.datasets.store import DatasetInfo
from closecall.data.io.errors import UserError
from closecall.data.predictions.classes import POSITIVE_WORDS

PLAIN_NAMES = ({"negative", "neg"}, {"positive", "pos"})
MULTI_LABEL = "multi_label_classification"
REGRESSION = "regression"
SHOWN_NAMES = 12


@dataclass(frozen=True)
class PositiveOutput:
    """The positive outputs of a classifier, and how its outputs become a probability.

    `indices` are the outputs that count as positive, of `outputs`. With `sigmoid` each output is a log-odds of its own;
    otherwise a softmax runs over all of them. `assumption` is what had to be assumed, "" when names decide.
    """

    indices: tuple[int, ...]
    name: str
    outputs: int = 2
    sigmoid: bool = False
    assumption: str = ""


def positive_output(config: Any, info: DatasetInfo, chosen: Sequence[str] = ()) -> PositiveOutput:
    """The positive outputs by `chosen` names or indices, else by the names in a config's `id2label`.

    `config` has `id2label` and `problem_type`. Names are compared with the dataset's classes, then with "positive" and
    "negative"; case, spaces, hyphens and points do not matter. `LABEL_1` is the class 1. Of two outputs with other
    names the one that is a word for yes is taken, else the second, and the assumption says so. UserError when more
    outputs leave it open, when a chosen one does not exist, and for a regression.
    """
    named = sorted((int(index), str(name)) for index, name in (config.id2label or {}).items())
    names = [name for _, name in named] or ["", ""]
    kind = getattr(config, "problem_type", None)
    if kind == REGRESSION:
        raise UserError(
            "The classifier was trained as a regression (problem_type in its config.json): its output is no log-odds. "
            "Import its predictions as a table: closecall import-predictions."
        )
    if len(names) == 1:
        return _only_output(names[0], chosen)
    sigmoid = kind == MULTI_LABEL
    indices = _chosen_outputs(chosen, names) if chosen else _named_outputs(names, info, sigmoid)
    if sigmoid and len(indices) > 1:
        raise UserError(f"The classifier decides on each of its {len(names)} labels alone: name one with --positive.")
    if indices:
        return PositiveOutput(indices, " + ".join(names[i] for i in indices), len(names), sigmoid)
    if len(names) > 2:
        raise UserError(
            f"The classifier has {len(names)} outputs ({_listed(names)}), and none is named as the positive class. "
            "Name the positive ones: --positive NAME or --positive NUMBER, from 0."
        )
    said = [index for index, name in enumerate(names) if _says_yes(name)]
    taken, which = (said[0], names[said[0]]) if len(said) == 1 else (1, "the second")
    assumed = f"The outputs are named {' and '.join(names)}, not as the classes are: {which} is taken as positive."
    return PositiveOutput((taken,), names[taken], 2, sigmoid, assumed)


def class_logits(logits: np.ndarray, indices: Sequence[int], sigmoid: bool = False) -> np.ndarray:
    """The logits of the negative and the positive class (n x 2) from a classifier's outputs (n x K).

    Softmax: ln sum exp over the outputs of each class, so that the softmax of the two is the sum of the probabilities;
    with two outputs they are unchanged. Sigmoid: -z/2 and z/2, whose difference is the output z itself.
    """
    if sigmoid or logits.shape[1] == 1:
        half = logits[:, indices[0]] / 2
        return np.stack([-half, half], axis=1)
    positive = np.isin(np.arange(logits.shape[1]), indices)
    return np.stack([_log_sum(logits[:, ~positive]), _log_sum(logits[:, positive])], axis=1)


def log_odds(logits: np.ndarray, indices: Sequence[int], sigmoid: bool = False) -> np.ndarray:
    """The log-odds of the positive class (n, float64) from a classifier's outputs (n x K); see `class_logits`."""
    pair = class_logits(logits, indices, sigmoid).astype(np.float64)
    return np.asarray(pair[:, 1] - pair[:, 0])


def _log_sum(logits: np.ndarray) -> np.ndarray:
    """ln sum exp over each row (n), the row itself when there is one column."""
    top = logits.max(axis=1, keepdims=True)
    return np.asarray((top + np.log(np.exp(logits - top).sum(axis=1, keepdims=True)))[:, 0])


def _only_output(name: str, chosen: Sequence[str]) -> PositiveOutput:
    """The rule for one output: it is a log-odds. UserError when another one was chosen."""
    if chosen:
        _chosen_outputs(chosen, [name])
    assumed = f"The classifier has one output, {name}: it is taken as the log-odds of the positive class (sigmoid)."
    return PositiveOutput((0,), name, 1, True, assumed)


def _chosen_outputs(chosen: Sequence[str], names: list[str]) -> tuple[int, ...]:
    """The outputs by name, or by index where no output has that name. UserError for one that does not exist."""
    plain, found = [_plain(name) for name in names], set()
    for one in chosen:
        if _plain(one) in plain:
            found.add(plain.index(_plain(one)))
        elif one.strip().isdecimal() and int(one) < len(names):
            found.add(int(one))
        else:
            raise UserError(f"The classifier has no output {one}. Its outputs are {_listed(names)}.")
    if len(found) == len(names) > 1:
        raise UserError("Every output was named as positive: leave at least one as negative.")
    return tuple(sorted(found))


def _named_outputs(names: list[str], info: DatasetInfo, sigmoid: bool) -> tuple[int, ...]:
    """The outputs that are named as a positive class; of two under a softmax, also the one beside a negative class."""
    negatives, positives = info.negative_classes, info.positive_classes
    own = {_plain(name) for name in negatives}, {_plain(name) for name in positives}
    plain = [_plain(name) for name in names]
    found: tuple[int, ...]
    for negative, positive in (own, (_numbered(negatives), _numbered(positives)), PLAIN_NAMES):
        if len(names) == 2 and not sigmoid:
            index = _positive_index(plain, negative, positive)
            found = () if index is None else (index,)
        else:
            found = tuple(i for i, name in enumerate(plain) if name in positive - negative)
        if found and len(set(plain)) == len(plain):
            return found
    return ()


def _numbered(classes: Sequence[str]) -> set[str]:
    """The names that transformers gives to the outputs of classes that are numbers: class 1 is LABEL_1."""
    numbers = (name.strip().removesuffix(".0") for name in classes)
    return {f"label{int(name)}" for name in numbers if name.isdecimal()}


def _positive_index(names: list[str], negative: set[str], positive: set[str]) -> int | None:
    """0 or 1 when the names say so without contradiction."""
    votes = {i for i in (0, 1) if names[i] in positive - negative} | {
        1 - i for i in (0, 1) if names[i] in negative - positive
    }
    return votes.pop() if len(votes) == 1 else None


def _says_yes(name: str) -> bool:
    """Whether the name is a word for yes, as in imported predictions; a number is none."""
    return name.strip().casefold() in POSITIVE_WORDS and not name.strip().isdecimal()


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:SHOWN_NAMES])
    return shown if len(names) <= SHOWN_NAMES else f"{shown} and {len(names) - SHOWN_NAMES} more"
