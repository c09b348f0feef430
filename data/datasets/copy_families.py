"""What an import does about near copies: which families stay in one split, and what the report says."""

import numpy as np
import pandas as pd

from closecall.data.datasets.duplicates import clusters, text_keys
from closecall.data.datasets.near_copies import families, near_copy_pairs
from closecall.data.io.download import Progress

MOST_TEXTS = 100_000
"""More texts are not compared: at this number it takes two to four minutes."""
GIANT = 0.2
"""A family with more than this share of a label's texts is not kept together, so that splits have their shares."""


def find_pairs(examples: pd.DataFrame, progress: Progress | None = None) -> tuple[pd.DataFrame, list[str]]:
    """The near copies among examples (`near_copy_pairs`) and sentences on how many there are.

    Above 100,000 texts nothing is compared, and the sentence says so.
    """
    if len(examples) > MOST_TEXTS:
        none = near_copy_pairs([])
        return none, [f"Near copies were not looked for: {len(examples):,} texts are more than {MOST_TEXTS:,}. "
                      "Some may be in both training and test."]  # fmt: skip
    pairs = near_copy_pairs(examples["text"], progress=progress)
    if pairs.empty:
        return pairs, []
    sizes = np.bincount(families(pairs, len(examples)))
    several = sizes[sizes > 1]
    return pairs, [
        f"Near copies (texts that share at least half of their 5-character sequences): {several.sum():,} texts in "
        f"{len(several):,} {'family' if len(several) == 1 else 'families'}; the largest has {several.max():,}."
    ]


def joined_families(examples: pd.DataFrame, pairs: pd.DataFrame) -> tuple[np.ndarray, list[str]]:
    """The families that one split can hold: n strings, "" for a text in none. And a sentence on those it cannot.

    `examples` has text, label and group. A family is too large when it and the groups and copies tied to it have
    more than a fifth, and more than 2, of the positives or of the negatives.
    """
    numbers = families(pairs, len(examples))
    names = np.where(np.bincount(numbers, minlength=1)[numbers] > 1, numbers.astype(str), "").astype(object)
    tied = clusters(text_keys(examples["text"]), examples["group"], names)
    counts = pd.crosstab(tied, examples["label"])
    giants = counts.index[(counts > np.maximum(GIANT * counts.sum(), 2)).any(axis=1)]
    free = np.isin(tied, giants) & (names != "")
    if not free.any():
        return names, []
    names[free] = ""
    return names, [
        f"{free.sum():,} near copies were not kept in one split: their family has more than a fifth of a label's texts."
    ]


def join_to_test(examples: pd.DataFrame, pairs: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Move each family that a given split divides into its test part, or else its validation part.

    `examples` has split with "" or a name. Returns the examples with the new splits, and a sentence on how many
    were moved.
    """
    strength = examples["split"].map({"test": 0, "validation": 1}).fillna(2)
    strongest = strength.groupby(families(pairs, len(examples))).transform("min")
    moved = strongest < strength
    names = strongest.map({0.0: "test", 1.0: "validation"})
    if not moved.any():
        return examples, []
    note = f"Texts moved to test or validation because a near copy is there: {int(moved.sum()):,}."
    return examples.assign(split=examples["split"].where(~moved, names)), [note]


def leaked_note(examples: pd.DataFrame, pairs: pd.DataFrame) -> list[str]:
    """How many test texts have a near copy in training? A sentence when it is not none. `examples` is split."""
    splits = examples["split"].to_numpy(dtype=object)
    first, second = pairs["first"].to_numpy(), pairs["second"].to_numpy()
    ends = np.concatenate([first, second]), np.concatenate([second, first])
    leaked = np.unique(ends[0][(splits[ends[0]] == "test") & (splits[ends[1]] == "train")])
    if not len(leaked):
        return []
    tested = int((splits == "test").sum())
    return [f"Test texts with a near copy in training: {len(leaked):,} of {tested:,}. Recall on them may be too high."]
