"""Generated scores of runs at 1:1, 1:3 and 1:10 with the situations that a simple verdict gets wrong."""

from dataclasses import dataclass

import numpy as np

from closecall.analysis.metrics.calibration import probabilities

RATIOS = (1, 3, 10)
SIZES = ((100, 2), (100, 5), (350, 2), (350, 3), (1000, 3), (1000, 5))
"""Test positives and seeds; three negatives for each positive."""
NOISE = 0.05
SHARED = 0.95
FELL = {"threshold"}


@dataclass(frozen=True)
class Situation:
    """A planted situation: d' and logit shift at each ratio, and the causes that a right verdict names.

    `needed` must be named unless the verdict says what is missing; causes outside `allowed` are wrong.
    """

    name: str
    d_prime: tuple[float, float, float]
    shift: tuple[float, float, float]
    needed: frozenset[str]
    allowed: frozenset[str]


def _prior(strength: float = 1.0) -> tuple[float, float, float]:
    first, second, third = (-strength * float(np.log(ratio)) for ratio in RATIOS)
    return first, second, third


def _situation(name: str, needed: set[str], *, d=(2.81, 2.81, 2.81), shift=None, also: set[str] = frozenset()):
    return Situation(name, d, shift or _prior(), frozenset(needed), frozenset(needed | set(also)))


SITUATIONS = (
    _situation("threshold", FELL),
    _situation("ranking", {"ranking"}, d=(2.81, 2.2, 1.7), shift=(0, 0, 0), also=FELL),
    _situation("both", {"ranking", "threshold"}, d=(2.81, 2.3, 1.8)),
    _situation("label noise", FELL),
    _situation("lost sub-topic", {"ranking"}, also=FELL),
    _situation("collapsed seed", {"optimisation"}, also=FELL),
    _situation("half-dead seed", {"optimisation"}, also=FELL),
    _situation("over-shift", FELL, shift=_prior(2.0)),
    _situation("validation mismatch", {"validation", "prevalence"}, also=FELL),
    _situation("validation tiny", FELL, also={"validation"}),
    _situation("ties", FELL, also={"validation"}),
    _situation("middle dip", {"ranking"}, d=(2.81, 1.7, 2.81), shift=(0, 0, 0), also=FELL),
    _situation("ranking paid by false positives", {"ranking"}, d=(2.81, 2.3, 1.8), shift=(0, 0.6, 1.0)),
    _situation("chance level", {"chance"}, d=(0, 0, 0), shift=(0, 0, 0), also={"optimisation"}),
    _situation("recall rises", {"recall rose"}, d=(2.0, 2.0, 2.0), shift=(-1.0, 0, 0.5)),
    _situation("different seeds", FELL),
    _situation("prevalence mismatch", {"prevalence"}, also=FELL),
)


@dataclass(frozen=True)
class EdgeSet:
    """Arrays for `analysis.causes.evidence.gather_evidence`."""

    situation: Situation
    n_positives: int
    n_seeds: int
    labels: np.ndarray
    pos_probs: np.ndarray
    seeds: np.ndarray
    val_labels: np.ndarray
    val_pos_probs: np.ndarray


def make_edge_set(situation: Situation, n_positives: int, n_seeds: int, *, seed: int) -> EdgeSet:
    """One experiment in a situation. Validation is half as large as test, unless the situation says otherwise."""
    rng = np.random.default_rng([seed, n_positives, n_seeds, SITUATIONS.index(situation)])
    labels = np.repeat([1, 0], [n_positives, 3 * n_positives])
    val_labels = np.repeat([1, 0], _validation_sizes(situation, n_positives))
    runs = _runs(rng, situation, n_seeds)
    offset = 1.5 if situation.name == "validation mismatch" else 0.0
    test, validation = _scores(rng, situation, labels, runs), _scores(rng, situation, val_labels, runs) + offset
    if situation.name == "label noise":
        labels, val_labels = (np.where(rng.random(len(one)) < 0.05, 1 - one, one) for one in (labels, val_labels))
    probs, val_probs = probabilities(test), probabilities(validation)
    if situation.name == "ties":
        probs, val_probs = probs.round(1), val_probs.round(1)
    if situation.name == "collapsed seed":
        probs[-1], val_probs[-1] = (0.01 + 0.001 * rng.random(len(one)) for one in (labels, val_labels))
    seeds = np.tile(np.arange(n_seeds), len(RATIOS))
    if situation.name == "different seeds":
        seeds = np.arange(n_seeds * len(RATIOS))
    return EdgeSet(situation, n_positives, n_seeds, labels, probs, seeds, val_labels, val_probs)


def _validation_sizes(situation: Situation, n_positives: int) -> list[int]:
    if situation.name == "validation tiny":
        return [10, 40]
    if situation.name in ("validation mismatch", "prevalence mismatch"):
        return [n_positives, n_positives]
    return [n_positives // 2, 3 * n_positives // 2]


def _runs(rng: np.random.Generator, situation: Situation, n_seeds: int) -> list[tuple[float, float, float]]:
    """Slope, d' and shift in standard deviations of each run."""
    runs = []
    for distance, shift in zip(situation.d_prime, situation.shift, strict=True):
        slope = max(distance, 1.0)
        for number in range(n_seeds):
            dead = situation.name == "half-dead seed" and len(runs) == 2 * n_seeds + min(1, n_seeds - 1)
            own = (1.0 if dead else distance) + NOISE * rng.normal()
            runs.append((slope, own if distance else 0.0, NOISE * rng.normal() + shift / slope, number)[:3])
    return runs


def _scores(
    rng: np.random.Generator, situation: Situation, labels: np.ndarray, runs: list[tuple[float, float, float]]
) -> np.ndarray:
    """Logits (runs, n)."""
    shared, half = rng.normal(size=len(labels)), np.where(labels == 1, 0.5, -0.5)
    lost = (labels == 1) & (rng.random(len(labels)) < 0.2)
    rows = []
    for number, (slope, distance, shift) in enumerate(runs):
        x = SHARED * shared + np.sqrt(1 - SHARED**2) * rng.normal(size=len(labels)) + half * distance + shift
        if situation.name == "lost sub-topic" and number >= len(runs) // len(RATIOS):
            x = np.where(lost, x - 2.5, x)
        rows.append(slope * x)
    return np.array(rows)
