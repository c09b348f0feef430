"""Evidence on the causes of errors that does not depend on a run: labels, near copies, neighbours, tokens.

Nothing here imports torch at the top, so that the app can import it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from closecall.analysis.causes.misses import (
    LEVEL,
    NOT_READ,
    NOT_SIMILAR,
    OVERLAP,
    SUSPECT,
    conformal_p,
    leave_one_out_similarities,
    other_class_neighbours,
)
from closecall.analysis.errors.neighbours import nearest
from closecall.data.annotations.causes import COLUMNS, empty_columns
from closecall.data.datasets.near_copies import families, near_copy_pairs
from closecall.data.experiments.runs import load_embeddings
from closecall.data.experiments.store import ExperimentConfig, experiment_folder
from closecall.data.io.errors import UserError
from closecall.models.explain.label_audit import audit

NEIGHBOURS, FEW = 10, 5
"""Nearest training texts counted for overlap, and for a suspect label."""
SUSPECT_OTHERS = 4
"""So many of the FEW nearest must be of the other class for a suspect label."""
POOL_PER_CLASS = 5_000
CALIBRATION = 2_000
"""Training examples of a class whose similarity to their nearest is the calibration; a random sample of more."""
WINDOW_SAMPLE = 200
"""Cut texts of the random sample whose later windows are scored."""
FEWEST_CALIBRATION = round(1 / LEVEL) - 1
"""With fewer, no p value can reach the level."""


@dataclass
class ExampleEvidence:
    """The columns found so far, one row for each test example, and what could not be measured, by cause."""

    frame: pd.DataFrame
    not_measured: dict[str, str] = field(default_factory=dict)

    def put(self, **columns: Any) -> None:
        self.frame = self.frame.assign(**columns)


def example_evidence(
    config: ExperimentConfig,
    read_by: tuple[str, int],
    test: pd.DataFrame,
    plan: pd.DataFrame,
    texts: pd.DataFrame,
    on_step: Callable[[str], None],
) -> ExampleEvidence:
    """The columns of evidence.parquet for the test examples, `test` (id, label).

    `read_by`: the encoder, "" when it is not known, and its maximum of tokens. `texts`: id, text, label, split and
    group of all examples, empty without texts. `on_step` is called with the name of each step before it.
    """
    found = ExampleEvidence(empty_columns(test["id"].to_numpy(dtype=object), test["label"].to_numpy()))
    on_step("comparing texts")
    pairs = near_copy_pairs(texts["text"]) if len(texts) else pd.DataFrame({"first": [], "second": [], "jaccard": []})
    if len(texts):
        found.put(**near_copy_columns(test, texts, pairs))
    on_step("auditing")
    _audit(config.id, found)
    on_step("neighbours")
    _neighbours(config, found, plan, texts, pairs)
    on_step("counting tokens")
    _tokens(read_by, found, texts)
    found.frame = found.frame[list(COLUMNS)].astype(COLUMNS)
    return found


def near_copy_columns(test: pd.DataFrame, texts: pd.DataFrame, pairs: pd.DataFrame) -> dict[str, np.ndarray]:
    """The nearest copy of each test example: one with the other label before others, then the most similar."""
    both = pd.concat([pairs, pairs.rename(columns={"first": "second", "second": "first"})], ignore_index=True)
    first, second = (both[name].to_numpy(dtype=np.int64) for name in ("first", "second"))
    ids, labels = texts["id"].to_numpy(dtype=object), texts["label"].to_numpy()
    table = pd.DataFrame(
        {
            "id": ids[first],
            "near_copy": ids[second],
            "near_copy_split": texts["split"].to_numpy(dtype=object)[second],
            "near_copy_label": labels[second],
            "near_copy_jaccard": both["jaccard"].to_numpy(),
            "differs": labels[first] != labels[second],
        }
    )
    table = table.sort_values(["differs", "near_copy_jaccard"], ascending=False, kind="stable").drop_duplicates("id")
    table = table.set_index("id").drop(columns="differs").reindex(test["id"])
    table = table.fillna({"near_copy": "", "near_copy_split": ""})
    return {str(name): table[name].to_numpy() for name in table}


def balanced_pool(rows: pd.DataFrame, plan: pd.DataFrame, seed: int) -> np.ndarray:
    """Positions in `rows` (id, label, split) of equally many training examples of both classes, the first by rank.

    At most POOL_PER_CLASS of each class. `seed`: whose negatives, or those of the first seed when it has none.
    Without a plan, as for imported predictions, a random sample of all rows.
    """
    if not len(plan):
        plan = pd.DataFrame({"id": rows["id"], "seed": seed, "rank": np.random.default_rng(0).permutation(len(rows))})
        rows = rows.assign(split="train")
    own = plan[plan["seed"] == (seed if (plan["seed"] == seed).any() else plan["seed"].min())]
    ranks = pd.Series(own["rank"].to_numpy(), index=own["id"].to_numpy(dtype=object))
    rank = ranks.reindex(rows["id"].to_numpy(dtype=object)).to_numpy(dtype=np.float64, copy=True)
    rank[(rows["split"] != "train").to_numpy()] = np.nan
    labels = rows["label"].to_numpy()
    members = [np.flatnonzero((labels == label) & ~np.isnan(rank)) for label in (0, 1)]
    size = min(POOL_PER_CLASS, *map(len, members))
    return np.concatenate([own[np.argsort(rank[own], kind="stable")][:size] for own in members])


def other_class_counts(
    ids: np.ndarray, labels: np.ndarray, rows: pd.DataFrame, embeddings: np.ndarray, pool: np.ndarray, *, k: int
) -> np.ndarray:
    """How many of the k nearest others of the pool are of the other class, for each id (n); nan if unknown."""
    counts = np.full(len(ids), np.nan)
    places = pd.Index(rows["id"]).get_indexer(pd.Index(ids))
    known = np.flatnonzero(places >= 0)
    if len(known) and len(pool) > k:
        train_labels, own = rows["label"].to_numpy()[pool], pd.Index(pool).get_indexer(pd.Index(places[known]))
        queries = embeddings[places[known]]
        counts[known] = other_class_neighbours(queries, labels[known], embeddings[pool], train_labels, k=k, own=own)
    return counts


def _audit(experiment: str, found: ExampleEvidence) -> None:
    try:
        _, table = audit(experiment)
    except UserError as error:
        found.not_measured[SUSPECT] = str(error)
        return
    own = table.set_index("id").reindex(found.frame["id"])
    found.put(suspect=own["flagged"].astype("boolean").to_numpy(), self_confidence=own["self_confidence"].to_numpy())


def _neighbours(
    config: ExperimentConfig, found: ExampleEvidence, plan: pd.DataFrame, texts: pd.DataFrame, pairs: pd.DataFrame
) -> None:
    """Neighbours in the frozen encoder's space; `suspect` keeps only flags that the neighbours support."""
    try:
        rows, embeddings = load_embeddings(experiment_folder(config.id) / "frozen")
    except (UserError, OSError, ValueError):
        reason = "There are no embeddings of the frozen encoder."
        found.not_measured |= {NOT_SIMILAR: reason, OVERLAP: reason}
        return
    embeddings = np.asarray(embeddings)
    ids, labels = found.frame["id"].to_numpy(dtype=object), found.frame["label"].to_numpy()
    pool = balanced_pool(rows, plan, 0)
    few = other_class_counts(ids, labels, rows, embeddings, pool, k=FEW)
    ten = other_class_counts(ids, labels, rows, embeddings, pool, k=NEIGHBOURS)
    flagged = found.frame["suspect"].astype("boolean")
    found.put(
        other_class_neighbours=few,
        frozen_other_of_10=ten,
        suspect=flagged.mask(flagged.fillna(False).astype(bool) & (few < SUSPECT_OTHERS), False).mask(np.isnan(few)),
    )
    if len(pool) <= NEIGHBOURS:
        reason = _few_training(config, f"more than {NEIGHBOURS} training texts, half of each class")
        found.not_measured |= {OVERLAP: reason}
        found.not_measured.setdefault(SUSPECT, reason)
    _similarities(config, found, rows, embeddings, _families(rows, texts, pairs))


def _similarities(
    config: ExperimentConfig, found: ExampleEvidence, rows: pd.DataFrame, embeddings: np.ndarray, family: np.ndarray
) -> None:
    """The nearest training example of each class and its conformal p value."""
    places = pd.Index(rows["id"]).get_indexer(pd.Index(found.frame["id"]))
    known = np.flatnonzero(places >= 0)
    train = (rows["split"] == "train").to_numpy()
    for name, label in (("positive", 1), ("negative", 0)):
        members = np.flatnonzero(train & (rows["label"] == label).to_numpy())
        sample = np.sort(np.random.default_rng(0).permutation(len(members))[:CALIBRATION])
        calibration = np.empty(0)
        if len(members):
            calibration = leave_one_out_similarities(embeddings[members], family[members], rows=sample)
            calibration = calibration[~np.isnan(calibration)]
        if len(calibration) < FEWEST_CALIBRATION or not len(known):
            reason = _few_training(config, f"at least {FEWEST_CALIBRATION} training {name}s of different families")
            found.not_measured[f"{NOT_SIMILAR}:{name}"] = reason
            continue
        index, cosine = nearest(embeddings[places[known]], embeddings[members], k=1)
        ids = np.full(len(found.frame), "", dtype=object)
        cosines = np.full(len(found.frame), np.nan)
        ids[known] = rows["id"].to_numpy(dtype=object)[members[index[:, 0]]]
        cosines[known] = cosine[:, 0]
        p = conformal_p(cosines, calibration)
        found.put(**{f"p_{name}": p, f"nearest_{name}": ids, f"{name}_cosine": cosines})


def _families(rows: pd.DataFrame, texts: pd.DataFrame, pairs: pd.DataFrame) -> np.ndarray:
    """The family of each embedded row (n): near copies, and examples of one group, have one number."""
    if not len(texts):
        return np.arange(len(rows))
    group = texts["group"].to_numpy(dtype=object)
    grouped = np.flatnonzero(group != "")
    order = grouped[np.argsort(group[grouped], kind="stable")]
    same = group[order[:-1]] == group[order[1:]] if len(order) else np.empty(0, dtype=bool)
    links = pd.DataFrame({"first": order[:-1][same], "second": order[1:][same]}) if len(order) else pairs[:0]
    numbers = families(pd.concat([pairs[["first", "second"]], links[["first", "second"]]]), len(texts))
    places = pd.Index(texts["id"]).get_indexer(pd.Index(rows["id"]))
    return np.where(places >= 0, numbers[places], len(texts) + np.arange(len(rows)))


def _tokens(read_by: tuple[str, int], found: ExampleEvidence, texts: pd.DataFrame) -> None:
    """How long each text is for the encoder, how much of it was read, and the sample whose windows are scored."""
    encoder, max_tokens = read_by
    if not encoder:
        found.not_measured[NOT_READ] = "How much of a text the classifier read is not known."
        return
    if not len(texts):
        found.not_measured[NOT_READ] = "The dataset has no texts."
        return
    from closecall.models.explain.window_scores import whole_lengths  # imports torch

    own = texts.set_index("id")["text"].reindex(found.frame["id"]).fillna("")
    try:
        tokens = whole_lengths(own.tolist(), encoder)
    except UserError as error:
        found.not_measured[NOT_READ] = str(error)
        return
    order = np.random.default_rng(0).permutation(len(tokens))
    sampled = np.zeros(len(tokens), dtype=bool)
    sampled[order] = np.cumsum(tokens[order] > max_tokens) <= WINDOW_SAMPLE
    found.put(tokens=tokens, tokens_read=np.minimum(tokens, max_tokens), window_sample=sampled)


def _few_training(config: ExperimentConfig, needed: str) -> str:
    if config.kind == "imported":
        return f"This needs {needed}, and imported predictions do not name their training texts."
    return f"This needs {needed}."
