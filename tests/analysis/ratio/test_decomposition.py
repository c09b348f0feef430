"""Decomposition of a drop in recall, prior-shift curve, excess drop, and the ratio against the threshold."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from benchmarks.results.ratio_drops import decompose_ratios, decomposition_table
from closecall.analysis.metrics.calibration import log_odds, probabilities
from closecall.analysis.ratio.decomposition import Validation, decompose_drop, paired_runs
from closecall.analysis.ratio.prior_shift import excess_drop, prior_shift_curve
from closecall.analysis.ratio.ratio_vs_threshold import (
    gain_over_threshold,
    ratio_vs_threshold_sentence,
    ratio_vs_threshold_table,
)

# A busy machine must not fail a property by its clock.
quick = settings(deadline=None, max_examples=30)


def calibrated_run(labels, noise, *, d_prime, ratio):
    """Probabilities of a calibrated classifier with this distance, trained at 1:ratio."""
    x = noise + np.where(labels, d_prime / 2, -d_prime / 2)
    return probabilities(d_prime * x - np.log(ratio))


def pair(rng, n_pos, n_neg, *, d_prime_b, seeds=1):
    labels = np.repeat([1, 0], [n_pos, n_neg])
    noise = rng.normal(size=(seeds, n_pos + n_neg))
    return (
        labels,
        calibrated_run(labels, noise, d_prime=2.81, ratio=1),
        calibrated_run(labels, noise, d_prime=d_prime_b, ratio=10),
    )


def test_the_worked_simulation():
    labels, a, b = pair(np.random.default_rng(0), 100_000, 100_000, d_prime_b=2.5)
    parts = decompose_drop(labels, a, b, draws=2)
    assert parts.drop.value == pytest.approx(0.290, abs=5e-3)
    assert (parts.ranking.value, parts.threshold.value) == pytest.approx((0.055, 0.235), abs=5e-3)
    assert (parts.ranking_other.value, parts.threshold_other.value) == pytest.approx((0.107, 0.183), abs=5e-3)


def test_a_pure_shift_is_all_threshold():
    labels, a, b = pair(np.random.default_rng(1), 20_000, 20_000, d_prime_b=2.81)
    parts = decompose_drop(labels, a, b, draws=2)
    assert (parts.recall_a, parts.recall_b) == pytest.approx((0.920, 0.721), abs=7e-3)
    assert (parts.ranking.value, parts.ranking_other.value) == pytest.approx((0, 0), abs=1e-3)


def recall_at(labels, reference, other):
    """Recall of `other` at the false-positive rate of `reference` at 0.50, by brute force over scores without ties.

    Between two negatives, `reference` has some of its positives above 0.50; `other` keeps that share.
    """
    called, negatives = (reference >= 0.5)[labels == 0].sum(), np.sort(reference[labels == 0])[::-1]

    def between(scores):
        positives, ranked = scores[labels == 1], np.append(np.inf, np.sort(scores[labels == 0])[::-1])
        upper, lower = ranked[called], np.append(ranked, -np.inf)[called + 1]
        return (positives > upper).sum(), positives[(positives <= upper) & (positives > lower)]

    assert called == (negatives >= 0.5).sum()
    _, inside = between(reference)
    place = (inside >= 0.5).mean() if len(inside) else 0.5
    found, inside = between(other)
    return (found + place * len(inside)) / (labels == 1).sum()


def test_parts_agree_with_recall_at_the_matched_rate():
    labels, a, b = (
        array[0] if array.ndim == 2 else array for array in pair(np.random.default_rng(2), 90, 200, d_prime_b=2)
    )
    parts = decompose_drop(labels, a, b, draws=2)
    f_a, f_b = ((probs >= 0.5)[labels == 0].mean() for probs in (a, b))
    assert parts.ranking.value == pytest.approx(parts.recall_a - recall_at(labels, a, b))
    assert parts.threshold_other.value == pytest.approx(parts.recall_a - recall_at(labels, b, a))
    assert (parts.false_positives_a, parts.false_positives_b) == pytest.approx((200 * f_a, 200 * f_b))


@quick
@given(st.integers(0, 10**6), st.integers(1, 3), st.booleans(), st.sampled_from([None, 0.1]))
def test_the_parts_sum_to_the_drop(seed, seeds, on_validation, match_prevalence):
    rng = np.random.default_rng(seed)
    labels, a, b = pair(rng, 20, 30, d_prime_b=1.5, seeds=seeds)
    validation = Validation(*pair(rng, 15, 25, d_prime_b=1.5, seeds=seeds)) if on_validation else None
    parts = decompose_drop(labels, a, b, validation=validation, match_prevalence=match_prevalence, draws=5)
    assert parts.drop.value == pytest.approx((a >= 0.5)[:, labels == 1].mean() - (b >= 0.5)[:, labels == 1].mean())
    for one, other in (
        (parts.ranking, parts.threshold),
        (parts.ranking_other, parts.threshold_other),
        (parts.ranking_mean, parts.threshold_mean),
    ):
        assert one.value + other.value == pytest.approx(parts.drop.value)


def test_a_run_against_itself_loses_nothing():
    labels, a, _ = pair(np.random.default_rng(3), 50, 60, d_prime_b=1)
    validation = Validation(*pair(np.random.default_rng(4), 50, 60, d_prime_b=1)[:2], None)
    validation = validation._replace(pos_probs_b=validation.pos_probs_a)
    parts = decompose_drop(labels, a, a, validation=validation, draws=50)
    for part in (parts.drop, parts.ranking, parts.threshold, parts.ranking_other, parts.ranking_mean):
        assert (part.value, part.low, part.high) == pytest.approx((0, 0, 0), abs=1e-9)


@st.composite
def runs_with_ties(draw):
    """Labels and two sets of scores, of test and of validation, rounded to some number of decimals."""
    rng, digits = np.random.default_rng(draw(st.integers(0, 10**6))), draw(st.integers(1, 6))
    sets = []
    for _ in range(2):
        labels = np.repeat([1, 0], [draw(st.integers(1, 25)), draw(st.integers(1, 40))])
        sets.append((labels, np.round(probabilities(2 * rng.normal(size=(2, len(labels))) + labels), digits)))
    return sets


TRANSFORMS = {
    "itself": lambda p: p,
    "moved prior": lambda p: probabilities(log_odds(p) - np.log(10)),
    "steeper": lambda p: p**3,
    "nearly saturated": lambda p: 1 - 1e-6 * (1 - p),
    "above one half": lambda p: 0.6 + 0.4 * p,
    "below one half": lambda p: 0.4 * p,
}


@quick
@given(runs_with_ties(), st.sampled_from(list(TRANSFORMS)), st.booleans(), st.sampled_from([None, 0.1]))
def test_the_same_ranking_has_no_ranking_part(sets, name, on_validation, match_prevalence):
    """Whatever the ties, and whatever a monotone transformation did to all scores: all of a drop is the threshold."""
    (labels, a), (val_labels, val_a) = sets
    change = TRANSFORMS[name]
    validation = Validation(val_labels, val_a, change(val_a)) if on_validation else None
    parts = decompose_drop(labels, a, change(a), validation=validation, match_prevalence=match_prevalence, draws=20)
    assert parts.ranking.value == pytest.approx(0, abs=1e-9)
    assert (parts.ranking.low, parts.ranking.high) == pytest.approx((0, 0), abs=1e-9)
    assert parts.threshold.value == pytest.approx(parts.drop.value, abs=1e-9)
    assert parts.ranking_other.value == pytest.approx(0, abs=1e-9)


def test_scores_of_one_decimal_lose_no_ranking():
    """The audit's case: the prior-shifted copy of a run, then both rounded; ranks differ only by what rounding took."""
    labels, a, b = (
        one if one.ndim == 1 else one[0] for one in pair(np.random.default_rng(16), 400, 1200, d_prime_b=2.81)
    )
    fine = decompose_drop(labels, a, b, draws=2)
    rounded = decompose_drop(labels, a.round(1), b.round(1), draws=2)
    assert abs(fine.ranking.value) <= 0.01 and abs(rounded.ranking.value) <= 0.02
    assert rounded.threshold.value > 0.15


def test_logits_are_scores_too():
    """On logits the ranks are those that saturated probabilities lose, and the threshold 0 is 0.50."""
    labels, a, b = pair(np.random.default_rng(17), 100, 200, d_prime_b=2.2)
    by_probs, by_logits = (
        decompose_drop(labels, a, b, draws=20),
        decompose_drop(labels, *map(log_odds, (a, b)), threshold=0, draws=20),
    )
    assert by_logits.ranking.value == pytest.approx(by_probs.ranking.value)
    assert by_logits.ranking.low == pytest.approx(by_probs.ranking.low)
    labels, a, b = pair(np.random.default_rng(17), 100, 200, d_prime_b=2.81)
    moved = [log_odds(one) + 18 for one in (a, b)]
    saturated = [probabilities(one).astype(np.float32) for one in moved]
    assert decompose_drop(labels, *moved, threshold=18, draws=2).ranking.value == pytest.approx(0, abs=0.011)
    assert len(np.unique(saturated[0])) < 200


def test_a_probability_at_the_threshold_is_predicted_positive():
    labels = [1, 1, 0, 0]
    parts = decompose_drop(labels, [0.5, 0.5, 0.5, 0.1], [0.9, 0.49, 0.4, 0.1], draws=2)
    assert (parts.recall_a, parts.recall_b, parts.false_positives_a) == (1, 0.5, 1)
    # A calibrated logit at the prior counts as a positive prediction: a run against itself has no excess drop.
    curve = prior_shift_curve(labels, [0.0, 1.0, 0.0, -1.0], [1])
    assert (curve["recall"][0], curve["specificity"][0]) == (1, 0.5)


def test_a_part_of_the_curve_is_as_good_as_the_whole():
    """Many choosing examples: only the highest scores are looked at, unless the other run needs more."""
    rng = np.random.default_rng(18)
    labels = np.repeat([1, 0], [60, 3000])
    a, b = rng.random((2, 3060)), rng.random((2, 3060))
    b[:, :] = 0.2 * b  # b predicts nothing; at the rate of a it needs half of its curve
    parts = decompose_drop(labels, a, b, draws=10)
    for row in range(2):
        one = decompose_drop(labels, a[row], b[row], draws=2)
        assert one.recall_a - one.ranking.value == pytest.approx(recall_at(labels, a[row], b[row]))
    assert parts.recall_b == 0 and 0.4 < parts.threshold.value < 0.6


def test_thresholds_come_from_validation():
    labels = np.repeat([1, 0], [4, 4])
    a = np.array([0.9, 0.8, 0.7, 0.6, 0.4, 0.3, 0.2, 0.1])
    validation = Validation([1, 0, 0], [0.9, 0.6, 0.1], [0.9, 0.75, 0.35])
    # One of two validation negatives is a false positive of a at .5; b is between its own two, .75 and .35. Of its four
    # positives one is above both; of the three between, half: a has no positive between its own two.
    parts = decompose_drop(labels, a, a - 0.1, validation=validation, draws=2)
    assert parts.recall_a - parts.ranking.value == pytest.approx(0.625)


def test_match_prevalence_matches_predicted_positives():
    labels, a, b = pair(np.random.default_rng(5), 4000, 4000, d_prime_b=2.0)
    q = 0.2
    parts = decompose_drop(labels, a, b, match_prevalence=q, draws=2)
    recall_a, fpr_a = ((a[0] >= 0.5)[labels == c].mean() for c in (1, 0))
    budget = q * recall_a + (1 - q) * fpr_a
    # Brute force over every cut of b.
    predicted_positives = {t: q * (b[0][:4000] >= t).mean() + (1 - q) * (b[0][4000:] >= t).mean() for t in b[0][::40]}
    best = max((b[0][:4000] >= t).mean() for t, rate in predicted_positives.items() if rate <= budget)
    assert recall_a - parts.ranking.value == pytest.approx(best, abs=0.01)


def test_the_interval_of_the_ranking_part_covers_the_truth():
    rng = np.random.default_rng(6)
    truth = norm.cdf(1.405) - norm.cdf(2.2 - 1.405)  # both at the FPR .08 of d' 2.81 cut in the middle
    covered = 0
    for trial in range(60):
        labels, a, b = pair(rng, 150, 300, d_prime_b=2.2)
        parts = decompose_drop(labels, a, b, draws=150, seed=trial)
        covered += parts.ranking.low <= truth <= parts.ranking.high
    assert covered / 60 >= 0.88


def test_intact_ranking_is_seldom_reported_as_lost():
    rng = np.random.default_rng(7)
    lost = 0
    for trial in range(60):
        labels = np.repeat([1, 0], [60, 150])
        shared = rng.normal(size=210)
        a, b = (0.8 * shared + 0.6 * rng.normal(size=210) for _ in range(2))
        parts = decompose_drop(
            labels,
            calibrated_run(labels, a, d_prime=2.81, ratio=1),
            calibrated_run(labels, b, d_prime=2.81, ratio=10),
            draws=150,
            seed=trial,
        )
        lost += parts.ranking.low > 0
    assert lost / 60 <= 0.09


def test_uneven_seeds_raise():
    labels, a, b = pair(np.random.default_rng(8), 20, 20, d_prime_b=2, seeds=2)
    with pytest.raises(ValueError, match="same seeds"):
        decompose_drop(labels, a, b[:1])
    with pytest.raises(ValueError, match="same seeds"):
        decompose_drop(labels, a, b, validation=Validation(labels, a[:1], b[:1]))


def test_runs_are_paired_by_seed():
    pairs = paired_runs([10, 1, 1, 5, 5, 10], [2, 0, 2, 2, 7, 0], runs=6)
    assert {ratio: (a.tolist(), b.tolist()) for ratio, (a, b) in pairs.items()} == {
        5: ([2], [3]),
        10: ([1, 2], [5, 0]),
    }


def sweep(rng, n_pos=200, n_neg=600):
    labels = np.repeat([1, 0], [n_pos, n_neg])
    noise = rng.normal(size=n_pos + n_neg)
    probs = [calibrated_run(labels, noise, d_prime=d, ratio=r) for d, r in ((2.81, 1), (2.81, 5), (1.8, 10))]
    return labels, np.array(probs), [1, 5, 10], [0, 0, 0]


def test_decompositions_of_a_sweep():
    labels, probs, ratios, seeds = sweep(np.random.default_rng(9))
    parts = decompose_ratios(labels, probs, ratios, seeds, draws=50)
    assert list(parts) == [5, 10]
    assert parts[10] == decompose_drop(labels, probs[0], probs[2], draws=50)
    table = decomposition_table(parts)
    assert table["ratio"].tolist() == [5, 10]
    assert table.loc[1, "ranking_low"] == parts[10].ranking.low
    with pytest.raises(ValueError, match="together"):
        decompose_ratios(labels, probs, ratios, seeds, val_labels=labels)


def test_ratio_vs_threshold_result():
    labels, probs, ratios, seeds = sweep(np.random.default_rng(10), 400, 4000)
    table = ratio_vs_threshold_table(decompose_ratios(labels, probs, ratios, seeds, draws=100))
    assert table["result"].tolist() == ["no difference shown", "less"]
    assert table.loc[1, "high"] < 0
    assert "a moved threshold does better" in table.loc[1, "sentence"]
    better = ratio_vs_threshold_table(decompose_ratios(labels, probs[[2, 0]], [1, 5], [0, 0], draws=100))
    assert better["result"].tolist() == ["more"]


def test_ratio_vs_threshold_needs_false_positives():
    labels, probs, ratios, seeds = sweep(np.random.default_rng(11), 60, 60)
    parts = decompose_ratios(labels, probs, ratios, seeds, draws=20)
    assert not parts[5].both_orders
    assert ratio_vs_threshold_table(parts).loc[0, "result"] == "too few false positives"
    gain = gain_over_threshold(parts[10])
    assert gain.low <= gain.value <= gain.high and gain.value == -parts[10].ranking_other.value


def test_prior_shift_recall_is_the_closed_form_for_normal_scores():
    labels, a, _ = pair(np.random.default_rng(13), 100_000, 100_000, d_prime_b=2)
    curve = prior_shift_curve(labels, log_odds(a), [1, 2, 3, 5, 10])
    assert curve["recall"].to_numpy() == pytest.approx([0.920, 0.877, 0.845, 0.797, 0.721], abs=5e-3)
    assert curve["specificity"].to_numpy() == pytest.approx([0.920, 0.951, 0.964, 0.976, 0.987], abs=5e-3)


def test_prior_shift_from_another_reference_is_the_same_shift():
    labels, logits = np.array([1, 1, 0]), np.array([1.0, 0.2, -1.0])
    curve = prior_shift_curve(labels, logits, [2, 2 * np.exp(0.5)], reference_ratio=2)
    assert curve["recall"].tolist() == [1, 0.5]


@pytest.mark.parametrize(("d_prime_b", "expected"), [(2.81, 0.0), (2.5, 0.721 - 0.629)])
def test_excess_drop_is_what_the_prior_does_not_explain(d_prime_b, expected):
    labels, a, b = pair(np.random.default_rng(14), 3000, 3000, d_prime_b=d_prime_b, seeds=2)
    validation = pair(np.random.default_rng(114), 3000, 3000, d_prime_b=2, seeds=2)[:2]
    estimate = excess_drop(labels, a, b, calibrated_on=validation, ratio=10, draws=200)
    assert estimate.value == pytest.approx(expected, abs=0.02)
    assert estimate.low <= estimate.value <= estimate.high


def test_excess_drop_needs_paired_seeds_and_real_ratios():
    labels, a, b = pair(np.random.default_rng(15), 30, 30, d_prime_b=2, seeds=2)
    with pytest.raises(ValueError, match="same seeds"):
        excess_drop(labels, a[:1], b, calibrated_on=(labels, a), ratio=10)
    with pytest.raises(ValueError, match="above 0"):
        excess_drop(labels, a, b, calibrated_on=(labels, a), ratio=0)


def test_excess_drop_of_a_calibrated_pair_is_covered_with_an_estimated_slope():
    covered = 0
    for trial in range(60):
        rng = np.random.default_rng(1000 + trial)
        labels, a, b = pair(rng, 120, 240, d_prime_b=2.81)
        validation = pair(rng, 60, 120, d_prime_b=2.81)[:2]
        estimate = excess_drop(labels, a, b, calibrated_on=validation, ratio=10, draws=200)
        covered += estimate.low <= 0 <= estimate.high
    assert covered >= 52  # 57 expected; with a known slope it is about 50


def table_of(*rows):
    return pd.DataFrame(rows, columns=["ratio", "gain", "result"])


def test_ratio_vs_threshold_sentence():
    nothing = table_of((2, 0.01, "no difference shown"), (10, 0, "too few false positives"))
    assert "more" not in ratio_vs_threshold_sentence(nothing).partition(" by ")[0]
    assert ratio_vs_threshold_sentence(nothing).endswith("Too few false positives to compare: 1:10.")
    both = table_of((2, 0.031, "more"), (5, -0.02, "less"))
    assert "higher at 1:2 by 3.1 points; lower at 1:5 by 2.0 points" in ratio_vs_threshold_sentence(both)
    few = ratio_vs_threshold_sentence(table_of((10, 0, "too few false positives")))
    assert few.startswith("No ratio can be compared") and few.endswith("1:10.")
