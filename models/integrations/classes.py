"""Which labels are positive, what the classes are named, and which output of the model is the positive class."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from closecall.data.io.errors import UserError
from closecall.models.encoders.label_mapping import MULTI_LABEL, REGRESSION, PositiveOutput, class_logits
from closecall.models.integrations.splits import Split


@dataclass(frozen=True)
class Classes:
    """The class names by label value, the positive label value, and the index of its output.

    `outputs` is the number of outputs of the model; 1 stands for one log-odds of the label 1.
    """

    names: dict[Any, str]
    positive: Any
    output: int
    outputs: int

    @property
    def positive_name(self) -> str:
        return self.names[self.positive]

    @property
    def negative_names(self) -> tuple[str, ...]:
        return tuple(name for value, name in self.names.items() if value != self.positive)

    @property
    def positive_output(self) -> PositiveOutput | None:
        """What metrics.json says of the outputs; None when the only output is the log-odds of the negative class."""
        alone = self.outputs == 1
        if alone and self.output == 0:
            return None
        return PositiveOutput((0,) if alone else (self.output,), self.positive_name, self.outputs, alone)

    def two_logits(self, logits: np.ndarray) -> np.ndarray:
        """The logits of the negative and of the positive class (n x 2) from those of all outputs (n x outputs).

        As `label_mapping.class_logits`, in float64: the difference of both is the log-odds. With one output that is a
        log-odds of the label 1; where the label 0 is positive, its sign changes.
        """
        alone = self.outputs == 1
        pair = class_logits(np.asarray(logits, dtype=np.float64), (0,) if alone else (self.output,), alone)
        return pair[:, ::-1] if alone and self.output == 0 else pair


def find_classes(splits: Sequence[Split], config: Any, outputs: int, positive: str | int) -> Classes:
    """The classes of some splits. Names come from `ClassLabel`, else the model's `id2label`, else the labels.

    `positive` is a name or a label value. UserError when it is not a class or has no output in the model.
    """
    _check_problem(config)
    values = sorted({value for split in splits for value in split.labels if value is not None}, key=str)
    if any(value is None for split in splits for value in split.labels):
        raise UserError("Some examples have no label. Leave them out of the datasets of the callback.")
    numbers = all(_is_whole(value) for value in values)
    if not numbers and not all(isinstance(value, str) for value in values):
        raise UserError(f"Labels must be whole numbers or names; one is {values[0]!r}. Name the column: label=...")
    given = next((split.class_names for split in splits if split.class_names), ())
    names = _numbered_names(values, given, config) if numbers else {value: value for value in values}
    chosen = _positive_value(names, positive)
    return Classes(names, chosen, _output(chosen, outputs, numbers, config), outputs)


def _is_whole(value: Any) -> bool:
    return not isinstance(value, str) and isinstance(value, int | float) and float(value).is_integer()


def _check_problem(config: Any) -> None:
    kind = getattr(config, "problem_type", None)
    if kind in (MULTI_LABEL, REGRESSION):
        raise UserError(f"The model's problem_type is {kind}. A classifier of one label for each text is needed.")


def _numbered_names(values: Sequence[Any], given: Sequence[str], config: Any) -> dict[Any, str]:
    """A name for each number that is used as a label."""
    own = {int(key): str(name) for key, name in (getattr(config, "id2label", None) or {}).items()}
    default = all(name == f"LABEL_{key}" for key, name in own.items())
    known = dict(enumerate(given)) or ({} if default else own)
    return {int(value): known.get(int(value), str(int(value))) for value in sorted(values)}


def _positive_value(names: dict[Any, str], positive: str | int) -> Any:
    wanted = str(int(positive)) if isinstance(positive, int) else positive.strip()
    for matches in (
        [value for value in names if not isinstance(positive, str) and value == positive],
        [value for value, name in names.items() if name == wanted],
        [value for value, name in names.items() if name.casefold() == wanted.casefold()],
        [value for value in names if str(value) == wanted],
    ):
        if len(matches) == 1:
            return matches[0]
    raise UserError(f"No class is {positive!r}. The classes are {', '.join(map(str, names.values()))}.")


def _output(value: Any, outputs: int, numbers: bool, config: Any) -> int:
    """The index of the output of a label value."""
    label2id = getattr(config, "label2id", None) or {}
    if not numbers and value not in label2id:
        raise UserError(
            f"The labels are names, and the model's label2id does not have {value!r}. "
            "Set label2id in the model's config, or name a column of label numbers."
        )
    index = int(value) if numbers else int(label2id[value])
    if not 0 <= index < max(2, outputs):
        raise UserError(f"The positive label is number {index}, but the model has {outputs} outputs.")
    return index
