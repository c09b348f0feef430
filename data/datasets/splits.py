"""Draw the train, validation and test splits: groups and duplicates stay together, both classes keep their shares."""

import numpy as np
import pandas as pd

from closecall.data.datasets.duplicates import clusters, text_keys
from closecall.data.datasets.store import SPLITS
from closecall.data.io.errors import UserError


def assign_splits(
    examples: pd.DataFrame,
    *,
    seed: int,
    test_share: float = 0.35,
    validation_share: float = 0.15,
    families: np.ndarray | None = None,
) -> pd.DataFrame:
    """The examples with `split` filled: train, validation or test.

    Rows of one group, with one normalised text or of one family of near copies go to one split; `families` has n names,
    "" for none. Both labels are drawn with the same shares by `seed`;
    the draw depends on ids, not on the order of rows. A split that the examples already name is kept, and what is
    missing is drawn from their train part. UserError when a class is too small, or its groups too few, to split.
    """
    _check_shares(test_share, validation_share)
    given = set(examples["split"].unique()) - {""}
    if given and "train" not in given:
        raise UserError("The split column names no row as train. Leave the split column out to have a split drawn.")
    shares = {"test": test_share, "validation": validation_share}
    missing = {split: share for split, share in shares.items() if split not in given}
    splits = examples["split"].replace("", "train").to_numpy(dtype=object).copy()
    pool = np.flatnonzero(splits == "train")
    if families is None:
        families = np.full(len(examples), "", dtype=object)
    if missing:
        part = examples.iloc[pool]
        splits[pool] = _draw(part, missing, seed, clusters(text_keys(part["text"]), part["group"], families[pool]))
    result = examples.assign(split=splits)
    _check_result(result)
    return result


def _draw(pool: pd.DataFrame, shares: dict[str, float], seed: int, cluster: np.ndarray) -> np.ndarray:
    """Splits for a pool. Rows of one cluster stay together.

    Clusters of several rows are placed greedily, the largest first; single rows fill up the exact quotas.

    Each label has a draw of its own, so that the same positives are tested beside other negatives.
    """
    labels = pool["label"].to_numpy(dtype=np.int64)
    quotas = _quotas(labels, shares)
    names = list(quotas)
    left = np.array([quotas[name] for name in names], dtype=np.float64)
    by_id = np.argsort(pool["id"].to_numpy(dtype=object), kind="stable")
    orders = [np.random.default_rng([seed, label]).permutation(by_id[labels[by_id] == label]) for label in (0, 1)]
    tied = np.bincount(cluster)[cluster] > 1
    members: dict[int, list[int]] = {}
    for row in np.concatenate(orders):
        if tied[row]:
            members.setdefault(cluster[row], []).append(row)
    splits = np.empty(len(pool), dtype=object)
    for rows in sorted(members.values(), key=len, reverse=True):
        counts = np.bincount(labels[rows], minlength=2)
        chosen = _emptiest(left, counts)
        left[chosen] -= counts
        splits[rows] = names[chosen]
    for label, order in enumerate(orders):
        singles = order[~tied[order]]
        ends = np.cumsum(left[:-1, label].clip(0).astype(int))
        for name, part in zip(names, np.split(singles, ends), strict=True):
            splits[part] = name
    return splits


def _emptiest(left: np.ndarray, counts: np.ndarray) -> int:
    """The split whose remaining need, in the labels of these rows, is the greatest; the rare class weighs the more."""
    totals = np.maximum(left.clip(0).sum(axis=0), 1)
    return int(np.argmax((left.clip(0) / totals) @ (counts / totals)))


def _quotas(labels: np.ndarray, shares: dict[str, float]) -> dict[str, np.ndarray]:
    """Rows of each label for each split, at least one; train comes last and takes the rest."""
    totals = np.bincount(labels, minlength=2)
    least = len(shares) + 2
    for label, total in enumerate(totals):
        if total < least:
            kind = "positives" if label else "negatives"
            raise UserError(
                f"There are {total} {kind} to split, too few: at least {least} are needed, and 100 or more "
                "for intervals narrow enough to use. Add examples or choose other classes."
            )
    quotas = {split: np.maximum(np.floor(totals * share + 0.5), 1).astype(int) for split, share in shares.items()}
    quotas["train"] = totals - sum(quotas.values())
    return quotas


def _check_shares(test_share: float, validation_share: float) -> None:
    if not (0 < test_share < 1 and 0 < validation_share < 1 and test_share + validation_share <= 0.9):
        raise UserError(
            f"Shares of {test_share:g} for test and {validation_share:g} for validation leave too little to train on: "
            "each must be above 0, and together at most 0.9."
        )


def _check_result(examples: pd.DataFrame) -> None:
    counts = examples.groupby(["split", "label"]).size()
    for split in SPLITS:
        for label, kind in ((1, "positives"), (0, "negatives")):
            if (split, label) not in counts.index:
                raise UserError(
                    f"The {split} split has no {kind}. There are too few, or they are in too few groups: "
                    "add examples, or leave out the group or split column."
                )
