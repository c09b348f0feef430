"""Outcomes of each example over ratios and seeds: strings, groups, and recoverable losses."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from closecall.analysis.metrics.outcomes import predicted
from closecall.analysis.metrics.ranking import weighted_threshold
from closecall.analysis.validation import Bools, Floats, as_labels, as_probs, both_classes, per_run

KINDS = ("always right", "lost", "gained", "unstable", "wavering", "always wrong")
_GROUPS = {
    True: ("always true positive", "lost at", "gained at", "unstable", "wavering", "always missed"),
    False: (
        "always true negative",
        "false positive from",
        "true negative from",
        "unstable",
        "wavering",
        "always false positive",
    ),
}
_OLD_GROUPS = {
    "always hit": "always true positive",
    "always rejected": "always true negative",
    "always false alarm": "always false positive",
    "false alarm from": "false positive from",
    "cleared at": "true negative from",
}
UNSTABLE = (0.2, 0.8)
"""Between these shares of the seeds, at one ratio, an outcome depends on the seed."""


def current_group(name: str) -> str:
    """The present name of an outcome group; names from links and files made before the rename stay readable."""
    start, space, ratio = name.rpartition(" 1:")
    return _OLD_GROUPS.get(name) or _OLD_GROUPS.get(start, start) + space + ratio


def outcome_strings(
    labels: ArrayLike, pos_probs: ArrayLike, ratios: ArrayLike, seeds: ArrayLike, *, threshold: ArrayLike = 0.5
) -> NDArray[np.str_]:
    """The outcomes of each example over all runs as one short string, (n,).

    One letter for each run, ratios increasing and separated by "/", seeds increasing within a ratio: T correct (true
    positive or true negative), F false (false negative or false positive), "-" no run. "TT/TF/FF": correct for both
    seeds at the first ratio, for one at the second, for none at the third. `pos_probs` (runs, n); `ratios`, `seeds`
    (runs,); `threshold` one value or one for each run. Raises ValueError when two runs share ratio and seed.
    """
    positive = as_labels(labels)
    predictions = predicted(as_probs(pos_probs, len(positive)), threshold)
    run_at = _run_grid(ratios, seeds, len(predictions))
    letters = np.where(predictions == positive, "T", "F")
    columns: list[NDArray[np.str_]] = []
    for row in run_at:
        columns += [letters[run] if run >= 0 else np.full(len(positive), "-") for run in row]
        columns.append(np.full(len(positive), "/"))
    return np.ascontiguousarray(np.stack(columns[:-1], axis=1)).view(f"<U{len(columns) - 1}")[:, 0]


def _run_grid(ratios: ArrayLike, seeds: ArrayLike, runs: int) -> NDArray[np.int64]:
    """Row number of the run at each (ratio, seed), both increasing; -1 for none."""
    ratio, seed = per_run(ratios, seeds, runs=runs)
    (_, row), (_, column) = (np.unique(axis, return_inverse=True) for axis in (ratio, seed))
    run_at = np.full((row.max() + 1, column.max() + 1), -1)
    if len(set(zip(row.tolist(), column.tolist(), strict=True))) < runs:
        raise ValueError("Two runs have the same ratio and seed; compare one remedy at a time.")
    run_at[row, column] = np.arange(runs)
    return run_at


def correct_shares(
    labels: ArrayLike, pos_probs: ArrayLike, ratios: ArrayLike, *, threshold: ArrayLike = 0.5
) -> tuple[Floats, Floats]:
    """Share of the seeds that predict each example correctly, at each ratio.

    Returns the increasing ratios (R,) and the shares (R, n). `pos_probs` (runs, n), `ratios` (runs,).
    """
    positive = as_labels(labels)
    right = predicted(as_probs(pos_probs, len(positive)), threshold) == positive
    (ratio,) = per_run(ratios, runs=len(right))
    levels = np.unique(ratio)
    return levels.astype(np.float64), np.stack([right[ratio == level].mean(axis=0) for level in levels])


def outcome_groups(
    labels: ArrayLike, pos_probs: ArrayLike, ratios: ArrayLike, seeds: ArrayLike, *, threshold: ArrayLike = 0.5
) -> pd.DataFrame:
    """How does the outcome of each example change from the smallest to the largest ratio?

    One row for each example: `label, kind, group, turned_at, recoverable, unstable, correct_share, outcome_string`.
    `kind`: the first of KINDS that applies. "always right": correct in over 80 % of the seeds at every ratio; "always
    wrong": under 20 %; "lost": correct for most seeds at the smallest ratio, wrong from `turned_at` on; "gained": the
    reverse; "unstable": a correct share of 0.2 to 0.8 at one ratio (the column of that name may also be True for lost
    and gained); "wavering": any other change. `group`: the same by class, such as "lost at 1:5" or "false positive from
    1:5". `recoverable`: lost, but for most seeds of the largest ratio on the right side of the threshold that matches
    the smallest ratio's false-positive rate (for a negative: its recall) in this sample. Pass no collapsed runs. Shapes
    and errors as `outcome_strings`.
    """
    positive = as_labels(labels)
    strings = outcome_strings(labels, pos_probs, ratios, seeds, threshold=threshold)
    levels, shares = correct_shares(labels, pos_probs, ratios, threshold=threshold)
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
            "correct_share": right.mean(axis=0),
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
    """Whether most seeds of the largest ratio are right at the threshold that matches the smallest ratio."""
    if positive.all() or not positive.any():
        return np.zeros(len(positive), dtype=np.bool_)
    probs = as_probs(pos_probs, len(positive))
    ratio, seed = per_run(ratios, seeds, runs=len(probs))
    thresholds = np.asarray(per_run(threshold, runs=len(probs))[0], dtype=np.float64)
    ends = np.flatnonzero((ratio == ratio.max()) | (ratio == ratio.min()))
    largest = ratio[ends] == ratio.max()
    two = probs[ends], ratio[ends], seed[ends]
    at_fpr = fpr_matched_thresholds(positive, *two, threshold=thresholds[ends])[largest]
    at_recall = recall_matched_thresholds(positive, *two, threshold=thresholds[ends])[largest]
    rows = two[0][largest]
    right = np.where(positive, rows >= at_fpr[:, None], rows < at_recall[:, None])
    return np.asarray(right.mean(axis=0) > 0.5)


def fpr_matched_thresholds(
    labels: ArrayLike, pos_probs: ArrayLike, ratios: ArrayLike, seeds: ArrayLike, *, threshold: ArrayLike = 0.5
) -> Floats:
    """Thresholds (runs,) at which each run has the false-positive rate of its reference run at its own threshold.

    The reference is the run of the same seed at the smallest ratio, or the mean over that ratio where the seed has
    none. `pos_probs` (runs, n); `ratios`, `seeds` (runs,); `threshold` one value or one for each run. Each threshold is
    halfway between two negatives. Pass validation predictions to choose thresholds for test.
    """
    positive = both_classes(labels)
    probs = as_probs(pos_probs, len(positive))
    predictions = predicted(probs, threshold)[:, ~positive]
    shares = _reference_rates(predictions, ratios, seeds)
    own = probs[:, ~positive]
    return np.array([weighted_threshold(row, np.ones(len(row)), share) for row, share in zip(own, shares, strict=True)])


def recall_matched_thresholds(
    labels: ArrayLike, pos_probs: ArrayLike, ratios: ArrayLike, seeds: ArrayLike, *, threshold: ArrayLike = 0.5
) -> Floats:
    """Thresholds (runs,) at which each run has the recall of its reference run.

    As `fpr_matched_thresholds` with the classes exchanged; each threshold is halfway between two positives.
    """
    positive = both_classes(labels)
    probs = as_probs(pos_probs, len(positive))
    missed = ~predicted(probs, threshold)[:, positive]
    shares = _reference_rates(missed, ratios, seeds)
    own = -probs[:, positive]
    return np.array(
        [-weighted_threshold(row, np.ones(len(row)), share) for row, share in zip(own, shares, strict=True)]
    )


def _reference_rates(flags: Bools, ratios: ArrayLike, seeds: ArrayLike) -> Floats:
    """The share of True in each run's reference run. `flags` (runs, n); `ratios`, `seeds` (runs,)."""
    own = flags.mean(axis=1)
    ratio, seed = per_run(ratios, seeds, runs=len(flags))
    reference = np.flatnonzero(ratio == ratio.min())
    by_seed = {seed[run]: own[run] for run in reference}
    return np.array([by_seed.get(s, own[reference].mean()) for s in seed])
