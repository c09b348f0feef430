"""Runs that failed to train: collapsed runs, and runs that rank far worse than the other seeds of their ratio."""

from dataclasses import dataclass

import numpy as np

from closecall.analysis.metrics.outcomes import collapsed
from closecall.analysis.validation import Bools, Floats, Ints

FAR_BELOW = 0.05
"""How much lower than the other seeds' lowest AUC a run must be to count as failed."""


@dataclass(frozen=True)
class FailedRun:
    """A run that is left out of comparisons. `kind`: "collapsed", or "outlier" for an AUC far below the other seeds.

    `row` is its row in the probabilities. `recall` is at the default threshold; `others_auc` is the mean AUC of the
    other runs of its ratio, nan without any. `mean_recall` and `mean_recall_with`: recall of the ratio without and with
    its failed runs, nan where all failed.
    """

    row: int
    ratio: float
    seed: int
    kind: str
    auc: float
    recall: float
    others_auc: float
    mean_recall: float
    mean_recall_with: float


def failed_runs(
    positive: Bools, probs: Floats, areas: Floats, ratios: Floats, seeds: Ints | Floats, *, threshold: float = 0.5
) -> tuple[FailedRun, ...]:
    """The runs (runs, n) to leave out, in order; `areas` (runs,) is the AUC of each.

    Collapsed: see `outcomes.collapsed`. Outlier: the AUC of one run is at least FAR_BELOW under the lowest of the other
    seeds of its ratio, and under by more than four times the widest range of the other seeds or of another ratio. With
    two seeds, another ratio must have two as well.
    """
    fell = collapsed(positive, probs, threshold=threshold)
    recalls = (probs[:, positive] >= threshold).mean(axis=1)
    kinds = np.where(fell, "collapsed", "")
    for ratio in np.unique(ratios):
        rows = np.flatnonzero((ratios == ratio) & ~fell)
        others = [areas[(ratios == one) & ~fell] for one in np.unique(ratios) if one != ratio]
        if (outlier := _outlier(areas, rows, [np.ptp(one) for one in others if len(one) > 1])) is not None:
            kinds[outlier] = "outlier"
    failed = []
    for row in np.flatnonzero(kinds != ""):
        same = ratios == ratios[row]
        sound = same & (kinds == "")
        failed.append(
            FailedRun(
                int(row),
                float(ratios[row]),
                int(seeds[row]),
                str(kinds[row]),
                float(areas[row]),
                float(recalls[row]),
                float(areas[sound].mean()) if sound.any() else float("nan"),
                float(recalls[sound].mean()) if sound.any() else float("nan"),
                float(recalls[same].mean()),
            )
        )
    return tuple(failed)


def _outlier(areas: Floats, rows: np.ndarray, ranges: list[float]) -> int | None:
    """The one row with an AUC far below the other seeds, None if there is none. `ranges`: of AUC at other ratios."""
    if len(rows) < 2 or (len(rows) == 2 and not ranges):
        return None
    order = rows[np.argsort(areas[rows])]
    others = areas[order[1:]]
    gap = others.min() - areas[order[0]]
    return int(order[0]) if gap >= FAR_BELOW and gap > 4 * max(np.ptp(others), *ranges, 0.0) else None
