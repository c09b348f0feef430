"""Which output of somebody's classifier is the positive class?"""

from dataclasses import dataclass
from typing import Any

from closecall.data.datasets.store import DatasetInfo

PLAIN_NAMES = ({"negative", "neg"}, {"positive", "pos"})


@dataclass(frozen=True)
class PositiveOutput:
    """The positive output's index and name, and what had to be assumed ("" when its name shows it)."""

    index: int
    name: str
    assumption: str = ""


def positive_output(config: Any, info: DatasetInfo) -> PositiveOutput:
    """Match a config's `id2label` with the dataset's class names, then with "positive" and "negative".

    Upper and lower case, spaces, hyphens and points do not matter. When the names do not tell, output 1 is taken, and
    the assumption says so.
    """
    names = [str(config.id2label.get(index, config.id2label.get(str(index), ""))) for index in (0, 1)]
    own = ({_plain(name) for name in info.negative_classes}, {_plain(name) for name in info.positive_classes})
    for known in (own, PLAIN_NAMES):
        index = _positive_index([_plain(name) for name in names], *known)
        if index is not None:
            return PositiveOutput(index, names[index])
    assumed = f"The outputs are named {names[0]} and {names[1]}, not as the classes are"
    return PositiveOutput(1, names[1], f"{assumed}: the second is taken as positive.")


def _positive_index(names: list[str], negative: set[str], positive: set[str]) -> int | None:
    """0 or 1 when the names say so without contradiction."""
    votes = {i for i in (0, 1) if names[i] in positive - negative} | {
        1 - i for i in (0, 1) if names[i] in negative - positive
    }
    return votes.pop() if len(votes) == 1 else None


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())
