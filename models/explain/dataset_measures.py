"""The questions that a check of a dataset answers, each as one row with its numbers."""

from typing import Any

import numpy as np
import pandas as pd

from closecall.analysis.causes.separability import Overlap, Separability, errors_by_class
from closecall.analysis.causes.sparsity import fit_power_law, more_positives, positive_count_curve
from closecall.analysis.causes.vocabulary import vocabulary_sparsity
from closecall.analysis.errors.neighbours import nearest
from closecall.analysis.formatting import (
    count_text,
    detectable_drop_text,
    percent_estimate_text,
    percent_text,
    points_text,
    rounded_up,
    score_estimate_text,
    score_text,
    share_text,
)
from closecall.analysis.intervals import Estimate, smallest_detectable_drop
from closecall.data.datasets.checks import CheckRow

FEWEST = 20
"""Texts of each class, and training positives, below which closeness and the curve are not computed."""
FEWEST_TEST = 10
LONG = 256
"""Tokens from which a text counts as long: most fine-tuning reads 128 to 256."""
CUT_SHARE = 0.02
"""Fewer cut texts than this share are not worth mentioning."""
_YES_NO = {"present": "yes", "absent": "no"}


def closeness_row(near: Separability | None, far: Separability | None, found: Overlap | None, control: str) -> CheckRow:
    """Are the classes closer than a far control? By the AUC of a linear probe."""
    question = "Are the classes closer in meaning than distant subjects?"
    if near is None or found is None:
        return CheckRow("closeness", question, "too few", f"This needs at least {FEWEST} texts of each class.")
    number = f"Linear probe: AUC {score_estimate_text(near.probe.auc)}"
    values: dict[str, Any] = {"per_class": near.per_class, "auc": _bounds(near.probe.auc), "p": near.probe.p}
    if near.bounds_hold:
        values["lowest_error"], values["one_nn_error"] = _bounds(near.one_nn.lowest), _bounds(near.one_nn.error)
    if far is not None and found.difference is not None:
        number += f"; {control}: {score_estimate_text(far.probe.auc)}"
        values |= {"control": control, "control_auc": _bounds(far.probe.auc), "difference": _bounds(found.difference)}
    number += _needed(found.needed, "texts of each class would decide")
    return CheckRow("closeness", question, _closer(found), f"{number}.", values)


def headline(near: Separability | None, far: Separability | None, found: Overlap | None, control: str) -> str:
    """The closeness of the classes in one sentence."""
    if near is None or found is None:
        return "There are too few texts to tell how close the classes are."
    probe = f"a linear probe reaches AUC {score_estimate_text(near.probe.auc)}"
    if near.probe.auc.low <= 0.5:
        return f"The classes are not distinguishable before training: {probe}."
    if far is None:
        return f"Before training, {probe}; without a far control this can't be called close or far."
    beside = f"and {score_text(far.probe.auc.value)} for {control}"
    if found.answer == "present":
        return f"The classes are close: {probe}, {beside}."
    if _closer(found) == "yes":
        return f"The classes are somewhat closer than a far control: {probe}, {beside}."
    if found.answer == "absent":
        return f"The classes are not closer than a far control: {probe}, {beside}."
    return f"Too few texts to tell whether the classes are close: {probe}, {beside}."


def purity_row(near: Separability | None) -> CheckRow:
    """Are the nearest texts of a positive positives?"""
    question = "Are the nearest texts of a positive mostly positives?"
    if near is None:
        return CheckRow("neighbours", question, "too few", f"This needs at least {FEWEST} texts of each class.")
    purity, chance = near.purity.purity, near.purity.chance
    number = (
        f"{percent_estimate_text(purity)} of the {near.purity.k} nearest; "
        f"{percent_text(chance)} by chance, as many negatives as positives."
    )
    middle = (1 + chance) / 2
    answer = "yes" if purity.low > middle else "no" if purity.high < middle else "too few"
    return CheckRow("neighbours", question, answer, number, {"purity": _bounds(purity), "chance": chance})


def class_table(rows: pd.DataFrame, embeddings: np.ndarray) -> pd.DataFrame | None:
    """Which negative classes are nearest to the positives? As `errors_by_class`; None with one negative class.

    `rows` (n) has label and class_name, aligned with `embeddings` (n, d). Each positive counts for the class of its
    nearest negative.
    """
    positive = rows["label"].to_numpy() == 1
    names = rows["class_name"].to_numpy(dtype=object)[~positive]
    if len(set(names)) < 2 or positive.sum() < FEWEST:
        return None
    places, _ = nearest(embeddings[positive], embeddings[~positive], k=1)
    counts = {str(name): int(count) for name, count in pd.Series(names).value_counts().items()}
    return errors_by_class([str(name) for name in names[places[:, 0]]], counts)


def class_row(table: pd.DataFrame | None) -> CheckRow:
    """The negative classes that are nearer to the positives than their share, by Holm's correction at .05."""
    question = "Are some negative classes nearer to the positives than others?"
    if table is None:
        return CheckRow("classes", question, "not measurable", "There is one negative class, or too few positives.")
    near = table[(table["p_holm"] < 0.05) & (table["difference"] > 0)]
    shown = near if len(near) else table.head(1)
    parts = [
        f"{row['class']}: {percent_text(row['share'])} of the positives' nearest negatives, "
        f"{percent_text(row['expected'])} of the negatives"
        for row in shown.head(3).to_dict("records")
    ]
    values = {"nearest": near["class"].tolist()}
    return CheckRow("classes", question, "yes" if len(near) else "no", f"{'; '.join(parts)}.", values)


def curve_row(rows: pd.DataFrame, embeddings: np.ndarray, *, n_positives: int) -> CheckRow:
    """Would twice the training positives raise recall, by the curve of a linear probe?

    `rows` has label and split of the sample; `n_positives`: all training positives, of which the sample has some.
    """
    question = "Would more positives help?"
    train, test = ((rows["split"] == split).to_numpy() for split in ("train", "test"))
    labels = rows["label"].to_numpy()
    n, n_test = int(labels[train].sum()), int(labels[test].sum())
    if n < FEWEST or n_test < FEWEST_TEST or labels[train].all() or labels[test].all():
        needed = f"This needs {FEWEST} training and {FEWEST_TEST} test positives, and negatives in both splits."
        return CheckRow("positives", question, "too few", needed)
    curve = positive_count_curve(embeddings[train], labels[train], embeddings[test], labels[test])
    found = more_positives(fit_power_law(curve["positives"], curve["error"]), n_positives, test_positives=n_test)
    sampled = f", by the curve through a sample of {n:,}" if n < n_positives else ""
    number = (
        f"From {n_positives:,} to {2 * n_positives:,} training positives a linear probe's recall would change by "
        f"{points_text(found.gain)}{sampled}{_needed(None if sampled else found.needed, 'positives would decide')}."
    )
    values = {"positives": n_positives, "sampled": n, "recall_now": 1 - found.now.value, "gain": _bounds(found.gain)}
    return CheckRow("positives", question, _YES_NO.get(found.answer, found.answer), number, values)


def words_row(examples: pd.DataFrame) -> CheckRow:
    """Do test positives have more words that training lacks than negatives? `examples` has text, label and split."""
    question = "Do positives have more unseen words than as many negatives?"
    groups = [
        examples.loc[(examples["split"] == split) & (examples["label"] == label), "text"].tolist()
        for split in ("train", "test")
        for label in (1, 0)
    ]
    if not all(groups):
        return CheckRow("words", question, "not measurable", "This needs both classes in the train and test splits.")
    found = vocabulary_sparsity(*groups)
    answer = _YES_NO.get(found.answer, found.answer)
    if found.unseen is None:
        number = "There are no words to compare."
        if found.needed:
            number = f"This needs at least {found.needed:,} training {found.needed_class}s, twice the positives."
        return CheckRow("words", question, answer, number)
    unseen = found.unseen
    number = (
        f"{percent_text(unseen.positives)} of the words in test positives are not in training positives; "
        f"{percent_text(unseen.negatives.value)} for negatives. Difference: {points_text(unseen.difference)}"
        f"{_needed(found.needed, 'training positives would decide')}."
    )
    values = {
        "positives": unseen.positives,
        "negatives": unseen.negatives.value,
        "difference": _bounds(unseen.difference),
    }
    return CheckRow("words", question, answer, number, values)


def copies_row(examples: pd.DataFrame, pairs: pd.DataFrame) -> CheckRow:
    """How many test texts have a near copy in training? `pairs` as `data.datasets.near_copies.near_copies`."""
    question = "Do test texts have near copies in training?"
    test = examples[examples["split"] == "test"]
    if test.empty or not (examples["split"] == "train").any():
        return CheckRow("copies", question, "not measurable", "This needs a train and a test split.")
    ends = pd.concat([pairs[["id", "split", "other_split"]], _turned(pairs)], ignore_index=True)
    leaked = set(ends.loc[(ends["split"] == "test") & (ends["other_split"] == "train"), "id"])
    own = test["id"].isin(leaked).to_numpy()
    positive = test["label"].to_numpy() == 1
    number = (
        f"{share_text(int(own[positive].sum()), int(positive.sum()))} of the test positives and "
        f"{share_text(int(own[~positive].sum()), int((~positive).sum()))} of the test negatives share half of their "
        "character 5-grams with a training text."
    )
    values = {"test_positives": int(own[positive].sum()), "test_negatives": int(own[~positive].sum())}
    return CheckRow("copies", question, "yes" if own.any() else "no", number, values)


def length_row(labels: np.ndarray, tokens: np.ndarray | None) -> CheckRow:
    """How many texts of each class are longer than LONG tokens? Both (n,); `tokens` None without a tokenizer."""
    question = f"Are texts longer than {LONG} tokens?"
    if tokens is None:
        return CheckRow("length", question, "not measurable", "Tokens are counted by the encoder, which is missing.")
    long = tokens > LONG
    shares = [share_text(int(long[labels == label].sum()), int((labels == label).sum())) for label in (1, 0)]
    budget = int(np.quantile(tokens, 1 - CUT_SHARE, method="higher"))
    number = (
        f"{shares[0]} of the positives and {shares[1]} of the negatives. With {budget:,} tokens, "
        f"{percent_text(CUT_SHARE)} of the texts would be cut."
    )
    by_class = [float(long[labels == label].mean()) for label in (1, 0) if (labels == label).any()]
    answer = "yes" if max(by_class) >= CUT_SHARE else "no"
    return CheckRow("length", question, answer, number, {"long": int(long.sum()), "of": len(long), "budget": budget})


def size_row(n_positives: int) -> CheckRow:
    """Can the test split show a drop in recall of five points?"""
    question = "Can the test split show a drop of 5 points in recall?"
    smallest = smallest_detectable_drop(n_positives)
    values = {"positives": n_positives, "smallest_drop": None if np.isnan(smallest) else smallest}
    said = detectable_drop_text(n_positives)
    enough = (
        f"{count_text(n_positives, 'test positive')}: the smallest drop it can show is {100 * smallest:.1f} points."
    )
    return CheckRow("test size", question, "no" if said else "yes", said or enough, values)


def _closer(found: Overlap) -> str:
    """Yes also for a difference below the margin of `overlap` whose interval excludes 0."""
    if found.answer == "absent" and found.difference is not None and found.difference.low > 0:
        return "yes"
    return _YES_NO.get(found.answer, found.answer)


def _turned(pairs: pd.DataFrame) -> pd.DataFrame:
    turned = {"other_id": "id", "split": "other_split", "other_split": "split"}
    return pairs[["other_id", "split", "other_split"]].rename(columns=turned)


def _needed(count: int | None, would_decide: str) -> str:
    return f". About {rounded_up(count)} {would_decide}" if count else ""


def _bounds(estimate: Estimate) -> list[float]:
    return [float(estimate.value), float(estimate.low), float(estimate.high)]
