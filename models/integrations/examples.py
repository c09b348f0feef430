"""The examples of a recorded training: one table of all splits, and which training examples are read again."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from closecall.data.experiments.plans import FIXED_POSITIVES
from closecall.data.io.errors import UserError
from closecall.models.integrations.classes import Classes
from closecall.models.integrations.splits import Split

COLUMNS = ["id", "text", "label", "class_name", "split", "group"]


def recorded_examples(splits: Sequence[Split], classes: Classes) -> pd.DataFrame:
    """COLUMNS and `meta.<name>` of all examples, split by split in the order of the script.

    Ids that two splits share get the split's name in front. UserError for an id twice in a split, and for a split
    without one of the classes.
    """
    parts = [_part(split, classes) for split in splits]
    for part in parts:
        _check_part(part)
    frame = pd.concat(parts, ignore_index=True)
    if frame["id"].duplicated().any():
        frame["id"] = with_split_name(frame)
    meta = [name for name in frame if name not in COLUMNS]
    return frame.fillna(dict.fromkeys(meta, ""))


def with_split_name(examples: pd.DataFrame) -> pd.Series:
    """The ids of examples with the name of their split in front: "7" of test is "test-7"."""
    return examples["split"] + "-" + examples["id"]


def sampled_places(labels: np.ndarray, cap: int) -> np.ndarray:
    """The rows (rising) of at most `cap` examples: all positives, or half of `cap`, and a random sample of negatives.

    The same for the same labels. If there are few negatives, more positives are in it.
    """
    if len(labels) <= cap:
        return np.arange(len(labels))
    rng = np.random.default_rng(0)
    positives, negatives = (rng.permutation(np.flatnonzero(labels == value)) for value in (1, 0))
    n_positives = max(min(len(positives), cap // 2), cap - len(negatives))
    return np.sort(np.concatenate([positives[:n_positives], negatives[: cap - n_positives]]))


def check_same_evaluation(known: pd.DataFrame, own: pd.DataFrame, experiment: str) -> None:
    """UserError unless the validation and test examples (id, label, split) are those of the experiment."""
    for split in ("test", "validation"):
        there = known.loc[known["split"] == split].set_index("id")["label"]
        here = own.loc[own["split"] == split].set_index("id")["label"]
        missing, added = there.index.difference(here.index), here.index.difference(there.index)
        if len(missing) or len(added):
            first = missing[0] if len(missing) else added[0]
            raise UserError(
                f"The {split} examples are not those of experiment {experiment}: {len(missing):,} are missing, "
                f"{len(added):,} are new (such as {first!r}). Give every callback the same {split} dataset, or name "
                "another experiment=."
            )
        differs = there.index[there.to_numpy() != here.reindex(there.index).to_numpy()]
        if len(differs):
            raise UserError(
                f"{len(differs):,} {split} examples have another label than in experiment {experiment} (such as "
                f"{differs[0]!r}). Correct the labels, or name another experiment=."
            )


def check_same_training(known: pd.DataFrame, own: pd.DataFrame, experiment: str) -> None:
    """UserError when an example of the experiment's dataset has another text, label or split here."""
    both = own.merge(known, on="id", suffixes=("", " before"))
    for column in ("text", "label", "split"):
        differs = both[both[column] != both[f"{column} before"]]
        if len(differs):
            raise UserError(
                f"Example {differs['id'].iloc[0]!r} has another {column} than in experiment {experiment} "
                f"({len(differs):,} examples). Give every callback the same ids (id=...), or name another experiment=."
            )


def training_plan(before: pd.DataFrame, training: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """The plan of an experiment with the training examples (id, label) of one more run of a seed.

    Within a class the examples that all runs share come first: so a run with fewer negatives has the first ranks.
    """
    rest = before[before["seed"] != seed]
    parts: list[pd.DataFrame] = [rest] if len(rest) else []
    for label in (1, 0):
        own = before[(before["seed"] == seed) & (before["label"] == label)].sort_values("rank")["id"].tolist()
        ids = _joined(own, training.loc[training["label"] == label, "id"].tolist())
        columns: Mapping[str, object] = {"sweep": FIXED_POSITIVES, "seed": seed, "label": label, "id": ids,
                                         "rank": np.arange(len(ids))}  # fmt: skip
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True).astype({"seed": "int64", "label": "int8", "rank": "int64"})


def _joined(before: list[str], now: list[str]) -> list[str]:
    """The ids of both, those of the smaller list first."""
    if not before:
        return now
    there, here = set(before), set(now)
    shared = [one for one in before if one in here]
    return [*shared, *(one for one in before if one not in here), *(one for one in now if one not in there)]


def _part(split: Split, classes: Classes) -> pd.DataFrame:
    labels = np.array([value == classes.positive for value in split.labels])
    columns = {
        "id": split.ids,
        "text": split.texts,
        "label": labels.astype(np.int8),
        "class_name": [classes.names[value] for value in split.labels],
        "split": split.name,
        "group": "",
    }
    return pd.concat([pd.DataFrame(columns), split.meta], axis=1)


def _check_part(part: pd.DataFrame) -> None:
    split = part["split"].iloc[0]
    twice = part["id"][part["id"].duplicated()]
    if len(twice):
        raise UserError(f"The {split} dataset has the id {twice.iloc[0]!r} twice. Name a column of unique ids: id=...")
    for label, kind in ((1, "positive"), (0, "negative")):
        if not (part["label"] == label).any():
            raise UserError(f"The {split} dataset has no {kind} example. Add some.")
