"""How often do the 95 % intervals hold the truth?

    python -m benchmarks.interval_coverage [REPEATS]

Binormal scores of paired runs at 1:1 and 1:10 whose population is known: d' 2.81 and 2.5, the prior moved by ln 10,
thresholds chosen on a validation set half as large. Seeds differ in distance and threshold, so that recall at 1:10 has
a standard deviation of SPREADS over seeds. The truth is the mean over many seeds. Prints, for each setting and
interval, the share of repeats that hold the truth and the median width. 95 % +- 1.4 is what 1,000 repeats can show.
Intervals of the mean of both orders count only where the product shows it (`both_orders`).
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import product

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from closecall.analysis.intervals import Estimate
from closecall.analysis.metrics.calibration import probabilities
from closecall.analysis.metrics.ranking import auc_difference, auc_interval
from closecall.analysis.ratio.decomposition import Validation, decompose_drop
from closecall.analysis.ratio.prior_shift import excess_drop
from closecall.analysis.seeds import share_over_seeds

SHARED = 0.95
"""Correlation of two runs' noise on the same example."""
DISTANCES = (2.81, 2.5)
RATIOS = (1, 10)
SEEDS = (1, 2, 3, 5)
SPREADS = (0.0, 0.02, 0.09, 0.18)
POSITIVES = (60, 350)
PARTS = ("drop", "ranking", "threshold", "ranking_other")
DRAWS = 200


def population(spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Recall and false-positive rate of many seeds at both ratios, (2, seeds), and their distances (2, seeds)."""
    own, place = np.random.default_rng(1).normal(scale=spread, size=(2, 2, 200_000)) if spread else np.zeros((2, 2, 1))
    distances = np.array(DISTANCES)[:, None] + own
    moved = place - (np.log(RATIOS) / DISTANCES)[:, None]
    return np.stack([norm.cdf(moved + distances / 2), norm.cdf(moved - distances / 2)]), distances


def effect_size(spread: float) -> float:
    """Standard deviation of distance and place at which recall at 1:10 has this standard deviation over seeds."""
    if not spread:
        return 0.0
    return float(brentq(lambda size: population(size)[0][0, 1].std() - spread, 1e-3, 3.0, xtol=1e-4))


def truth(size: float) -> dict[str, float]:
    """What the estimates aim at, the mean over seeds."""
    (found, alarms), distances = population(size)
    b_at_a, a_at_b = norm.cdf(distances[1] + norm.ppf(alarms[0])), norm.cdf(distances[0] + norm.ppf(alarms[1]))
    drop, ranking, other = (float(one.mean()) for one in (found[0] - found[1], found[0] - b_at_a, a_at_b - found[1]))
    areas = norm.cdf(distances / np.sqrt(2)).mean(axis=1)
    return {
        "recall": float(found[1].mean()),
        "drop": drop,
        "ranking": ranking,
        "threshold": drop - ranking,
        "ranking_other": other,
        "ranking_mean": (ranking + other) / 2,
        "AUC": float(areas[1]),
        "AUC difference": float(areas[0] - areas[1]),
        "excess": float(norm.cdf(DISTANCES[0] / 2 - np.log(10) / DISTANCES[0]) - found[1].mean()),
    }


def sample(rng: np.random.Generator, positives: int, effects: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels and the probabilities of both ratios, (seeds, n) each; `effects` (2, 2, seeds): distance and place."""
    labels = np.repeat([1, 0], [positives, 3 * positives])
    shared, side = rng.normal(size=len(labels)), np.where(labels == 1, 0.5, -0.5)
    sides = []
    for distance, ratio, (longer, moved) in zip(DISTANCES, RATIOS, effects, strict=True):
        rows = [
            distance * (SHARED * shared + np.sqrt(1 - SHARED**2) * rng.normal(size=len(labels)) + side * own + place)
            for own, place in zip(distance + longer, moved - np.log(ratio) / distance, strict=True)
        ]
        sides.append(probabilities(np.array(rows)))
    return labels, sides[0], sides[1]


def estimates(rng: np.random.Generator, positives: int, seeds: int, size: float) -> dict[str, Estimate]:
    effects = rng.normal(scale=size, size=(2, 2, seeds)) if size else np.zeros((2, 2, seeds))
    labels, a, b = sample(rng, positives, effects)
    val_labels, val_a, val_b = sample(rng, positives // 2, effects)
    parts = decompose_drop(labels, a, b, validation=Validation(val_labels, val_a, val_b), draws=DRAWS)
    found = {name: getattr(parts, name) for name in PARTS}
    if parts.both_orders:
        found["ranking_mean"] = parts.ranking_mean
    found["recall"] = share_over_seeds((b[:, labels == 1] >= 0.5).sum(axis=1), positives)
    areas = auc_difference(labels, a, b)
    found |= {"AUC": auc_interval(labels, b), "AUC difference": Estimate(areas.value, areas.low, areas.high)}
    if not size:
        found["excess"] = excess_drop(labels, a, b, calibrated_on=(val_labels, val_a), ratio=10, draws=DRAWS)
    return found


def measure(seeds: int, spread: float, positives: int, repeats: int) -> str:
    """The lines of one setting."""
    size = effect_size(spread)
    aim = truth(size)
    held: dict[str, list[tuple[bool, float]]] = {}
    for repeat in range(repeats):
        rng = np.random.default_rng([seeds, round(100 * spread), positives, repeat])
        for name, one in estimates(rng, positives, seeds, size).items():
            held.setdefault(name, []).append((one.low <= aim[name] <= one.high, one.high - one.low))
    lines = [f"{seeds} seed(s), {100 * spread:.0f} points apart, {positives} positives; {repeats} repeats"]
    for name, rows in held.items():
        holds, widths = np.array(rows, dtype=np.float64).T
        lines.append(
            f"  {name:14s} holds {100 * aim[name]:5.1f} in {100 * holds.mean():5.1f} % of {len(rows):5d}, median width "
            f"{100 * np.median(widths):5.1f} points"
        )
    return "\n".join(lines)


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with ProcessPoolExecutor() as pool:
        waiting = [pool.submit(measure, *setting, repeats) for setting in product(SEEDS, SPREADS, POSITIVES)]
        for one in waiting:
            print(one.result(), flush=True)


if __name__ == "__main__":
    main()
