"""Changes between two ratios with their variance by source: test positives, test negatives, validation, seeds.

The variances come from influence functions, not from resampling. They say which of the sources limits a comparison, and
cost one sort per run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.special import ndtri, stdtrit

from closecall.analysis.intervals import Estimate
from closecall.analysis.metrics.ranking import placements
from closecall.analysis.validation import Bools, Floats, Ints

SEED_SD = 0.02
"""Assumed SD of a difference in recall between seeds where a ratio has one run (0.8 to 2.4 points, Mosbach 2021)."""
AUC_SEED_SD = 0.005
"""The same for a difference in AUC."""
ENOUGH_SEEDS = 5
"""From here on the spread of the seeds is taken as measured."""
SOURCES = ("test positives", "test negatives", "validation negatives", "seeds")


@dataclass(frozen=True)
class Change:
    """A difference between two ratios, and the variance that each of SOURCES adds to it.

    `n_seeds` is the smaller number of runs of the two ratios; with one run the variance between seeds is assumed.
    """

    value: float
    variances: dict[str, float]
    n_seeds: int
    seed_sd: float

    @property
    def variance(self) -> float:
        return sum(self.variances.values())

    def seed_reach(self, level: float = 0.95, *, few_seeds: bool = True) -> float:
        """Half width of the interval from seeds alone: t with n_seeds - 1 degrees of freedom.

        At least that of `seed_sd`: fewer than five seeds often agree by chance. `few_seeds` False: the spread is taken
        as known, which holds for these runs and may not for further seeds.
        """
        normal = float(ndtri((1 + level) / 2))
        student = float(stdtrit(self.n_seeds - 1, (1 + level) / 2)) if self.n_seeds > 1 and few_seeds else normal
        assumed = self.seed_sd**2 / self.n_seeds if self.n_seeds < ENOUGH_SEEDS else 0.0
        return sqrt(max(student**2 * self.variances["seeds"], normal**2 * assumed))

    def estimate(self, level: float = 0.95, *, few_seeds: bool = True) -> Estimate:
        """The value with its interval: normal for the examples, widened by `seed_reach`."""
        normal = float(ndtri((1 + level) / 2))
        reach = self.seed_reach(level, few_seeds=few_seeds)
        half = sqrt(normal**2 * (self.variance - self.variances["seeds"]) + reach**2)
        return Estimate(self.value, max(self.value - half, -1.0), min(self.value + half, 1.0))


@dataclass(frozen=True)
class Contributions:
    """One quantity of several runs, and what each example contributes to it.

    `values` (runs,); `positives` (runs, n+) and `negatives` (runs, n-) are influence values: the quantity's error is
    the mean error of the positives plus that of the negatives. `validation` is the variance from validation examples.
    """

    values: Floats
    positives: Floats
    negatives: Floats
    validation: float = 0.0

    def of_runs(self, rows: Ints) -> "Contributions":
        """Those of some runs."""
        return Contributions(self.values[rows], self.positives[rows], self.negatives[rows], self.validation)

    def __sub__(self, other: "Contributions") -> "Contributions":
        """The difference of run by run, for runs that share their seeds."""
        return Contributions(
            self.values - other.values,
            self.positives - other.positives,
            self.negatives - other.negatives,
            self.validation + other.validation,
        )


def change(
    a: Contributions, b: Contributions, *, paired: bool, pseudo: float = 1.0, seed_sd: float = SEED_SD
) -> Change:
    """Mean of a minus mean of b. `paired`: row i of a and of b have the same seed; else the runs are independent.

    All runs have the same examples, so that examples are paired in either case. `pseudo` is the squared difference of
    one added positive: no variance is 0 where few examples change. `seed_sd` is assumed with a single run.
    """
    if paired:
        difference = a - b
        return _change(float(difference.values.mean()), [difference], difference, pseudo, seed_sd)
    mean = Contributions(
        np.array([a.values.mean() - b.values.mean()]),
        (a.positives.mean(axis=0) - b.positives.mean(axis=0))[None],
        (a.negatives.mean(axis=0) - b.negatives.mean(axis=0))[None],
        a.validation + b.validation,
    )
    return _change(float(mean.values[0]), [a, b], mean, pseudo, seed_sd / sqrt(2))


def _change(
    value: float, groups: Sequence[Contributions], mean: Contributions, pseudo: float, seed_sd: float
) -> Change:
    n_seeds = min(len(group.values) for group in groups)
    return Change(
        value,
        {
            "test positives": _variance_of_mean(mean.positives.mean(axis=0), pseudo),
            "test negatives": _variance_of_mean(mean.negatives.mean(axis=0), 0.0),
            "validation negatives": mean.validation,
            "seeds": sum(_seed_variance(group, seed_sd) for group in groups),
        },
        n_seeds,
        seed_sd,
    )


def _variance_of_mean(contributions: Floats, pseudo: float) -> float:
    n = len(contributions)
    squares = float(((contributions - contributions.mean()) ** 2).sum())
    return float((squares + pseudo) / (n + (2 if pseudo else 0)) ** 2)


def _seed_variance(group: Contributions, seed_sd: float) -> float:
    """Variance of the mean from seeds, without the part that comes from seeds disagreeing on single examples."""
    runs = len(group.values)
    if runs == 1:
        return seed_sd**2
    between = float(group.values.var(ddof=1))
    noise = sum(
        float((part - part.mean(axis=0)).var(axis=1).mean()) / part.shape[1] * runs / (runs - 1)
        for part in (group.positives, group.negatives)
    )
    return float(max(between - noise, 0.0) / runs)


def recall_contributions(probs: Floats, positive: Bools, *, threshold: float | Floats = 0.5) -> Contributions:
    """Recall of each run (runs, n) at one threshold, or at one of its own (runs, 1)."""
    found = (probs[:, positive] >= threshold).astype(np.float64)
    return Contributions(found.mean(axis=1), found, np.zeros((len(probs), int((~positive).sum()))))


def false_positive_contributions(probs: Floats, positive: Bools, *, threshold: float | Floats = 0.5) -> Contributions:
    """False-positive rate of each run (runs, n) at one threshold, or at one of its own (runs, 1)."""
    wrong = (probs[:, ~positive] >= threshold).astype(np.float64)
    return Contributions(wrong.mean(axis=1), np.zeros((len(probs), int(positive.sum()))), wrong)


def auc_contributions(probs: Floats, positive: Bools) -> Contributions:
    """Area under the ROC curve of each run (runs, n), with DeLong's placement values. Ties count one half."""
    of_pos, of_neg = placements(positive, probs)
    return Contributions(of_pos.mean(axis=1), of_pos, of_neg)


def matched_recall_contributions(
    probs: Floats, positive: Bools, rates: Floats, reference: Floats | None
) -> Contributions:
    """Recall of each run (runs, n) at the false-positive rate `rates` (runs,) of a reference, on the run's ROC curve.

    Ties are split, see `above_rate`. `reference` (runs, n-) are the false positives from
    which the rates come, on the same negatives; None where the rates are known exactly.
    """
    rows = [
        _matched(run[positive], run[~positive], rate, None if reference is None else reference[number])
        for number, (run, rate) in enumerate(zip(probs, rates, strict=True))
    ]
    values, of_pos, of_neg = (np.array(column) for column in zip(*rows, strict=True))
    return Contributions(values, of_pos, of_neg)


def _matched(of_pos: Floats, of_neg: Floats, rate: float, reference: Floats | None) -> tuple[float, Floats, Floats]:
    rising = np.sort(of_neg)
    found, wrong = above_rate(of_pos, rising, rate), above_rate(of_neg, rising, rate)
    negatives = roc_slope(of_pos, rising, rate) * ((0.0 if reference is None else reference) - wrong)
    return float(found.mean()), found, np.asarray(negatives, dtype=np.float64)


def above_rate(scores: Floats, rising: Floats, rate: float) -> Floats:
    """How far each score counts as predicted positive (0 to 1) where a share `rate` of the negatives does.

    `rising`: the negatives' scores, sorted.

    Negatives with equal scores share what is left of the rate. A score between the last negative above and the first
    one below counts one half: no other rule is free of bias and unchanged by a monotone transform.
    """
    wanted = round(rate * len(rising), 9)
    last, first = int(np.ceil(wanted)) - 1, int(np.floor(wanted))
    return (_above(scores, rising, last, wanted) + _above(scores, rising, first, wanted)) / 2


def _above(scores: Floats, rising: Floats, place: int, wanted: float) -> Floats:
    """Scores above the negative at a place from the top, with a share of those equal to it. Before the top: none."""
    n = len(rising)
    if not 0 <= place < n:
        return np.full(len(scores), float(place >= 0))
    at = rising[n - 1 - place]
    first, after = (int(np.searchsorted(rising, at, side=side)) for side in ("left", "right"))
    share = float(np.clip((wanted - (n - after)) / (after - first), 0.0, 1.0))
    return np.asarray((scores > at) + share * (scores == at), dtype=np.float64)


def roc_slope(of_pos: Floats, rising: Floats, rate: float) -> float:
    """Slope of the ROC curve at a false-positive rate, over a window of one standard error of the rate on each side.

    `rising`: the negatives' scores, sorted.
    """
    n = len(rising)
    reach = max(sqrt(max(rate * (1 - rate), 0.0) / n), 2 / n)
    ends = max(rate - reach, 0.0), min(rate + reach, 1.0)
    first, last = (float(above_rate(of_pos, rising, end).mean()) for end in ends)
    return max(last - first, 1 / (len(of_pos) + 2)) / (ends[1] - ends[0])
