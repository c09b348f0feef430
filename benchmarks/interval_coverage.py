"""Measure the coverage of the 95 % intervals: how often they contain the true value.

    python -m benchmarks.interval_coverage [REPEATS]

The scores are binormal, in pairs of runs at 1:1 and 1:10. The population is known: the classes lie d' apart, and 1:10
moves the prior by ln 10. Seeds differ by `spread` standard deviations in d' and in threshold. Thresholds are chosen on
a validation set half as large as the test set. For each interval the script prints coverage and mean width. With 500
repeats, coverage is known to within 2 %.
"""

import argparse

import numpy as np
from scipy.stats import norm

from closecall.analysis.intervals import Estimate, paired_difference, wilson
from closecall.analysis.metrics.calibration import probabilities
from closecall.analysis.metrics.ranking import auc_difference, auc_interval
from closecall.analysis.ratio.decomposition import Validation, decompose_drop
from closecall.analysis.ratio.prior_shift import excess_drop
from closecall.analysis.seeds import share_over_seeds

SHARED = 0.95
"""Correlation of two runs' noise on the same example."""
SETTINGS = (
    # positives, d' of both runs, seeds, spread over seeds
    (200, (2.81, 2.81), 1, 0.0),
    (200, (2.81, 2.81), 3, 0.0),
    (200, (2.81, 2.81), 3, 0.15),
    (200, (2.81, 2.20), 3, 0.15),
    (200, (2.81, 2.81), 5, 0.15),
    (60, (2.81, 2.81), 3, 0.15),
)
PARTS = ("drop", "ranking", "threshold", "ranking_other", "threshold_other", "ranking_mean", "threshold_mean")


def sample(rng: np.random.Generator, positives: int, d: tuple[float, float], effects: np.ndarray) -> tuple:
    """Labels and the probabilities of both ratios, (seeds, n) each; `effects` (2, 2, seeds): changes of d', shifts."""
    labels = np.repeat([1, 0], [positives, 3 * positives])
    shared, half = rng.normal(size=len(labels)), np.where(labels == 1, 0.5, -0.5)
    pos_probs = []
    for distance, ratio, (d_change, moved) in zip(d, (1, 10), effects, strict=True):
        rows = [
            distance * (SHARED * shared + np.sqrt(1 - SHARED**2) * rng.normal(size=len(labels)) + half * own + shift)
            for own, shift in zip(distance + d_change, moved - np.log(ratio) / distance, strict=True)
        ]
        pos_probs.append(probabilities(np.array(rows)))
    return labels, *pos_probs


def truth(d: tuple[float, float], spread: float) -> dict[str, float]:
    """The true values of the estimates, as means over seeds."""
    own, shift = np.random.default_rng(1).normal(scale=spread, size=(2, 2, 200_000)) if spread else np.zeros((2, 2, 1))
    reach = [(distance + one) / 2 for distance, one in zip(d, own, strict=True)]
    move = [at - np.log(ratio) / distance for at, ratio, distance in zip(shift, (1, 10), d, strict=True)]
    tpr, fpr = ([norm.cdf(m + sign * r) for m, r in zip(move, reach, strict=True)] for sign in (1, -1))
    b_at_a, a_at_b = norm.cdf(2 * reach[1] + norm.ppf(fpr[0])), norm.cdf(2 * reach[0] + norm.ppf(fpr[1]))
    ranking, other = np.mean(tpr[0] - b_at_a), np.mean(a_at_b - tpr[1])
    drop = np.mean(tpr[0] - tpr[1])
    means = {"ranking_mean": (ranking + other) / 2, "threshold_mean": drop - (ranking + other) / 2}
    parts = {"ranking": ranking, "ranking_other": other, "threshold": drop - ranking, "threshold_other": drop - other}
    return {"drop": drop, **parts, **means, "recall": float(np.mean(tpr[1]))}


def estimates(rng: np.random.Generator, positives: int, d: tuple, seeds: int, spread: float) -> dict[str, Estimate]:
    effects = rng.normal(scale=spread, size=(2, 2, seeds)) if spread else np.zeros((2, 2, seeds))
    labels, a, b = sample(rng, positives, d, effects)
    val_labels, val_a, val_b = sample(rng, positives // 2, d, effects)
    parts = decompose_drop(labels, a, b, validation=Validation(val_labels, val_a, val_b), draws=300)
    results = {name: getattr(parts, name) for name in PARTS}
    results["recall"] = share_over_seeds((b[:, labels == 1] >= 0.5).sum(axis=1), positives)
    if not spread:
        results["excess"] = excess_drop(labels, a, b, calibrated_on=(val_labels, val_a), ratio=10, draws=300)
    if seeds == 1:
        predicted = (a[0] >= 0.5, b[0] >= 0.5)
        counts = np.bincount(2 * predicted[0][labels == 1] + predicted[1][labels == 1], minlength=4).tolist()
        low, high = wilson(predicted[1][labels == 1].sum(), positives)
        areas = auc_difference(labels, a[0], b[0])
        results |= {
            "Wilson": Estimate(0, float(low), float(high)),
            "Newcombe": paired_difference(counts[3], counts[2], counts[1], counts[0]),
            "AUC (DeLong)": auc_interval(labels, b[0]),
            "AUC difference": Estimate(areas.value, areas.low, areas.high),
        }
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repeats", nargs="?", type=int, default=500)
    repeats = parser.parse_args().repeats
    for number, (positives, d, seeds, spread) in enumerate(SETTINGS):
        true_values = truth(d, spread)
        areas = [norm.cdf(one / np.sqrt(2)) for one in d]
        true_values |= {"Wilson": true_values["recall"], "Newcombe": true_values["drop"], "AUC (DeLong)": areas[1]}
        true_values |= {
            "AUC difference": areas[0] - areas[1],
            "excess": norm.cdf(d[0] / 2 - np.log(10) / d[0]) - true_values["recall"],
        }
        coverage: dict[str, list[tuple[bool, float]]] = {}
        for repeat in range(repeats):
            rng = np.random.default_rng([number, repeat])
            for name, one in estimates(rng, positives, d, seeds, spread).items():
                coverage.setdefault(name, []).append((one.low <= true_values[name] <= one.high, one.high - one.low))
        print(f"{positives} positives, d' {d[0]:g} and {d[1]:g}, {seeds} seed(s), spread {spread:g}; {repeats} repeats")
        for name, rows in coverage.items():
            covered, widths = np.mean(rows, axis=0)
            print(
                f"  {name:16s} covers the true value in {100 * covered:5.1f} %, mean width {100 * widths:5.1f} points"
            )


if __name__ == "__main__":
    main()
