"""Causes of single errors: why was this positive missed, or this negative predicted positive?

An error gets the first cause in `CAUSES_OF_MISSES` that holds. Each cause is compared with how often it would hold for
correctly classified examples. False positives use the same causes with the classes exchanged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import betabinom, hypergeom

from closecall.analysis.errors.neighbours import nearest
from closecall.analysis.intervals import holm, wilson
from closecall.analysis.metrics.ranking import threshold_at_fpr
from closecall.analysis.validation import Bools, Floats, Ints, as_labels, as_runs, both_classes

THRESHOLD, SUSPECT, NOT_READ, NOT_SIMILAR = "threshold", "suspect label", "not read", "no similar example"
SEED, OVERLAP, UNEXPLAINED = "seed", "overlap", "unexplained"
LEVEL = 0.05
"""The p value at or below which a cause holds or is reported."""
_BLOCK_CELLS = 8_000_000


@dataclass(frozen=True)
class MissCause:
    """A cause of an error: `key` for files and links, `title` for tables, `help` says when it holds."""

    key: str
    title: str
    help: str


CAUSES_OF_MISSES = (
    MissCause(
        THRESHOLD,
        "Recovered by the threshold",
        "Most seeds classify it correctly at the reference threshold, which is chosen on validation.",
    ),
    MissCause(
        SUSPECT,
        "Suspect label",
        "The label audit flags it, at least 4 of its 5 nearest training texts are of the other class, and it is not "
        "dissimilar from that class. Or a near copy has the other label. Texts of both classes are flagged, too: read "
        "it.",
    ),
    MissCause(
        NOT_READ,
        "Evidence not read",
        "The text is longer than the encoder reads, and most seeds classify a later part of it correctly.",
    ),
    MissCause(
        NOT_SIMILAR,
        "No similar training example",
        "At most 5 % of the training examples of its class are as far from their nearest one. By definition about 5 % "
        "of all examples are.",
    ),
    MissCause(SEED, "Depends on the seed", "20 to 80 % of the seeds classify it correctly, of 3 or more seeds."),
    MissCause(
        OVERLAP,
        "Overlaps the other class",
        "Most seeds misclassify it at every ratio, and most of its 10 nearest training texts are of the other class, "
        "before and after fine-tuning. They are near for the encoder: a reader may still see the class.",
    ),
    MissCause(
        UNEXPLAINED, "Unexplained", "None of the measured causes holds. Words and slices shows what such errors share."
    ),
)
"""All causes, in the order in which they are assigned."""
MISS_CAUSE_BY_KEY = {cause.key: cause for cause in CAUSES_OF_MISSES}


def conformal_p(similarity_to_nearest: ArrayLike, calibration: ArrayLike) -> Floats:
    """How unusual is the similarity of an example to its nearest training example of the class? Shape (m,), 0 to 1.

    p_i = (1 + #{j: s_j <= s_i}) / (n + 1), with the similarities `similarity_to_nearest` (m,) and those of the training
    examples to each other, `calibration` (n,) (Vovk 2005; `leave_one_out_similarities`). If the example is exchangeable
    with the training examples, P(p <= a) <= a. nan stays nan. ValueError without a calibration value.
    """
    known = np.sort(np.asarray(calibration, dtype=np.float64))
    similarities = np.asarray(similarity_to_nearest, dtype=np.float64)
    if known.ndim != 1 or len(known) == 0 or np.isnan(known).any() or similarities.ndim != 1:
        raise ValueError("A conformal p value needs at least one calibration similarity, and lists without gaps.")
    p = (1 + np.searchsorted(known, similarities, side="right")) / (len(known) + 1)
    return np.where(np.isnan(similarities), np.nan, p)


def leave_one_out_similarities(embeddings: ArrayLike, families: ArrayLike, *, rows: ArrayLike | None = None) -> Floats:
    """Cosine of each of `rows` to the nearest other embedding that is not of its family. Shape (rows,), -1 to 1.

    `embeddings` (n, d); `families` (n,): near copies and groups have one number, because they do not cross the splits.
    `rows`: row numbers, all by default. nan where no other family is left. ValueError for other shapes.
    """
    vectors, family = np.asarray(embeddings, dtype=np.float32), np.asarray(families)
    if vectors.ndim != 2 or family.shape != (len(vectors),):
        raise ValueError(f"There must be one family for each embedding; {vectors.shape} and {family.shape} are given.")
    vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    chosen = np.arange(len(vectors)) if rows is None else np.asarray(rows, dtype=np.int64)
    largest = np.full(len(chosen), np.nan)
    step = max(1, _BLOCK_CELLS // max(len(vectors), 1))
    for start in range(0, len(chosen), step):
        own = chosen[start : start + step]
        cosines = vectors[own] @ vectors.T
        cosines[family[own][:, None] == family[None, :]] = -np.inf
        best = cosines.max(axis=1).astype(np.float64)
        largest[start : start + step] = np.where(np.isfinite(best), best, np.nan)
    return largest


def other_class_neighbours(
    queries: ArrayLike,
    labels: ArrayLike,
    embeddings: ArrayLike,
    train_labels: ArrayLike,
    *,
    k: int,
    own: ArrayLike = -1,
) -> Ints:
    """How many of the k nearest training examples of each query are of the other class. Shape (m,), 0 to k.

    `queries` (m, d) with `labels` (m,), `embeddings` (n, d) with `train_labels` (n,). `own` (m,): row number of the
    query itself, which is left out; -1 for none. Meant for a pool with as many examples of either class: k/2 is then
    the count by chance. ValueError unless n > k.
    """
    query_labels, train = as_labels(labels), as_labels(train_labels)
    if len(train) <= k:
        raise ValueError(f"The {k} nearest of {len(train)} training examples cannot be found.")
    indices, _ = nearest(queries, embeddings, k=k + 1)
    itself = indices == np.broadcast_to(np.asarray(own), query_labels.shape)[:, None]
    itself[~itself.any(axis=1), k] = True  # the farthest is left out where the query is not among them
    others = indices[~itself].reshape(len(indices), k)
    return np.asarray((train[others] != query_labels[:, None]).sum(axis=1))


def reference_thresholds(
    labels: ArrayLike, scores: ArrayLike, reference_scores: ArrayLike, *, threshold: float, positive: bool = True
) -> tuple[float, Floats]:
    """The error rate of the reference runs at `threshold`, and the threshold of each run with at most that rate.

    `scores` (seeds, n) and `reference_scores` (runs, n) of the same validation examples, `labels` (n,). `positive`: the
    false-positive rate, by which false negatives are recovered; else the false-negative rate, by which false positives
    are. The rate is the mean over the reference runs, 0 to 1; thresholds (seeds,). ValueError without both classes.
    """
    known = both_classes(labels)
    own, reference = as_runs(scores, len(known)), as_runs(reference_scores, len(known))
    predicted = reference >= threshold
    if positive:
        rate = float(predicted[:, ~known].mean())
        return rate, np.array([threshold_at_fpr(known, one, fpr=rate) for one in own])
    rate = float((~predicted[:, known]).mean())
    # With the classes exchanged, a score equal to the threshold is predicted negative: the next number is not.
    return rate, np.array([np.nextafter(-threshold_at_fpr(~known, -one, fpr=rate), np.inf) for one in own])


def assign(holds: Mapping[str, ArrayLike]) -> NDArray[np.object_]:
    """The first cause that holds for each example, as its key. Shape (n,); "unexplained" where none holds.

    `holds`: for each measured cause, by key, whether it holds (n,). The order is that of `CAUSES_OF_MISSES`.
    ValueError for an unknown key, other shapes, or without a cause.
    """
    columns = _columns(holds)
    assigned = np.full(len(next(iter(columns.values()))), UNEXPLAINED, dtype=object)
    for key in reversed(columns):
        assigned[columns[key]] = key
    return assigned


def have_suspect_label(audited: ArrayLike, near_copy_label: ArrayLike, labels: ArrayLike) -> Bools:
    """Which labels are suspect, by the audit with its neighbours or by a near copy with the other label? Shape (n,).

    `audited`: 1 where audit and neighbours suspect the label. `near_copy_label`: of the near copy. Both nan where there
    is none. `labels`: as given. All (n,).
    """
    copies = np.asarray(near_copy_label, dtype=np.float64)
    contrary = ~np.isnan(copies) & (copies != np.asarray(labels))
    return np.asarray((np.asarray(audited, dtype=np.float64) == 1) | contrary)


def null_rates(
    holds: Mapping[str, ArrayLike],
    errors: ArrayLike,
    correct: ArrayLike,
    *,
    controls: Mapping[str, ArrayLike] | None = None,
    training_suspects: Sequence[int] | None = None,
    calibration: int | None = None,
) -> pd.DataFrame:
    """How often is each cause assigned to errors, and how often would it be to correctly classified examples?

    `holds` as in `assign`, `errors` and `correct` (n,). `controls`: for some causes, other examples to compare with
    than `correct`. `training_suspects`: how many training examples of the class have a suspect label, and of how many.
    `calibration`: number of training examples behind the p values of no similar example.
    One row for each measured cause and for "unexplained", in order:
    `cause`; `errors` of `of_errors`: how many are assigned it; `share, low, high` with Wilson's interval;
    `tested`: errors that the threshold does not recover; `correct` of `of_correct`, `correct_share`: control examples
    that would be assigned it with the threshold aside, and for suspect labels the training examples; `holds` of
    `of_class`: errors and correct examples for which it holds; `p` by one of three tests, nan for other causes:
    text that is not read, errors/tested against correct/of_correct, one-sided Fisher exact test (Fisher 1922);
    suspect labels, holds/of_class against the training examples by the same test, because the splits are exchangeable;
    no similar example, whether holds/of_class exceeds 5 %, both without the suspect labels (`dissimilar_p`).
    `p_holm` over the tests; `reported`: p_holm <= 0.05. The threshold is reported when it recovers an error.
    Overlap and dependence on the seed have no valid null: errors are chosen by score, and both go along with it.
    """
    columns = _columns(holds)
    wrong, right = as_labels(errors), as_labels(correct)
    assigned = assign(columns)
    aside = {key: values for key, values in columns.items() if key != THRESHOLD}
    would = assign(aside) if aside else np.full(len(wrong), UNEXPLAINED, dtype=object)
    rows = []
    for key in [*columns, UNEXPLAINED]:
        control, members = as_labels((controls or {}).get(key, right)), wrong | right
        if key == NOT_SIMILAR and SUSPECT in columns:
            members = members & ~columns[SUSPECT]  # a wrong label comes from the other class, so it resembles that one
        row = {
            "cause": key,
            "errors": int((wrong & (assigned == key)).sum()),
            "tested": int((wrong & (assigned != THRESHOLD)).sum()),
            "correct": int((control & (would == key)).sum()),
            "of_correct": int(control.sum()),
            "holds": int((columns[key] & members).sum()) if key in columns else 0,
            "of_class": int(members.sum()),
        }
        if key == SUSPECT and training_suspects is not None:
            row |= dict(zip(("correct", "of_correct"), training_suspects, strict=True))
        tested = key != SUSPECT or training_suspects is not None
        rows.append(row | {"p": _p_value(row, calibration) if tested else np.nan})
    return _with_shares(pd.DataFrame(rows), wrong)


def _p_value(row: Mapping[str, Any], calibration: int | None) -> float:
    """Is a cause more frequent than by chance? As in `null_rates`; nan for a cause without a test."""
    control = row["correct"], row["of_correct"]
    if row["cause"] == NOT_READ:
        return _fisher_greater(row["errors"], row["tested"], *control)
    if row["cause"] == SUSPECT:
        return _fisher_greater(row["holds"], row["of_class"], *control)
    if row["cause"] == NOT_SIMILAR and calibration is not None:
        return dissimilar_p(row["holds"], row["of_class"], calibration)
    return np.nan


def dissimilar_p(held: int, of: int, calibration: int) -> float:
    """Are more than 5 % of some examples unlike the training examples of their class? One-sided p, 0 to 1.

    `held` of `of` examples have a conformal p of at most LEVEL. All are compared with the same `calibration` training
    examples, so their p values are not independent: under exchangeability the share is Beta(k, n + 1 - k) distributed
    with k = floor(LEVEL (n + 1)), and `held` beta-binomial (Vovk 2012). 1 where no p value can reach the level.
    """
    k = int(LEVEL * (calibration + 1) + 1e-9)
    return float(betabinom.sf(held - 1, of, k, calibration + 1 - k)) if k and of else 1.0


def _with_shares(table: pd.DataFrame, wrong: Bools) -> pd.DataFrame:
    n = int(wrong.sum())
    low, high = wilson(table["errors"], n)
    compared = table["p"].notna().to_numpy()
    threshold = (table["cause"] == THRESHOLD).to_numpy()
    adjusted = np.full(len(table), np.nan)
    adjusted[compared] = holm(table.loc[compared, "p"])
    table["share"], table["low"], table["high"] = table["errors"] / n if n else np.nan, low, high
    table["correct_share"] = table["correct"] / table["of_correct"].where(table["of_correct"] > 0)
    table.loc[threshold, "correct_share"] = np.nan
    table["p_holm"] = adjusted
    table["reported"] = np.where(threshold, table["errors"] > 0, adjusted <= LEVEL)
    table["of_errors"] = n
    order = ["cause", "errors", "of_errors", "share", "low", "high", "tested", "correct", "of_correct", "correct_share"]
    return table[[*order, "holds", "of_class", "p", "p_holm", "reported"]]


def _fisher_greater(errors: int, of_errors: int, correct: int, of_correct: int) -> float:
    """One-sided p of Fisher's exact test that the share among the errors is larger."""
    total, marked = of_errors + of_correct, errors + correct
    return float(min(1.0, hypergeom.sf(errors - 1, total, marked, of_errors)))


def _columns(holds: Mapping[str, ArrayLike]) -> dict[str, Bools]:
    """The causes in order, each as booleans of one shape (n,)."""
    unknown = set(holds) - set(MISS_CAUSE_BY_KEY) | set(holds) & {UNEXPLAINED}
    if unknown or not holds:
        raise ValueError(
            f"Name causes among {', '.join(list(MISS_CAUSE_BY_KEY)[:-1])}; not {', '.join(holds) or 'none'}."
        )
    columns = {key: as_labels(holds[key]) for key in MISS_CAUSE_BY_KEY if key in holds}
    if len({len(values) for values in columns.values()}) > 1:
        raise ValueError("Each cause needs one value for each example.")
    return columns
