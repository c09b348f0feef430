"""The smallest ratio against a larger one: recall, specificity, ranking, and what another threshold does."""

from dataclasses import dataclass

import numpy as np

from closecall.analysis.intervals import Estimate
from closecall.analysis.metrics.ranking import threshold_at_fpr
from closecall.analysis.ratio.changes import (
    AUC_SEED_SD,
    Change,
    Contributions,
    change,
    false_positive_contributions,
    matched_recall_contributions,
    recall_contributions,
    roc_slope,
)
from closecall.analysis.ratio.decomposition import MIN_FALSE_POSITIVES
from closecall.analysis.ratio.prior_shift import excess_drop
from closecall.analysis.seeds import share_over_seeds
from closecall.analysis.validation import Bools, Floats, Ints


@dataclass(frozen=True)
class MovedThreshold:
    """The larger ratio at the threshold that gives the reference's false-positive rate on validation.

    `threshold`: mean over runs. `recall`, `false_positive_rate`: on test at each run's own threshold. `gain`: recall
    minus recall at the default threshold, with the variance from choosing the threshold.
    """

    threshold: float
    recall: Estimate
    false_positive_rate: Estimate
    gain: Change


@dataclass(frozen=True)
class Comparison:
    """A reference ratio (a) against a larger one (b) on the same test examples; failed runs are left out.

    `paired`: over the seeds that both have; else the runs of both are independent. `drop`: recall a - recall b.
    `specificity_gain`: specificity b - specificity a. `ranking_drop`: recall a - recall of b at the false-positive rate
    of a, on the ROC curve of the test set. `auc_drop`: AUC a - AUC b. `regained`: recall of b at that rate - recall b.
    `false_positives_a`: of the reference at the default threshold, mean over runs. `moved` is None without usable
    validation. `excess` is computed for the largest ratio only, with shared seeds and usable validation.
    """

    reference_ratio: float
    ratio: float
    paired: bool
    n_runs: tuple[int, int]
    recall_a: Estimate
    recall_b: Estimate
    specificity_a: Estimate
    specificity_b: Estimate
    auc_a: float
    auc_b: float
    false_positives_a: float
    drop: Change
    specificity_gain: Change
    ranking_drop: Change
    auc_drop: Change
    regained: Change
    moved: MovedThreshold | None
    excess: Estimate | None

    @property
    def comparable_rates(self) -> bool:
        """Whether the reference has enough false positives for recall at its false-positive rate to be unbiased."""
        return self.false_positives_a >= MIN_FALSE_POSITIVES

    @property
    def n_seeds(self) -> int:
        """The smaller number of runs of the two ratios."""
        return min(self.n_runs)


def compare_ratios(
    positive: Bools,
    probs: Floats,
    rows: tuple[np.ndarray, np.ndarray],
    *,
    areas: Contributions,
    seeds: Floats | Ints,
    ratios: tuple[float, float],
    validation: tuple[Bools, Floats] | None,
    threshold: float = 0.5,
    draws: int = 0,
) -> Comparison:
    """Compare the runs `rows` of the reference and of the larger ratio; `probs` (runs, n), `areas` (AUC) and `seeds`
    (runs,).

    `validation`: labels and probabilities (runs, m) that choose thresholds, in the order of `probs`. `draws`: of the
    bootstrap for `excess`; 0 leaves it out.
    """
    a, b, paired = _paired_rows(rows, seeds)
    pair = probs[a], probs[b]
    recall = [recall_contributions(one, positive, threshold=threshold) for one in pair]
    wrong = [false_positive_contributions(one, positive, threshold=threshold) for one in pair]
    aucs = [areas.of_runs(one) for one in (a, b)]
    matched = _matched(pair[1], positive, wrong[0], paired)
    chosen = None if validation is None else (validation[0], validation[1][a], validation[1][b])
    n_pos, n_neg = int(positive.sum()), int((~positive).sum())
    return Comparison(
        reference_ratio=ratios[0],
        ratio=ratios[1],
        paired=paired,
        n_runs=(len(a), len(b)),
        recall_a=_share(recall[0].positives, n_pos),
        recall_b=_share(recall[1].positives, n_pos),
        specificity_a=_share(1 - wrong[0].negatives, n_neg),
        specificity_b=_share(1 - wrong[1].negatives, n_neg),
        auc_a=float(aucs[0].values.mean()),
        auc_b=float(aucs[1].values.mean()),
        false_positives_a=float(wrong[0].negatives.sum(axis=1).mean()),
        drop=change(*recall, paired=paired),
        specificity_gain=change(*wrong, paired=paired),
        ranking_drop=change(recall[0], matched, paired=paired),
        auc_drop=change(*aucs, paired=paired, pseudo=0.02, seed_sd=AUC_SEED_SD),
        regained=change(matched, recall[1], paired=True, seed_sd=0.0),
        moved=None if chosen is None else _moved(positive, pair[1], recall[1], chosen, paired, threshold),
        excess=_excess(positive, pair, ratios, chosen, threshold, draws) if draws and paired and chosen else None,
    )


def _excess(
    positive: Bools,
    pair: tuple[Floats, Floats],
    ratios: tuple[float, float],
    chosen: tuple[Bools, Floats, Floats],
    threshold: float,
    draws: int,
) -> Estimate:
    """How far recall of the larger ratio is below what the prior alone predicts; calibrated on the reference runs."""
    return excess_drop(
        positive,
        *pair,
        calibrated_on=chosen[:2],
        ratio=ratios[1],
        reference_ratio=ratios[0],
        threshold=threshold,
        draws=draws,
    )


def _paired_rows(rows: tuple[np.ndarray, np.ndarray], seeds: Floats | Ints) -> tuple[np.ndarray, np.ndarray, bool]:
    """The rows of both ratios in the order of the seeds that they share, or all rows where they share none."""
    first, second = rows
    _, at_first, at_second = np.intersect1d(seeds[first], seeds[second], return_indices=True)
    if len(at_first):
        return first[at_first], second[at_second], True
    return first, second, False


def _matched(probs: Floats, positive: Bools, reference: Contributions, paired: bool) -> Contributions:
    """Recall of each run at the false-positive rate of the reference run of its seed, or of the mean reference run."""
    if paired:
        return matched_recall_contributions(probs, positive, reference.values, reference.negatives)
    mean = np.repeat(reference.negatives.mean(axis=0)[None], len(probs), axis=0)
    return matched_recall_contributions(probs, positive, np.full(len(probs), reference.values.mean()), mean)


def _moved(
    positive: Bools,
    probs: Floats,
    recall: Contributions,
    validation: tuple[Bools, Floats, Floats],
    paired: bool,
    threshold: float,
) -> MovedThreshold:
    """Choose a threshold for each run on validation and read recall and false positives on test."""
    val_positive, val_a, val_b = validation
    rates = (val_a[:, ~val_positive] >= threshold).mean(axis=1)
    if not paired:
        rates = np.full(len(val_b), rates.mean())
    chosen = np.array([threshold_at_fpr(val_positive, run, fpr=rate) for run, rate in zip(val_b, rates, strict=True)])
    found = recall_contributions(probs, positive, threshold=chosen[:, None])
    wrong = false_positive_contributions(probs, positive, threshold=chosen[:, None])
    m = int((~val_positive).sum())
    slopes = [roc_slope(run[positive], np.sort(run[~positive]), rate) for run, rate in zip(probs, rates, strict=True)]
    smooth = (rates * m + 1) / (m + 2)
    spread = float(np.mean(slopes) ** 2 * (smooth * (1 - smooth)).mean() / m)
    found = Contributions(found.values, found.positives, found.negatives, spread)
    n_pos, n_neg = int(positive.sum()), int((~positive).sum())
    return MovedThreshold(
        float(np.clip(chosen, 0.0, 1.0).mean()),
        _share(found.positives, n_pos),
        _share(wrong.negatives, n_neg),
        change(found, recall, paired=True, seed_sd=0.0),
    )


def _share(correct: Floats, n: int) -> Estimate:
    return share_over_seeds(correct.sum(axis=1), n)
