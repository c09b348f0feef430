"""One example's outcomes over ratios and seeds: always hit, lost at which ratio, always missed, or never settled."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from closecall.analysis.metrics.outcomes import predicted
from closecall.analysis.ratio.matched_thresholds import fpr_matched_thresholds, recall_matched_thresholds
from closecall.analysis.validation import Bools, Floats, as_labels, as_probs, same_runs

KINDS = ("always right", "lost", "gained", "unstable", "wavering", "always wrong")
_GROUPS = {
    True: ("always hit", "lost at", "gained at", "unstable", "wavering", "always missed"),
    False: ("always rejected", "false alarm from", "cleared at", "unstable", "wavering", "always false alarm"),
}
# A hit share between these two, at one ratio, is the seed's doing and not the example's.
UNSTABLE = (0.2, 0.8)


def outcome_strings(
    labels: ArrayLike, pos_probs: ArrayLike, ratios: ArrayLike, seeds: ArrayLike, *, threshold: ArrayLike = 0.5
) -> NDArray[np.str_]:
    """How did each example fare over all runs, in one short string?

    One letter for each run, ratios rising and parted by "/", seeds rising inside: H hit, M miss for a positive, R
    correct rejection, F false alarm for a negative, "-" a run that was not made. "HH/HM/MM": found by both seeds at the
    first ratio, by one at the second, by none at the third. `pos_probs` (runs, n); `ratios`, `seeds` (runs,);
    `threshold` one value or one for each run. Answer (n,). Raises ValueError when two runs share ratio and seed.
    """
    positive = as_labels(labels)
    called = predicted(as_probs(pos_probs, len(positive)), threshold)
    places = _places(ratios, seeds, len(called))
    letters = np.where(positive, np.where(called, "H", "M"), np.where(called, "F", "R"))
    columns: list[NDArray[np.str_]] = []
    for row in places:
        columns += [letters[run] if run >= 0 else np.full(len(positive), "-") for run in row]
        columns.append(np.full(len(positive), "/"))
    return np.ascontiguousarray(np.stack(columns[:-1], axis=1)).view(f"<U{len(columns) - 1}")[:, 0]


def _places(ratios: ArrayLike, seeds: ArrayLike, runs: int) -> NDArray[np.int64]:
    """Which run stands at each (ratio, seed), both rising; -1 for none."""
    ratio, seed = same_runs(ratios, seeds, runs=runs)
    (_, row), (_, column) = (np.unique(axis, return_inverse=True) for axis in (ratio, seed))
    places = np.full((row.max() + 1, column.max() + 1), -1)
    if len(set(zip(row.tolist(), column.tolist(), strict=True))) < runs:
        raise ValueError("Two runs have the same ratio and seed; compare one remedy at a time.")
    places[row, column] = np.arange(runs)
    return places


def right_shares(
    labels: ArrayLike, pos_probs: ArrayLike, ratios: ArrayLike, *, threshold: ArrayLike = 0.5
) -> tuple[Floats, Floats]:
    """Which share of the seeds gets each example right, ratio by ratio?

    Answers the rising ratios (R,) and the shares (R, n). `pos_probs` (runs, n), `ratios` (runs,).
    """
    positive = as_labels(labels)
    right = predicted(as_probs(pos_probs, len(positive)), threshold) == positive
    (ratio,) = same_runs(ratios, runs=len(right))
    levels = np.unique(ratio)
    return levels.astype(np.float64), np.stack([right[ratio == level].mean(axis=0) for level in levels])


def outcome_groups(
    labels: ArrayLike, pos_probs: ArrayLike, ratios: ArrayLike, seeds: ArrayLike, *, threshold: ArrayLike = 0.5
) -> pd.DataFrame:
    """What became of each example as the ratio rose?

    One row for each example: `label, kind, group, turned_at, recoverable, unstable, right_share, outcome_string`.
    `kind` is one of KINDS, the first that fits: always right (at every ratio in over 80 % of the seeds), always wrong
    (under 20 %), lost (most seeds have it at the smallest ratio; from `turned_at` on most miss it and it stays so),
    gained (the other way), unstable (a right share of .2 to .8 at one ratio; the flag of that name may also hold for
    lost and gained), wavering (goes and comes back). `group` is the same in words of its class: "lost at 1:5",
    "always missed"; negatives "false alarm from 1:5", "cleared at 1:5". `recoverable`: lost, but most seeds of the
    largest ratio still rank it on the right side of the cut that matches the smallest ratio's false-alarm rate (for a
    negative: its recall) in this sample. Leave collapsed runs out first. Shapes and errors as `outcome_strings`.
    """
    positive = as_labels(labels)
    strings = outcome_strings(labels, pos_probs, ratios, seeds, threshold=threshold)
    levels, shares = right_shares(labels, pos_probs, ratios, threshold=threshold)
    wavers: Bools = np.any((shares >= UNSTABLE[0]) & (shares <= UNSTABLE[1]), axis=0)
    kinds, turn = _kinds(shares, wavers)
    turned_at = np.where(np.isin(kinds, (1, 2)), levels[turn], np.nan)
    right = predicted(as_probs(pos_probs, len(positive)), threshold) == positive
    recoverable = (kinds == 1) & _ranked_right(positive, pos_probs, ratios, seeds, threshold)
    return pd.DataFrame(
        {
            "label": positive.astype(np.int64),
            "kind": np.array(KINDS)[kinds],
            "group": _group_names(positive, kinds, turned_at),
            "turned_at": turned_at,
            "recoverable": recoverable,
            "unstable": wavers,
            "right_share": right.mean(axis=0),
            "outcome_string": strings,
        }
    )


def _kinds(shares: Floats, unstable: Bools) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Index into KINDS, and the index of the ratio from which the last state holds."""
    right = shares >= 0.5
    changed = right[:-1] != right[1:]
    turn = np.where(changed.any(axis=0), len(changed) - np.argmax(changed[::-1], axis=0), 0) if len(changed) else 0
    first, last = right[0], right[-1]
    rules = [
        (shares > UNSTABLE[1]).all(axis=0),
        first & ~last,
        ~first & last,
        (shares < UNSTABLE[0]).all(axis=0),
        unstable,
    ]
    return np.select(rules, [0, 1, 2, 5, 3], default=4), np.broadcast_to(turn, first.shape)


def _group_names(positive: Bools, kinds: NDArray[np.int64], turned_at: Floats) -> NDArray[np.str_]:
    names = np.where(positive, np.array(_GROUPS[True])[kinds], np.array(_GROUPS[False])[kinds]).astype(object)
    for ratio in np.unique(turned_at[~np.isnan(turned_at)]):
        here = turned_at == ratio
        names[here] = names[here] + f" 1:{ratio:g}"
    return names.astype(str)


def _ranked_right(
    positive: Bools, pos_probs: ArrayLike, ratios: ArrayLike, seeds: ArrayLike, threshold: ArrayLike
) -> Bools:
    """Whether most seeds of the largest ratio rank an example right when cut level with the smallest ratio."""
    if positive.all() or not positive.any():
        return np.zeros(len(positive), dtype=np.bool_)
    probs = as_probs(pos_probs, len(positive))
    ratio, seed = same_runs(ratios, seeds, runs=len(probs))
    cuts = np.asarray(same_runs(threshold, runs=len(probs))[0], dtype=np.float64)
    ends = np.flatnonzero((ratio == ratio.max()) | (ratio == ratio.min()))
    largest = ratio[ends] == ratio.max()
    two = probs[ends], ratio[ends], seed[ends]
    price = fpr_matched_thresholds(positive, *two, threshold=cuts[ends])[largest]
    found = recall_matched_thresholds(positive, *two, threshold=cuts[ends])[largest]
    rows = two[0][largest]
    right = np.where(positive, rows >= price[:, None], rows < found[:, None])
    return right.mean(axis=0) > 0.5
