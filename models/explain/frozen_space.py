"""The frozen encoder's embeddings as a space to compare with: nearest training examples, and how unusual they are."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from closecall.analysis.causes.misses import (
    LEVEL,
    conformal_p,
    leave_one_out_similarities,
    other_class_neighbours,
)
from closecall.analysis.errors.neighbours import nearest
from closecall.data.experiments.store import ExperimentConfig

CLASSES = {"positive": 1, "negative": 0}
POOL_PER_CLASS = 5_000
CALIBRATION = 2_000
"""Training examples of a class whose similarities and labels are compared with; a random sample of more."""
FEWEST_CALIBRATION = round(1 / LEVEL) - 1
"""With fewer, no p value can reach the level."""

NO_EMBEDDINGS = "There are no embeddings of the frozen encoder."


@dataclass(frozen=True)
class FrozenSpace:
    """The frozen encoder's embeddings of `rows` (id, label, split), and its training examples.

    `pool`: rows of the class-balanced pool. By class: `members`, the rows of all its training examples, and
    `calibration`, the similarities of some of them to their nearest other one.
    """

    rows: pd.DataFrame
    embeddings: np.ndarray
    pool: np.ndarray
    members: dict[int, np.ndarray]
    calibration: dict[int, np.ndarray]

    def others(self, ids: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
        return other_class_counts(ids, labels, self.rows, self.embeddings, self.pool, k=k)

    def nearest_of(self, ids: np.ndarray, label: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The nearest training example of a class: its id, the cosine, and the conformal p value; each (n,)."""
        places, members = pd.Index(self.rows["id"]).get_indexer(pd.Index(ids)), self.members[label]
        known = np.flatnonzero(places >= 0)
        names, cosines = np.full(len(ids), "", dtype=object), np.full(len(ids), np.nan)
        if not len(known) or len(self.calibration[label]) < FEWEST_CALIBRATION:
            return names, cosines, cosines
        index, cosine = nearest(self.embeddings[places[known]], self.embeddings[members], k=1)
        names[known] = self.rows["id"].to_numpy(dtype=object)[members[index[:, 0]]]
        cosines[known] = cosine[:, 0]
        return names, cosines, conformal_p(cosines, self.calibration[label])


def frozen_space(rows: pd.DataFrame, embeddings: np.ndarray, pool: np.ndarray, family: np.ndarray) -> FrozenSpace:
    train = (rows["split"] == "train").to_numpy()
    members = {label: np.flatnonzero(train & (rows["label"] == label).to_numpy()) for label in CLASSES.values()}
    calibration = {}
    for label, own in members.items():
        known = np.empty(0)
        if len(own):
            sample = np.searchsorted(own, drawn(own))
            known = leave_one_out_similarities(embeddings[own], family[own], rows=sample)
        calibration[label] = known[~np.isnan(known)]
    return FrozenSpace(rows, embeddings, pool, members, calibration)


def drawn(members: np.ndarray) -> np.ndarray:
    """At most CALIBRATION of some row numbers, at random, rising."""
    return members[np.sort(np.random.default_rng(0).permutation(len(members))[:CALIBRATION])]


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


def few_training(config: ExperimentConfig, needed: str) -> str:
    """Why something is not measured that needs training texts, such as "20 training positives"."""
    if config.kind == "imported":
        return f"This needs {needed}, and imported predictions do not name their training texts."
    return f"This needs {needed}."
