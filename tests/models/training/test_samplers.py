"""Draws of an epoch's rows: balanced, afresh, and the same whenever asked again."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from closecall.analysis.metrics.calibration import log_odds
from closecall.data.experiments.remedies import examples_an_epoch
from closecall.models.training.samplers import all_rows, over_sample, sampler_of, under_sample, undersampling_shift


def corrected(prob: float, *, kept: float) -> float:
    """Dal Pozzolo et al. (2015): p = b p_s/((b - 1) p_s + 1), with b the share of negatives kept."""
    return kept * prob / ((kept - 1) * prob + 1)


mixed = st.tuples(st.integers(1, 40), st.integers(1, 40), st.randoms(use_true_random=False))
seeds, epochs = st.integers(0, 5), st.integers(0, 5)


def shuffled(mix) -> np.ndarray:
    positives, negatives, random = mix
    labels = [1] * positives + [0] * negatives
    random.shuffle(labels)
    return np.array(labels, dtype=np.int8)


@given(mixed, seeds, epochs)
def test_over_sampling_balances_and_leaves_nothing_out(mix, seed: int, epoch: int) -> None:
    labels = shuffled(mix)
    rows = over_sample(labels, seed, epoch)
    drawn = np.bincount(rows, minlength=len(labels))
    assert (labels[rows] == 1).sum() == (labels[rows] == 0).sum() == max(mix[:2])
    assert (drawn >= 1).all()
    larger = labels == (1 if mix[0] > mix[1] else 0)
    if mix[0] != mix[1]:
        assert (drawn[larger] == 1).all()
    np.testing.assert_array_equal(rows, over_sample(labels, seed, epoch))


@given(mixed, seeds, epochs)
def test_under_sampling_balances_and_draws_nothing_twice(mix, seed: int, epoch: int) -> None:
    labels = shuffled(mix)
    rows = under_sample(labels, seed, epoch)
    assert (labels[rows] == 1).sum() == (labels[rows] == 0).sum() == min(mix[:2])
    assert len(set(rows.tolist())) == len(rows)
    np.testing.assert_array_equal(rows, under_sample(labels, seed, epoch))


@given(mixed)
def test_sizes_are_those_that_the_work_is_planned_by(mix) -> None:
    labels = shuffled(mix)
    for name in ("none", "focal", "over-sampling", "under-sampling"):
        sizes = {len(sampler_of(name)(labels, 0, epoch)) for epoch in (0, 1, 7)}
        assert sizes == {examples_an_epoch(name, mix[0], mix[1])}


def test_each_epoch_and_seed_draws_afresh() -> None:
    labels = np.r_[np.ones(30), np.zeros(300)].astype(np.int8)
    for draw in (over_sample, under_sample):
        different = {draw(labels, seed, epoch).tobytes() for seed in (0, 1) for epoch in (0, 1)}
        assert len(different) == 4
    np.testing.assert_array_equal(all_rows(labels, 0, 3), np.arange(330))


def test_over_epochs_under_sampling_sees_more_than_one_draw_would() -> None:
    labels = np.r_[np.ones(100), np.zeros(1000)].astype(np.int8)
    seen = np.unique(np.concatenate([under_sample(labels, 0, epoch) for epoch in range(3)]))
    assert 100 + 240 < len(seen) <= 100 + 300


@given(st.integers(1, 500), st.integers(1, 500), st.floats(0.001, 0.999))
def test_the_undo_is_the_formula(positives: int, negatives: int, prob: float) -> None:
    labels = np.r_[np.ones(positives), np.zeros(negatives)].astype(np.int8)
    shift = undersampling_shift(labels)
    if negatives >= positives:
        assert log_odds(corrected(prob, kept=positives / negatives)) == pytest.approx(log_odds(prob) + shift, abs=1e-6)
    mirrored = undersampling_shift(1 - labels)
    assert shift == pytest.approx(-mirrored)


def test_the_correction_restores_the_prior() -> None:
    """A classifier that says one half after under-sampling at 1:10 means one in eleven."""
    assert corrected(0.5, kept=0.1) == pytest.approx(1 / 11)
    assert undersampling_shift(np.r_[np.ones(10), np.zeros(100)]) == pytest.approx(np.log(0.1))
