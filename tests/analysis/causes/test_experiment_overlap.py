"""Overlap for the experiment: worked cases of every answer, and scores whose separation is known by construction."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from closecall.analysis.causes.experiment_overlap import (
    ARM_MARGIN,
    LOW_RECALL,
    Arm,
    ExperimentOverlap,
    compare_arms,
    experiment_overlap,
)
from closecall.analysis.intervals import Estimate
from closecall.analysis.metrics.ranking import auc_difference
from closecall.analysis.ratio.changes import AUC_SEED_SD

SEEDS = (0, 1, 2)
SAME = Arm("focal loss", 0.8, Estimate(0.0, -0.015, 0.015))
BETTER = Arm("focal loss", 0.9, Estimate(0.1, 0.05, 0.15))
UNSURE = Arm("focal loss", 0.82, Estimate(0.02, -0.03, 0.07))


def scores(d_prime: float, n: int = 1000, *, noise: float = 0.1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels of n positives and 4 n negatives, and probabilities of three seeds with AUC Phi(d'/sqrt 2)."""
    labels = np.arange(5 * n) < n
    rng = np.random.default_rng(seed)
    margins = rng.normal(size=5 * n) + d_prime * labels
    runs = margins + noise * rng.normal(size=(3, 5 * n))
    return labels, 1 / (1 + np.exp(-(runs - d_prime / 2)))


def answer(
    d_primes: dict[float, float], arms: list[Arm], curve: str, n: int = 1000, needed: int = 0
) -> ExperimentOverlap:
    labels = scores(1, n)[0]
    runs = {ratio: (scores(d_prime, n)[1], SEEDS) for ratio, d_prime in d_primes.items()}
    return experiment_overlap(
        labels, runs, ratio=max(d_primes), arms=arms, more_positives=curve, positives_needed=needed or None
    )


CASES = {
    "low recall everywhere": ({1: 1.2, 10: 1.2}, [SAME], "absent", "present", ""),
    "ranking lost": ({1: 2.6, 10: 1.9}, [SAME], "absent", "present", ""),
    "separated": ({1: 3.5, 10: 3.6}, [SAME], "absent", "absent", "separated"),
    "another method ranks better": ({1: 1.2, 10: 1.2}, [SAME, BETTER], "absent", "absent", "arm"),
    "more positives help": ({1: 1.2, 10: 1.2}, [SAME], "present", "absent", "positives"),
    "recall is high": ({1: 2.6, 10: 2.6}, [SAME], "absent", "absent", "recall"),
    "no other method": ({1: 1.2, 10: 1.2}, [], "absent", "not measurable", "arms"),
    "no curve": ({1: 1.2, 10: 1.2}, [SAME], "not measurable", "not measurable", "positives"),
    "a better method is not excluded": ({1: 1.2, 10: 1.2}, [SAME, UNSURE], "absent", "too few", "arms"),
    "the curve is undecided": ({1: 1.2, 10: 1.2}, [SAME], "too few", "too few", "positives"),
    "one ratio": ({10: 1.2}, [SAME], "absent", "present", ""),
}


@pytest.mark.parametrize("name", CASES)
def test_every_answer_has_a_worked_case(name: str) -> None:
    d_primes, arms, curve, wanted, because = CASES[name]
    found = answer(d_primes, arms, curve, needed=640)
    assert (found.answer, found.because) == (wanted, because)
    assert (found.needed is not None) == (wanted == "too few")
    assert found.ranking_lost == (name == "ranking lost")
    if because == "positives" and wanted == "too few":
        assert found.needed == 640


def test_recall_near_the_limit_needs_more_test_positives() -> None:
    found = answer({1: 1.72}, [SAME], "absent", n=80)
    (ratio,) = found.ratios
    assert ratio.recall.low < LOW_RECALL < ratio.recall.high
    assert (found.answer, found.because) == ("too few", "recall") and found.needed is not None and found.needed > 80


def test_recall_and_rate_are_those_of_the_roc_curve() -> None:
    labels, first = scores(1.5)
    found = answer({1: 1.5, 10: 1.1}, [SAME], "absent")
    rate = (first[:, ~labels] >= 0.5).mean()
    assert found.rate == pytest.approx(rate)
    for one, d_prime in zip(found.ratios, (1.5, 1.1), strict=True):
        runs = scores(d_prime)[1]
        assert one.auc.value == pytest.approx(np.mean([roc_auc_score(labels, run) for run in runs]))
        recalls = [np.interp(rate, *roc_curve(labels, run)[:2]) for run in runs]
        assert one.recall.value == pytest.approx(np.mean(recalls), abs=2e-3)
    assert found.auc_drop is not None
    assert found.auc_drop.value == pytest.approx(found.ratios[0].auc.value - found.ratios[1].auc.value)


def test_the_gain_of_a_method_is_a_paired_difference_over_all_methods() -> None:
    labels, tuned = scores(1.2, 200)
    better, same = scores(1.8, 200)[1], tuned**3
    arms = compare_arms(labels, {"better": (better, tuned), "same": (same, tuned)})
    assert arms[0].auc == pytest.approx(np.mean([roc_auc_score(labels, run) for run in better]))
    tuned_auc = np.mean([roc_auc_score(labels, run) for run in tuned])
    assert arms[0].gain.value == pytest.approx(arms[0].auc - tuned_auc) and arms[0].gain.low > 0
    assert arms[1].gain.value == 0 and arms[1].gain.high < ARM_MARGIN  # a monotone transform ranks the same
    alone = compare_arms(labels, {"better": (better, tuned)})[0]
    assert alone.gain.low > arms[0].gain.low


def test_the_interval_of_one_seed_is_delongs_with_an_assumed_spread_of_seeds() -> None:
    labels, tuned = scores(1.2, 400)
    better = scores(1.5, 400, noise=1.0)[1]
    (arm,) = compare_arms(labels, {"better": (better[0], tuned[0])})
    known = auc_difference(labels, better[0], tuned[0])
    half = np.hypot(known.value - known.low, 1.96 * AUC_SEED_SD)
    assert arm.gain.value - arm.gain.low == pytest.approx(half, rel=0.01)


def test_more_seeds_do_not_make_the_answer_less_sure() -> None:
    labels, tuned = scores(1.2, 400)
    better = scores(1.5, 400, noise=1.0)[1]
    widths = []
    for seeds in (1, 2, 3):
        (arm,) = compare_arms(labels, {"better": (better[:seeds], tuned[:seeds])})
        widths.append(arm.gain.high - arm.gain.low)
    assert widths[0] > widths[1] > widths[2]


def test_the_best_method_is_one_that_ranks_better_where_there_is_one() -> None:
    wide = Arm("probe", 0.92, Estimate(0.12, -0.01, 0.25))
    assert answer({1: 1.2, 10: 1.2}, [wide, BETTER], "absent", n=100).best is BETTER
    assert answer({1: 1.2, 10: 1.2}, [SAME, wide], "absent", n=100).best is wide
    assert answer({1: 1.2, 10: 1.2}, [], "absent", n=100).best is None


@settings(max_examples=20)
@given(st.lists(st.floats(-0.2, 0.2), min_size=1, max_size=4), st.sampled_from(["present", "absent", "too few"]))
def test_overlap_is_present_only_where_every_method_is_excluded(gains: list[float], curve: str) -> None:
    arms = [Arm(str(gain), 0.8, Estimate(gain, gain - 0.03, gain + 0.03)) for gain in gains]
    found = answer({1: 1.0, 10: 1.0}, arms, curve, n=100)
    if found.answer == "present":
        assert curve == "absent" and max(gains) + 0.03 < ARM_MARGIN
    if max(gains) > 0.03:
        assert found.answer == "absent"
