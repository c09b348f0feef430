"""Label audit: suspect labels from out-of-fold probabilities, and their effect on recall."""

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
"""Called with the number of finished folds and of all folds; may raise to stop."""


@dataclass(frozen=True)
class FlaggedFalseNegatives:
    """How many of the false negatives are flagged as suspect labels.

    `flagged` of `false_negatives`, the share with its interval, and the share flagged among true positives.
    """

    flagged: int
    false_negatives: int
    share: Estimate
    share_of_true_positives: float


def out_of_fold_probs(
    embeddings: ArrayLike,
    labels: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    folds: int = FOLDS,
    seed: int = 0,
    on_fold: OnFold = lambda done, of: None,
) -> Floats:
    """Probability of the positive class for each example, from a model that was not trained on it. Shape (n,), 0 to 1.

    Logistic regression (C = STRENGTH) on `embeddings` (n, d) scaled to length 1, by stratified folds. Examples with the
    same entry in `groups` (n,), "" for none, are held out together. Fewer folds where a class has fewer examples or
    groups. Raises ValueError when it has fewer than two.
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
    """The row numbers that each fold holds out; groups stay together."""
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
        raise ValueError("The groups are too large: without one of them, a class has no examples left.")
    return [held_out for _, held_out in splits]


def class_thresholds(labels: ArrayLike, pos_probs: ArrayLike) -> tuple[float, float]:
    """Thresholds t_0, t_1 of confident learning, each 0 to 1 (Northcutt 2021).

    t_j: mean over the examples labelled j of their probability of class j (self-confidence). A difficult class has a
    low threshold. Shapes (n,).
    """
    positive = both_classes(labels)
    probs = as_probs(as_scores(pos_probs, len(positive), name="pos_probs"), len(positive))[0]
    return float((1 - probs[~positive]).mean()), float(probs[positive].mean())


def audit_labels(labels: ArrayLike, pos_probs: ArrayLike) -> pd.DataFrame:
    """Suspect labels by confident learning (cleanlab).

    `pos_probs` (n,) out of fold. One row for each example, in order: `self_confidence`, the probability of its own
    label, lower is more suspect; `flagged`: the other class is more probable and reaches that class's threshold t_j.
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
    """Labels of the nearest neighbours of some examples.

    One row for each of `rows` (m, row numbers): `others`, how many of the k nearest have the other label; `of` (k or
    fewer); `nearest_same`, `same_cosine`, `nearest_other`, `other_cosine`: the nearest example of either label, -1 and
    nan for none. The search is over all `embeddings` (n, d) without the example itself. `near` (n, more than k):
    precomputed nearest rows of every row by cosine, including itself.
    """
    positive = as_labels(labels)
    chosen = np.asarray(rows, dtype=np.int64)
    columns = ("others", "of", "nearest_same", "same_cosine", "nearest_other", "other_cosine")
    if len(chosen) == 0:
        return pd.DataFrame(columns=list(columns))
    vectors = np.asarray(embeddings)
    indices = np.asarray(near)[chosen] if near is not None else nearest(vectors[chosen], vectors, k=k + 1)[0]
    frame = pd.DataFrame(index=range(len(chosen)))
    lines = [line[line != row][:k] for line, row in zip(indices, chosen, strict=True)]
    frame["others"] = [int((positive[line] != positive[row]).sum()) for line, row in zip(lines, chosen, strict=True)]
    frame["of"] = [len(line) for line in lines]
    for name, same in (("same", True), ("other", False)):
        ids, cosines = np.full(len(chosen), -1), np.full(len(chosen), np.nan)
        for label in (False, True):
            queries = np.flatnonzero(positive[chosen] == label)
            pool = np.flatnonzero(positive == (label if same else not label))
            if len(queries) and len(pool):
                ids[queries], cosines[queries] = _first_other(vectors, chosen[queries], pool)
        frame[f"nearest_{name}"], frame[f"{name}_cosine"] = ids, cosines
    return frame[list(columns)]


def _first_other(vectors: np.ndarray, queries: Ints, pool: Ints) -> tuple[Ints, Floats]:
    """The nearest example of the pool to each query, other than the query itself."""
    indices, cosines = nearest(vectors[queries], vectors[pool], k=2)
    ids = pool[indices]
    itself = ids[:, 0] == queries
    if ids.shape[1] == 1:
        return np.where(itself, -1, ids[:, 0]), np.where(itself, np.nan, cosines[:, 0])
    line = np.arange(len(queries))
    return ids[line, itself.astype(int)], cosines[line, itself.astype(int)].astype(np.float64)


def flagged_share_of_false_negatives(
    labels: ArrayLike, pos_probs: ArrayLike, flagged: ArrayLike, *, threshold: float = 0.5
) -> FlaggedFalseNegatives:
    """Share of the false negatives whose label is flagged as suspect.

    `pos_probs` (runs, n) or (n,) of runs at one ratio, `flagged` (n,). A positive is a false negative when more than
    half of the runs miss it. Wilson's interval over the false negatives, nan without any. The share flagged among true
    positives shows how specific the flag is: the flag comes from a model that may fail on the same examples. More than
    5 % of the false negatives support wrong labels as a cause. Raises ValueError for other shapes.
    """
    positive = as_labels(labels)
    probs = as_probs(pos_probs, len(positive))
    marked = as_labels(flagged)
    if marked.shape != positive.shape:
        raise ValueError(f"There are {len(positive)} labels and {len(marked)} flags.")
    missed = positive & ((probs < threshold).mean(axis=0) > 0.5)
    detected = positive & ~missed
    both, false_negatives = int((missed & marked).sum()), int(missed.sum())
    share_of_true_positives = float(marked[detected].mean()) if detected.any() else np.nan
    return FlaggedFalseNegatives(
        both, false_negatives, share_over_seeds([both], false_negatives), share_of_true_positives
    )


def recall_without_suspects(
    labels: ArrayLike, pos_probs: ArrayLike, flagged: ArrayLike, *, threshold: float = 0.5
) -> pd.DataFrame:
    """Recall with the suspect labels as they are, dropped from the test set, and exchanged.

    `pos_probs` (seeds, n) or (n,) of one ratio. Three rows, `labels` "unchanged", "suspects dropped", "suspects
    relabelled": `true_positives` (mean over seeds), `n_positives`, `recall, low, high` (`share_over_seeds`). The model
    that flags suspects resembles the runs, so recall rises by the selection alone, even where every label is right. The
    gain is an upper bound until the suspects have been read.
    """
    positive = as_labels(labels)
    probs = as_probs(pos_probs, len(positive))
    marked = as_labels(flagged)
    if marked.shape != positive.shape:
        raise ValueError(f"There are {len(positive)} labels and {len(marked)} flags.")
    predictions = probs >= threshold
    rows = []
    for name, members in (
        ("unchanged", positive),
        ("suspects dropped", positive & ~marked),
        ("suspects relabelled", positive ^ marked),
    ):
        n = int(members.sum())
        true_positives = predictions[:, members].sum(axis=1)
        recall = share_over_seeds(true_positives, n)
        rows.append((name, float(true_positives.mean()), n, recall.value, recall.low, recall.high))
    return pd.DataFrame(rows, columns=["labels", "true_positives", "n_positives", "recall", "low", "high"])
