"""One cause of misses is planted in a set of real texts, in known test positives."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from benchmarks.causes.pools import Pool
from closecall.analysis.causes.misses import NOT_READ, NOT_SIMILAR, OVERLAP, SUSPECT

FLIPPED = 0.05
"""Share of the test labels that are flipped, in each class."""
HIDDEN, NEUTRAL = 0.1, 200
"""Share of the test texts of each class that begin with 200 neutral words."""
OTHER_KIND = 0.2
"""Share of the test positives that are of a kind without a training positive."""
MIXED = 0.2
"""Share of the texts of each class, in every split, that are half a text of the other class."""
COPIED = 0.1
"""Share of the test texts with a copy in training, one word changed."""
FEW = 30
"""Training positives when they are shrunk."""


@dataclass(frozen=True)
class Sizes:
    """How many texts of each class and split are drawn."""

    train: tuple[int, int] = (200, 2_000)
    validation: tuple[int, int] = (60, 180)
    test: tuple[int, int] = (350, 900)


@dataclass(frozen=True)
class Planted:
    """Examples (id, text, label, split) and the ids of the test examples in which the cause was planted.

    `cause`: the key of the cause that should be found, "" for none. `before`: by id, the text without the planting.
    """

    kind: str
    cause: str
    examples: pd.DataFrame
    planted: tuple[str, ...] = ()
    before: dict[str, str] = field(default_factory=dict)


def draw(pool: Pool, rng: np.random.Generator, sizes: Sizes = Sizes()) -> pd.DataFrame:
    """Random texts of the pool, none twice: id, text, label, split."""
    parts = []
    for place, (label, texts) in enumerate(((1, pool.positives), (0, pool.negatives))):
        counts = [sizes.train[place], sizes.validation[place], sizes.test[place]]
        chosen = rng.choice(len(texts), sum(counts), replace=False)
        splits = np.repeat(["train", "validation", "test"], counts)
        parts.append(pd.DataFrame({"text": texts[chosen], "label": label, "split": splits}))
    examples = pd.concat(parts, ignore_index=True)
    examples.insert(0, "id", [f"e{row:05d}" for row in range(len(examples))])
    return examples


def plant(kind: str, pool: Pool, seed: int, sizes: Sizes = Sizes()) -> Planted:
    """Draw texts and plant one of PLANTINGS. The same seed draws the same texts for every kind."""
    examples = draw(pool, np.random.default_rng(seed), sizes)
    cause, function = PLANTINGS[kind]
    planted = function(Planted(kind, cause, examples), pool, np.random.default_rng([seed, 1]))
    examples = planted.examples.reset_index(drop=True).astype({"label": "int8"})
    return replace(planted, examples=examples)


def flipped_labels(base: Planted, pool: Pool, rng: np.random.Generator) -> Planted:
    """Planted: the test negatives that are labelled positive. As large a share of test positives is flipped too."""
    examples = base.examples.copy()
    flipped = [_some(examples, rng, "test", label, FLIPPED) for label in (1, 0)]
    for rows in flipped:
        examples.loc[rows, "label"] = 1 - examples.loc[rows, "label"]
    return _with(base, examples, flipped[1])


def hidden_evidence(base: Planted, pool: Pool, rng: np.random.Generator) -> Planted:
    """Planted: test positives behind 200 neutral words. As large a share of test negatives is behind them too."""
    examples, words = base.examples.copy(), neutral_words(base.examples)
    rows = [_some(examples, rng, "test", label, HIDDEN) for label in (1, 0)]
    for row in np.concatenate(rows):
        examples.loc[row, "text"] = " ".join([*rng.choice(words, NEUTRAL), examples.loc[row, "text"]])
    return _with_texts(base, examples, rows[0])


def second_kind(base: Planted, pool: Pool, rng: np.random.Generator) -> Planted:
    """Planted: test positives of another newsgroup, of which no positive is in training or validation."""
    examples = base.examples.copy()
    rows = _some(examples, rng, "test", 1, OTHER_KIND)
    texts = pool.others[rng.choice(sorted(pool.others))]
    examples.loc[rows, "text"] = rng.choice(texts, len(rows), replace=False)
    return _with(base, examples, rows)


def half_of_each(base: Planted, pool: Pool, rng: np.random.Generator) -> Planted:
    """Planted: test positives that are half a negative. Such texts of both labels are in every split."""
    examples, planted = base.examples.copy(), np.empty(0, dtype=np.int64)
    for split in ("train", "validation", "test"):
        own, others = (_some(examples, rng, split, label, MIXED) for label in (1, 0))
        pairs = list(zip(own, rng.choice(others, len(own)), strict=True))
        mixed = {row: _mixed(examples, row, other, rng) for row, other in pairs}
        mixed |= {
            row: _mixed(examples, row, other, rng)
            for row, other in zip(others, rng.choice(own, len(others)), strict=True)
        }
        examples.loc[list(mixed), "text"] = list(mixed.values())
        planted = own if split == "test" else planted
    return _with_texts(base, examples, planted)


def copied_into_training(base: Planted, pool: Pool, rng: np.random.Generator) -> Planted:
    """Planted: test texts of either class, copies of which take the places of training texts of their class."""
    examples, words, planted = base.examples.copy(), neutral_words(base.examples), []
    for label in (1, 0):
        rows = _some(examples, rng, "test", label, COPIED)
        places = rng.choice(_rows(examples, "train", label), len(rows), replace=False)
        for row, place in zip(rows, places, strict=True):
            text = str(examples.loc[row, "text"]).split()
            text[rng.integers(len(text))] = str(rng.choice(words))
            examples.loc[place, "text"] = " ".join(text)
        planted.append(rows)
    return _with(base, examples, np.concatenate(planted))


def few_positives(base: Planted, pool: Pool, rng: np.random.Generator) -> Planted:
    """Only 30 training positives are left; runs at 1:1 and 1:10 have 30 and 300 negatives."""
    dropped = rng.permutation(_rows(base.examples, "train", 1))[FEW:]
    return replace(base, examples=base.examples.drop(index=dropped))


def nothing(base: Planted, pool: Pool, rng: np.random.Generator) -> Planted:
    """The texts as they are."""
    return base


PLANTINGS: dict[str, tuple[str, Callable[[Planted, Pool, np.random.Generator], Planted]]] = {
    "flipped labels": (SUSPECT, flipped_labels),
    "hidden evidence": (NOT_READ, hidden_evidence),
    "second kind": (NOT_SIMILAR, second_kind),
    "half of each class": (OVERLAP, half_of_each),
    "copied into training": ("", copied_into_training),
    "30 positives": ("", few_positives),
    "nothing": ("", nothing),
}
"""By name: the cause that should be found and the function that plants it."""


def neutral_words(examples: pd.DataFrame) -> np.ndarray:
    """Words that are in at least 1 % of the training texts of either class, at most 1.5 times as often in one."""
    train = examples[examples["split"] == "train"]
    shares = []
    for label in (1, 0):
        texts = train.loc[train["label"] == label, "text"]
        words = texts.str.split().map(set).explode()
        shares.append(words.value_counts() / len(texts))
    both = pd.concat(shares, axis=1).fillna(0.0).to_numpy()
    names = pd.concat(shares, axis=1).index.to_numpy(dtype=object)
    neutral = (both.min(axis=1) >= 0.01) & (both.max(axis=1) <= 1.5 * both.min(axis=1))
    return np.sort(names[neutral].astype(str))


def _mixed(examples: pd.DataFrame, row: int, other: int, rng: np.random.Generator) -> str:
    """Half of the words of two texts of the pool as drawn, in random order."""
    halves = []
    for one in (row, other):
        words = str(examples.loc[one, "text"]).split()
        halves.append(words[: (len(words) + 1) // 2])
    return " ".join(word for place in rng.permutation(2) for word in halves[place])


def _rows(examples: pd.DataFrame, split: str, label: int) -> np.ndarray:
    return np.flatnonzero((examples["split"] == split) & (examples["label"] == label))


def _some(examples: pd.DataFrame, rng: np.random.Generator, split: str, label: int, share: float) -> np.ndarray:
    """A random share of the rows of a class and split, at least one."""
    rows = _rows(examples, split, label)
    return rng.choice(rows, max(1, round(share * len(rows))), replace=False)


def _with(base: Planted, examples: pd.DataFrame, rows: np.ndarray) -> Planted:
    return replace(base, examples=examples, planted=tuple(examples.loc[rows, "id"]))


def _with_texts(base: Planted, examples: pd.DataFrame, rows: np.ndarray) -> Planted:
    before = dict(zip(base.examples.loc[rows, "id"], base.examples.loc[rows, "text"], strict=True))
    return replace(_with(base, examples, rows), before=before)
