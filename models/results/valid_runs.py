"""The runs that ratios are compared by, and what they get right.

A run is valid when it has finished, has the wanted remedy (by default none: the baseline), has a probability for every
example, and did not collapse (`analysis.metrics.outcomes.collapsed`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from closecall.analysis.metrics.outcomes import collapsed, outcome_table
from closecall.analysis.metrics.split_check import SplitCheck, check_splits
from closecall.analysis.ratio.outcome_groups import UNSTABLE, correct_shares, outcome_groups
from closecall.analysis.seeds import share_over_seeds
from closecall.analysis.validation import Bools
from closecall.data.experiments.remedies import NO_REMEDY, REMEDIES
from closecall.data.experiments.run_tables import RunTable
from closecall.models.results.run_predictions import Key, RunPredictions, read_run_predictions


def complete_rows(table: RunTable, *, remedy: str = NO_REMEDY) -> Bools:
    """Which runs of a table have this remedy and a probability for every example. Shape (runs,)."""
    return (table.remedies == remedy) & ~np.isnan(table.pos_probs).any(axis=1)


def valid_rows(
    table: RunTable,
    *,
    remedy: str = NO_REMEDY,
    threshold: float = 0.5,
    prior: float | None = None,
    complete: bool = True,
) -> Bools:
    """Which runs of a table are valid: this remedy, complete, and not collapsed at the threshold. Shape (runs,).

    With `prior`, the share of positives in training, a run must have collapsed at that threshold too: a loss or a
    sampler can move all probabilities below 0.5 and rank as well as any. A remedy that fine-tunes nothing cannot
    collapse. `complete=False` judges a run by the examples that it has probabilities for, at least one.
    """
    valid = complete_rows(table, remedy=remedy) if complete else table.remedies == remedy
    if any(one.name == remedy and not one.fine_tunes for one in REMEDIES):
        return valid
    thresholds = (threshold,) if prior is None else (threshold, prior)
    for row in np.flatnonzero(valid):
        has = ~np.isnan(table.pos_probs[row])
        labels, probs = table.labels[has], table.pos_probs[row][has][None]
        valid[row] = has.any() and not all(collapsed(labels, probs, threshold=one)[0] for one in thresholds)
    return valid


@dataclass(frozen=True)
class ValidRuns:
    """Aligned with `ids` (n): labels, and for each valid run its ratio, seed and probabilities (runs x n).

    `key` changes when any of it does, for caches.
    """

    ids: np.ndarray
    labels: np.ndarray
    ratios: np.ndarray
    seeds: np.ndarray
    pos_probs: np.ndarray
    key: Key

    @property
    def levels(self) -> list[float]:
        """The ratios, rising."""
        return sorted(set(self.ratios.tolist()))

    def at(self, ratio: float) -> np.ndarray:
        """The probabilities of the runs of one ratio, (seeds, n), seeds rising."""
        rows = np.flatnonzero(self.ratios == ratio)
        return self.pos_probs[rows[np.argsort(self.seeds[rows])]]

    def of_seeds(self, ratio: float, seeds: list[int]) -> np.ndarray:
        """The probabilities of some seeds of one ratio, (seeds, n), in the order given."""
        here = sorted(self.seeds[self.ratios == ratio].tolist())
        return self.at(ratio)[[here.index(seed) for seed in seeds]]


def valid_runs(experiment: str) -> tuple[ValidRuns, ValidRuns]:
    """The valid baseline runs of an experiment on test and on validation, read from its files."""
    tables = read_run_predictions(experiment)
    return select_valid_runs(tables["test"], tables["validation"])


def select_valid_runs(test: RunPredictions, validation: RunPredictions) -> tuple[ValidRuns, ValidRuns]:
    """The valid baseline runs of two splits. Test decides for both which runs are valid."""
    rows = valid_rows(test)
    return _of(test, rows), _of(validation, rows)


def outcome_groups_of(test: RunTable, *, threshold: float, remedy: str = NO_REMEDY) -> pd.DataFrame | None:
    """The outcome group of each example over the valid runs, or None when fewer than two runs are valid.

    As `analysis.ratio.outcome_groups`, aligned with the table.
    """
    rows = valid_rows(test, remedy=remedy, threshold=threshold)
    if rows.sum() < 2 or not len(test.ids):
        return None
    runs = test.pos_probs[rows], test.ratios[rows], test.seeds[rows]
    return outcome_groups(test.labels, *runs, threshold=threshold)


def check_validation(test: ValidRuns, validation: ValidRuns) -> SplitCheck | None:
    """Whether validation resembles test in the scores of these runs; None without runs or without both classes."""
    if not len(test.pos_probs) or any(len(set(one.labels.tolist())) < 2 for one in (test, validation)):
        return None
    return check_splits(test.labels, test.pos_probs, validation.labels, validation.pos_probs)


def count_always_missed(runs: ValidRuns) -> int:
    """How many positives are in the outcome group "always missed", see `analysis.ratio.outcome_groups`.

    0 with fewer than two runs.
    """
    positive = runs.labels == 1
    if len(runs.pos_probs) < 2 or not positive.any():
        return 0
    _, shares = correct_shares(runs.labels[positive], runs.pos_probs[:, positive], runs.ratios)
    return int((shares < UNSTABLE[0]).all(axis=0).sum())


def outcomes_by_run(test: RunTable, *, threshold: float = 0.5) -> pd.DataFrame:
    """One row for each complete baseline run: name, ratio, seed and the columns of `outcome_table`.

    Collapsed runs are there, marked in the column `collapsed`. Empty without any run.
    """
    rows = np.flatnonzero(complete_rows(test))
    if not len(rows):
        return pd.DataFrame()
    table = outcome_table(test.labels, test.pos_probs[rows], threshold=threshold)
    table.insert(0, "name", [test.runs[row] for row in rows])
    table.insert(1, "ratio", test.ratios[rows])
    table.insert(2, "seed", test.seeds[rows])
    return table


def counted_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """The rows of `outcomes_by_run` that means are over: without collapsed runs, unless all of a ratio collapsed."""
    all_collapsed = runs.groupby("ratio")["collapsed"].transform("all")
    return runs[~runs["collapsed"] | all_collapsed]


def by_ratio(runs: pd.DataFrame) -> pd.DataFrame:
    """One row for each ratio: means over its `counted_runs`.

    `runs` as from `outcomes_by_run`. Columns: ratio, seeds, collapsed, n_positives, n_negatives, tp and tn (mean
    counts), recall, recall_low, recall_high, specificity, specificity_low, specificity_high. The 95 % intervals are
    over test examples and seeds (`share_over_seeds`): seeds share the examples, so they do not narrow the interval;
    where they differ they widen it.
    """
    counted = dict(list(counted_runs(runs).groupby("ratio")))
    rows = [
        {"ratio": ratio, "seeds": len(own), "collapsed": int(own["collapsed"].sum()), **_means(counted[ratio])}
        for ratio, own in runs.groupby("ratio", sort=True)
    ]
    return pd.DataFrame(rows)


def ratio_rows(means: pd.DataFrame) -> list[dict[str, Any]]:
    """The frame of `by_ratio` row by row, for sentences."""
    return [{str(name): value for name, value in row.items()} for row in means.to_dict("records")]


def _of(table: RunPredictions, rows: Bools) -> ValidRuns:
    probs = table.pos_probs[rows]
    return ValidRuns(table.ids, table.labels, table.ratios[rows], table.seeds[rows], probs, table.key)


def _means(runs: pd.DataFrame) -> dict[str, float]:
    n_positives = int(runs["tp"].iloc[0] + runs["fn"].iloc[0])
    n_negatives = int(runs["tn"].iloc[0] + runs["fp"].iloc[0])
    recall, specificity = share_over_seeds(runs["tp"], n_positives), share_over_seeds(runs["tn"], n_negatives)
    return {
        "n_positives": n_positives,
        "n_negatives": n_negatives,
        "tp": runs["tp"].mean(),
        "tn": runs["tn"].mean(),
        "recall": recall.value,
        "recall_low": recall.low,
        "recall_high": recall.high,
        "specificity": specificity.value,
        "specificity_low": specificity.low,
        "specificity_high": specificity.high,
    }
