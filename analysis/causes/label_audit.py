"""Which labels look wrong, judged by models that have not seen them, and what that would do to recall."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from closecall.analysis.errors.neighbours import nearest
from closecall.analysis.intervals import Estimate
from closecall.analysis.seeds import share_over_seeds
from closecall.analysis.validation import Bools, Floats, Ints, as_labels, as_probs, as_scores, both_classes

FOLDS = 5
STRENGTH = 1.0
"""C of the logistic regression on embeddings of length 1; see benchmarks/planted_labels.py."""
NEIGHBOURS = 5
OnFold = Callable[[int, int], None]
"""Called with the folds done and their number; may raise to stop."""


@dataclass(frozen=True)
class FlaggedMisses:
    """How many misses look mislabelled, of how many, their share with its interval; the same share of the hits."""

    flagged: int
    misses: int
    share: Estimate
    share_of_hits: float


def out_of_fold_probs(
    embeddings: ArrayLike,
    labels: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    folds: int = FOLDS,
    seed: int = 0,
    on_fold: OnFold = lambda done, of: None,
) -> Floats:
    """How probable is positive for each example, to a model that was not shown it?

    Logistic regression (C = STRENGTH) on `embeddings` (n, d) scaled to length 1, by stratified folds; examples with the
    same entry in `groups` (n,), "" for none, are always held out together. Shape (n,), 0 to 1. Fewer folds where a
    class has fewer examples (or groups); ValueError when it has fewer than two.
    """
    from sklearn.linear_model import LogisticRegression

    positive = both_classes(labels)
    rows = np.asarray(embeddings, dtype=np.float64)
    if rows.ndim != 2 or len(rows) != len(positive) or not np.isfinite(rows).all():
        raise ValueError(
            f"Embeddings must be finite, one row for each of {len(positive)} labels; they are {rows.shape}."
        )
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    held_out = _folds(positive, groups, folds, seed)
    pos_probs = np.empty(len(rows))
    for number, fold in enumerate(held_out):
        on_fold(number, len(held_out))
        seen = np.ones(len(rows), dtype=bool)
        seen[fold] = False
        model = LogisticRegression(C=STRENGTH, max_iter=2000).fit(rows[seen], positive[seen])
        pos_probs[fold] = model.predict_proba(rows[fold])[:, 1]
    on_fold(len(held_out), len(held_out))
    return pos_probs


def _folds(positive: Bools, groups: ArrayLike | None, folds: int, seed: int) -> list[Ints]:
    """The rows that each fold holds out; groups stay whole."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    own = np.arange(len(positive)).astype(str).astype(object)
    if groups is not None:
        named = np.asarray(groups, dtype=object)
        own = np.where(named == "", np.char.add("row ", own.astype(str)), np.char.add("group ", named.astype(str)))
    fewest = min(len(np.unique(own[positive])), len(np.unique(own[~positive])))
    count = min(folds, fewest)
    if count < 2:
        raise ValueError("A label audit needs at least two examples (or groups) of each class.")
    if len(np.unique(own)) == len(own):
        splits = list(StratifiedKFold(count, shuffle=True, random_state=seed).split(own, positive))
    else:
        splits = list(StratifiedGroupKFold(count, shuffle=True, random_state=seed).split(own, positive, own))
    if any(positive[seen].all() or not positive[seen].any() for seen, _ in splits):
        raise ValueError("The groups are too large: without some of them one class is gone.")
    return [held_out for _, held_out in splits]


def class_thresholds(labels: ArrayLike, pos_probs: ArrayLike) -> tuple[float, float]:
    """From which probability on does an example look like a negative, like a positive?

    t_j = mean over the examples labelled j of their probability of j (self-confidence): t_0, t_1, each 0 to 1
    (Northcutt 2021, confident learning). A class that is hard to tell has a low threshold of its own.
    """
    positive = both_classes(labels)
    probs = as_probs(as_scores(pos_probs, len(positive), name="pos_probs"), len(positive))[0]
    return float((1 - probs[~positive]).mean()), float(probs[positive].mean())


def audit_labels(labels: ArrayLike, pos_probs: ArrayLike) -> pd.DataFrame:
    """Which labels look wrong?

    `pos_probs` (n,) out of fold. One row for each example, in order: `self_confidence`, the probability of its own
    label, the lower the more suspect; `flagged`: by cleanlab's confident learning, which with two classes means that
    the other class is the likelier and its probability reaches that class's threshold t_j.
    """
    from cleanlab.filter import find_label_issues

    positive = both_classes(labels)
    probs = as_probs(as_scores(pos_probs, len(positive), name="pos_probs"), len(positive))[0]
    given = positive.astype(np.int64)
    both = np.column_stack([1 - probs, probs])
    own = both[np.arange(len(given)), given]
    flagged = find_label_issues(given, both, filter_by="confident_learning", n_jobs=1)
    return pd.DataFrame({"self_confidence": own, "flagged": flagged})


def neighbour_evidence(
    embeddings: ArrayLike, labels: ArrayLike, rows: ArrayLike, *, k: int = NEIGHBOURS, near: ArrayLike | None = None
) -> pd.DataFrame:
    """What labels do the examples have that lie nearest to some of them?

    One row for each of `rows` (m, row numbers): `others`, how many of the k nearest carry the other label, `of` (k, or
    fewer), `nearest_same`, `same_cosine`, `nearest_other`, `other_cosine`: the nearest of either label (-1 and nan when
    there is none). All of `embeddings` (n, d) are looked at, the example itself left out. `near` (n, more than k): the
    nearest rows of every row by cosine, itself among them, when they are known already.
    """
    positive = as_labels(labels)
    chosen = np.asarray(rows, dtype=np.int64)
    columns = ("others", "of", "nearest_same", "same_cosine", "nearest_other", "other_cosine")
    if len(chosen) == 0:
        return pd.DataFrame(columns=list(columns))
    vectors = np.asarray(embeddings)
    found = np.asarray(near)[chosen] if near is not None else nearest(vectors[chosen], vectors, k=k + 1)[0]
    frame = pd.DataFrame(index=range(len(chosen)))
    lines = [line[line != row][:k] for line, row in zip(found, chosen, strict=True)]
    frame["others"] = [int((positive[line] != positive[row]).sum()) for line, row in zip(lines, chosen, strict=True)]
    frame["of"] = [len(line) for line in lines]
    for name, same in (("same", True), ("other", False)):
        places, cosines = np.full(len(chosen), -1), np.full(len(chosen), np.nan)
        for label in (False, True):
            asked = np.flatnonzero(positive[chosen] == label)
            pool = np.flatnonzero(positive == (label if same else not label))
            if len(asked) and len(pool):
                places[asked], cosines[asked] = _first_other(vectors, chosen[asked], pool)
        frame[f"nearest_{name}"], frame[f"{name}_cosine"] = places, cosines
    return frame[list(columns)]


def _first_other(vectors: np.ndarray, queries: Ints, pool: Ints) -> tuple[Ints, Floats]:
    """The nearest of the pool to each query that is not the query itself."""
    found, cosines = nearest(vectors[queries], vectors[pool], k=2)
    ids = pool[found]
    itself = ids[:, 0] == queries
    if ids.shape[1] == 1:
        return np.where(itself, -1, ids[:, 0]), np.where(itself, np.nan, cosines[:, 0])
    line = np.arange(len(queries))
    return ids[line, itself.astype(int)], cosines[line, itself.astype(int)].astype(np.float64)


def flagged_share_of_misses(
    labels: ArrayLike, pos_probs: ArrayLike, flagged: ArrayLike, *, threshold: float = 0.5
) -> FlaggedMisses:
    """How many of the positives that the runs miss look mislabelled?

    `pos_probs` (runs, n) or (n,) of runs at one ratio, `flagged` (n,). A positive is missed when more than half of the
    runs miss it. The interval is Wilson's over the misses, nan without any. Beside it the share of the flagged among
    the positives that are found, which says what the flag is worth: it comes from a model too, and what is hard for one
    is hard for the other. More than 5 % of the misses speak for wrong labels as a cause.
    """
    positive = as_labels(labels)
    probs = as_probs(pos_probs, len(positive))
    marked = as_labels(flagged)
    if marked.shape != positive.shape:
        raise ValueError(f"There are {len(positive)} labels and {len(marked)} flags.")
    missed = positive & ((probs < threshold).mean(axis=0) > 0.5)
    found = positive & ~missed
    both, misses = int((missed & marked).sum()), int(missed.sum())
    share = share_over_seeds([both], misses)
    return FlaggedMisses(both, misses, share, float(marked[found].mean()) if found.any() else np.nan)


def recall_without_suspects(
    labels: ArrayLike, pos_probs: ArrayLike, flagged: ArrayLike, *, threshold: float = 0.5
) -> pd.DataFrame:
    """What would recall be if the suspects were dropped from the test set, or carried the other label?

    `pos_probs` (seeds, n) or (n,) of one ratio. Three rows, `labels` "as they are", "suspects dropped" and "suspects
    relabelled": `found` (mean over seeds), `n_positives`, `recall, low, high` with the interval of `share_over_seeds`
    over examples and seeds. The suspects were chosen by a model that resembles the runs: recall rises by that choice
    alone, also where every label is right, so the gain is an upper bound until somebody has read them.
    """
    positive = as_labels(labels)
    probs = as_probs(pos_probs, len(positive))
    marked = as_labels(flagged)
    if marked.shape != positive.shape:
        raise ValueError(f"There are {len(positive)} labels and {len(marked)} flags.")
    called = probs >= threshold
    rows = []
    for name, asked in (
        ("as they are", positive),
        ("suspects dropped", positive & ~marked),
        ("suspects relabelled", positive ^ marked),
    ):
        n = int(asked.sum())
        found = called[:, asked].sum(axis=1)
        recall = share_over_seeds(found, n)
        rows.append((name, float(found.mean()), n, recall.value, recall.low, recall.high))
    return pd.DataFrame(rows, columns=["labels", "found", "n_positives", "recall", "low", "high"])
