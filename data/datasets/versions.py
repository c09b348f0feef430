"""A later version of a dataset, with labels changed and examples removed as a hard-case list decides."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from closecall.data.datasets.duplicates import find_conflicts, text_keys
from closecall.data.datasets.store import Dataset, DatasetInfo, dataset_names
from closecall.data.io.errors import UserError
from closecall.data.io.workspace import now

DROPPED = ("duplicate", "not our class")
"""The actions that remove an example from the dataset."""


@dataclass(frozen=True)
class Relabelling:
    """What a list decides about the examples of a dataset.

    `changes` has id, split, label and class_name before the change, new_label (the new class, "" for a removed example)
    and drop (the action that removes it, "" otherwise). `undecided`: marked relabel without a new label where the other
    label has several classes; with one class, that is the new label. `unknown`: not in the dataset. `outside_train`:
    not in the training split when only that is to change.
    """

    changes: pd.DataFrame
    undecided: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    outside_train: tuple[str, ...] = ()

    def relabelled(self, *splits: str) -> int:
        """How many examples of these splits (of all without any named) get another label."""
        return int((self._in(splits)["drop"] == "").sum())

    def dropped(self, *splits: str) -> int:
        """How many are taken out."""
        return int((self._in(splits)["drop"] != "").sum())

    def _in(self, splits: Sequence[str]) -> pd.DataFrame:
        return self.changes[self.changes["split"].isin(splits)] if splits else self.changes


def decide_relabelling(dataset: Dataset, cases: pd.DataFrame, *, training_only: bool = False) -> Relabelling:
    """What the cases (id, action, new_label) mean for a dataset. A new label that it has already changes nothing."""
    examples = dataset.examples.set_index("id")
    relabel, drop = cases["action"] == "relabel", cases["action"].isin(DROPPED)
    cases = cases.assign(new_label=_only_other(dataset, cases, relabel))
    undecided = tuple(cases.loc[relabel & (cases["new_label"] == ""), "id"])
    decided = cases[(relabel & (cases["new_label"] != "")) | drop]
    unknown = tuple(decided.loc[~decided["id"].isin(examples.index), "id"])
    decided = decided[decided["id"].isin(examples.index)]
    facts = examples.loc[decided["id"], ["split", "label", "class_name"]].reset_index()
    facts["drop"] = np.where(decided["action"].isin(DROPPED), decided["action"], "").astype(object)
    facts["new_label"] = np.where(facts["drop"] == "", decided["new_label"], "").astype(object)
    facts = facts[(facts["drop"] != "") | (facts["new_label"] != facts["class_name"])]
    outside = facts["split"] != "train" if training_only else pd.Series(False, index=facts.index)
    _check_classes(dataset.info, facts["new_label"])
    return Relabelling(facts[~outside].reset_index(drop=True), undecided, unknown, tuple(facts.loc[outside, "id"]))


def relabelled_dataset(dataset: Dataset, relabelling: Relabelling, *, source: str) -> Dataset:
    """The next version, not yet saved: kept examples stay in their splits. `source` names the list of decisions.

    UserError when nothing changes, or when a split would lose a class.
    """
    if relabelling.changes.empty:
        raise UserError(
            "The list changes no label and takes nothing out: give cases the action relabel with a new label, "
            "duplicate, or not our class."
        )
    dropped = relabelling.changes[relabelling.changes["drop"] != ""].set_index("id")["drop"]
    new = relabelling.changes[relabelling.changes["drop"] == ""].set_index("id")["new_label"]
    gone = dataset.examples["id"].isin(dropped.index)
    examples = dataset.examples[~gone].reset_index(drop=True)
    names = examples["id"].map(new).fillna(examples["class_name"])
    labels = names.isin(dataset.info.positive_classes) if len(new) else examples["label"]
    changed = examples["id"].isin(new.index)
    examples["class_name"] = np.where(changed, names, examples["class_name"])
    examples["label"] = np.where(changed, labels, examples["label"]).astype(np.int8)
    _check_splits(dataset.examples, examples)
    aside = dataset.examples.loc[gone, ["source_row", "id", "text"]]
    aside["reason"] = [f"{dropped[one]}, by the {source}" for one in aside["id"]]
    set_aside = pd.concat([dataset.set_aside, aside[["source_row", "id", "reason", "text"]]], ignore_index=True)
    conflicts = find_conflicts(examples.assign(key=text_keys(examples["text"])))
    return Dataset(_next_info(dataset.info, relabelling, source), examples, set_aside, conflicts)


def next_version(name: str) -> str:
    """A free name for the next version: `posts-v2` after `posts`, `posts-v3` after `posts-v2`."""
    match = re.fullmatch(r"(.+)-v(\d+)", name)
    stem, number = (match.group(1), int(match.group(2))) if match else (name, 1)
    taken = set(dataset_names())
    while f"{stem}-v{number + 1}" in taken:
        number += 1
    return f"{stem}-v{number + 1}"


def _next_info(info: DatasetInfo, relabelling: Relabelling, source: str) -> DatasetInfo:
    name = next_version(info.name)
    version = name.rsplit("-v", 1)[1]
    said = f"labels changed: {relabelling.relabelled():,}, examples taken out: {relabelling.dropped():,}"
    title = re.sub(r", version \d+$", "", info.title)
    return replace(
        info,
        name=name,
        title=f"{title}, version {version}",
        origin=f"{info.name} ({said}, by the {source}). {info.origin}".strip(),
        notes=(*info.notes, f"Version {version} of {now()}: {said}, by the {source}."),
        created=now(),
        parent=info.name,
        parent_sha256=info.content_sha256,
        content_sha256="",
    )


def _only_other(dataset: Dataset, cases: pd.DataFrame, relabel: pd.Series) -> pd.Series:
    """The new labels, where none is named the one class of the other side, if there is just one."""
    sides = {1: dataset.info.negative_classes, 0: dataset.info.positive_classes}
    other = {label: classes[0] if len(classes) == 1 else "" for label, classes in sides.items()}
    labels = cases["id"].map(dataset.examples.set_index("id")["label"])
    return cases["new_label"].where(~relabel | (cases["new_label"] != ""), labels.map(other).fillna(""))


def _check_classes(info: DatasetInfo, names: pd.Series) -> None:
    known = {"", *info.positive_classes, *info.negative_classes}
    wrong = next((name for name in names if name not in known), None)
    if wrong is not None:
        raise UserError(
            f"{wrong!r} is not a class of {info.name}. Its classes are "
            f"{', '.join([*info.positive_classes, *info.negative_classes])}: correct the new label on the list."
        )


def _check_splits(before: pd.DataFrame, after: pd.DataFrame) -> None:
    for split, label in {(split, label) for split, label in zip(before["split"], before["label"], strict=True)}:
        if not ((after["split"] == split) & (after["label"] == label)).any():
            kind = "positive" if label else "negative"
            raise UserError(f"The {split} split would have no {kind} left. Keep at least one on the list as it is.")
