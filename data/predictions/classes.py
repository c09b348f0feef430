"""Which classes are positive, and which class does each output of a classifier stand for?"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from closecall.data.datasets.store import Dataset
from closecall.data.io.errors import UserError
from closecall.data.readers.table import nearest

POSITIVE_WORDS = ("1", "true", "yes", "y", "t", "pos", "positive")
NEGATIVE_WORDS = ("0", "-1", "false", "no", "n", "f", "neg", "negative")


@dataclass(frozen=True)
class Classes:
    """The classes of the labels as written: positive ones, negative ones. `of_dataset`: a known dataset names them."""

    positives: tuple[str, ...]
    negatives: tuple[str, ...]
    of_dataset: bool = False

    @property
    def values(self) -> list[str]:
        """All classes in the order of their numbers: by number where all are numbers, else alphabetically."""
        return sorted((*self.positives, *self.negatives), key=_order((*self.positives, *self.negatives)))

    @property
    def are_plain(self) -> bool:
        """Whether they are a yes and a no, whatever the words: their names are then positive and negative."""
        if len(self.positives) != 1 or len(self.negatives) != 1:
            return False
        return self.negatives[0].casefold() in NEGATIVE_WORDS and self.positives[0].casefold() in POSITIVE_WORDS

    @property
    def names(self) -> dict[str, str]:
        """The name of each class for a dataset."""
        if self.are_plain:
            return {self.positives[0]: "positive", self.negatives[0]: "negative"}
        return {one: one for one in (*self.positives, *self.negatives)}


@dataclass(frozen=True)
class Outputs:
    """What each output of a classifier stands for: is it a positive class, its name, and what was assumed ("")."""

    positive: np.ndarray
    names: tuple[str, ...]
    assumption: str = ""


def plain_label(text: str) -> str:
    """A class as written by tools: `LABEL_1` and `1.0` are 1, upper and lower case are equal."""
    found = re.fullmatch(r"label[_ ](\d+)", text.strip().casefold())
    return found[1] if found else text.strip().removesuffix(".0").casefold()


def choose_positive(
    rows: pd.DataFrame, positive: str | Sequence[str], known: Dataset | None, *, guess: bool
) -> tuple[Classes, list[str]]:
    """The positive and negative classes among the labels of rows, and sentences on what was guessed.

    The meaning comes from the dataset's class names, else from `positive` (classes, or a text with commas), else from
    words such as 1, yes or positive, else, with `guess`, the rarer of two. UserError when it stays unclear.
    """
    counts = rows["label"].value_counts()
    values = [str(value) for value in counts.index]
    if known is not None and set(values) <= {*known.info.negative_classes, *known.info.positive_classes}:
        own = tuple(one for one in known.info.positive_classes if one in values)
        rest = tuple(one for one in known.info.negative_classes if one in values)
        return Classes(own, rest, of_dataset=True), []
    if len(values) < 2:
        raise UserError(f"The label column holds only one value ({values[0]!r}). Predictions need two or more classes.")
    named = _named(positive, values)
    if named:
        return _split(values, named), []
    if len(values) > 2:
        listed = ", ".join(f"{one!r} ({counts[one]:,})" for one in values[:8]) + (" ..." if len(values) > 8 else "")
        rare = rows[(rows["label"] == values[-1]).to_numpy()].iloc[0]
        raise UserError(
            f"The label column holds {len(values)} values: {listed}. Name the positive class, or several with commas. "
            f"The rarest, {values[-1]!r}, is first in {rare['source']}, row {rare['source_row']:,}."
        )
    for negative, one in (values, values[::-1]):
        if one.casefold() in POSITIVE_WORDS and negative.casefold() not in POSITIVE_WORDS:
            return _split(values, [one]), _common_positive(counts, one, negative)
    if not guess:
        listed = " or ".join(map(repr, sorted(values)))
        raise UserError(f"Say which label is the positive class: {listed}.")
    rarer = values[-1]
    return _split(values, [rarer]), [f"The positive class is {rarer!r}, the rarer label ({counts[rarer]:,} rows)."]


def positive_outputs(names: Sequence[str], classes: Classes, *, in_order: bool = True) -> Outputs:
    """Which outputs of a classifier are positive, by their names; `in_order`: their order counts as well.

    1. Names of classes. 2. Words for yes and no. 3. Numbers: output k belongs to class k. 4. Order: as many outputs as
    classes. UserError when none of these says it.
    """
    plain, values = [plain_label(one) for one in names], {plain_label(one): one for one in classes.values}
    positives = {plain_label(one) for one in classes.positives}
    digits = all(one.isdigit() for one in plain)
    by_name = set(values) <= set(plain) or set(plain) <= set(values) or (not digits and positives <= set(plain))
    if by_name and not (classes.of_dataset and digits and not positives <= set(plain)):
        own = [values.get(one, name) for one, name in zip(plain, names, strict=True)]
        return Outputs(np.isin(plain, list(positives)), tuple(own))
    listed = ", ".join(names)
    if len(names) == 2 and {plain[0] in POSITIVE_WORDS, plain[1] in POSITIVE_WORDS} == {True, False} and not digits:
        says = np.array([one in POSITIVE_WORDS for one in plain])
        assumed = f"Output {names[int(says.argmax())]!r} is taken for the positive class {_listed(classes.positives)}."
        return Outputs(says, _pair(says, classes, names), assumed)
    if not digits and not in_order:
        raise UserError(
            f"The scores name the classes {listed}; the labels are {', '.join(classes.values[:8])}. "
            "Write both with the same names, or give the scores as columns in the order of the classes."
        )
    order = [int(one) for one in plain] if digits else list(range(len(names)))
    return _by_number(names, order, classes)


def _by_number(names: Sequence[str], order: Sequence[int], classes: Classes) -> Outputs:
    """Outputs that belong to classes by their numbers."""
    values = classes.values
    if len(names) == 2 and (classes.of_dataset or len(values) != 2) and set(order) == {0, 1}:
        says = np.array([one == 1 for one in order])
        assumed = f"Output 1 is taken for the positive class {_listed(classes.positives)}."
        return Outputs(says, _pair(says, classes, names), assumed)
    if max(order) >= len(values) or len(names) > len(values):
        raise UserError(
            f"There are {len(names)} outputs ({', '.join(names)}) and {len(values)} classes ({', '.join(values[:8])}). "
            "Name the columns by the classes."
        )
    own = [values[one] for one in order]
    pairs = ", ".join(f"{name} is {value}" for name, value in zip(names, own, strict=True))
    assumed = f"Outputs are taken in the order of the classes: {pairs}."
    return Outputs(np.isin(own, classes.positives), tuple(own), assumed)


def _pair(says: np.ndarray, classes: Classes, names: Sequence[str]) -> tuple[str, ...]:
    """The names of a negative and a positive output: those of the classes where there is one of each."""
    one_each = len(classes.positives) == len(classes.negatives) == 1
    own = (classes.positives[0], classes.negatives[0]) if one_each else ("", "")
    return tuple((own[0] if is_positive else own[1]) or name for is_positive, name in zip(says, names, strict=True))


def _named(positive: str | Sequence[str], values: Sequence[str]) -> list[str]:
    """The labels that a person named as positive. A text is one label, or several with commas."""
    folded = {plain_label(one): one for one in values}
    wanted = [positive] if isinstance(positive, str) else list(positive)
    if len(wanted) == 1 and plain_label(wanted[0]) not in folded:
        wanted = wanted[0].split(",")
    found = []
    for one in filter(None, (text.strip() for text in wanted)):
        exact = one if one in values else folded.get(plain_label(one))
        if exact is None:
            listed = ", ".join(map(repr, values[:8]))
            raise UserError(f"No label is {one!r}{nearest(one, list(values))} The labels are {listed}.")
        found.append(exact)
    return list(dict.fromkeys(found))


def _split(values: Sequence[str], positives: Sequence[str]) -> Classes:
    negatives = tuple(one for one in values if one not in positives)
    if not negatives:
        raise UserError("All labels are named as positive. Name only the rare class or classes.")
    return Classes(tuple(positives), negatives)


def _common_positive(counts: pd.Series, positive: str, negative: str) -> list[str]:
    """A doubt where the positive class is the common one."""
    share = counts[positive] / counts.sum()
    if share <= 0.5:
        return []
    return [
        f"The positive class {positive!r} is the common one ({100 * share:.1f} %). If {negative!r} is the class of "
        "interest, name it as the positive class."
    ]


def _listed(classes: Sequence[str]) -> str:
    return ", ".join(map(repr, classes))


def _order(values: Sequence[str]) -> "type[float] | type[str]":
    try:
        _ = [float(one) for one in values]
    except ValueError:
        return str
    return float
