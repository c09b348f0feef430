"""Resampling over examples crossed with seeds."""

import numpy as np
import pytest

from closecall.analysis import bootstrap
from closecall.analysis.bootstrap import percentile_interval, resample_counts, resampled_means


@pytest.mark.parametrize("block_cells", [2_000_000, 100])
def test_every_draw_has_as_many_examples_as_there_are(block_cells, monkeypatch):
    monkeypatch.setattr(bootstrap, "_BLOCK_CELLS", block_cells)
    counts = np.concatenate(list(resample_counts(40, 301, rng=np.random.default_rng(0))))
    assert counts.shape == (301, 40)
    assert (counts.sum(axis=1) == 40).all()
    # A binomial of 40 draws with chance 1/40.
    assert counts.mean() == 1 and counts.var() == pytest.approx(39 / 40, rel=0.05)


def test_means_vary_as_expected_in_theory_and_are_paired():
    rng = np.random.default_rng(1)
    a = rng.random((1, 500)) < 0.8
    draws = resampled_means(np.stack([a, a, ~a]), draws=4000)
    assert draws[0].std() == pytest.approx(np.sqrt(a.mean() * (1 - a.mean()) / 500), rel=0.05)
    assert (draws[0] == draws[1]).all()
    assert draws[0] + draws[2] == pytest.approx(1)


def test_draws_are_of_examples_alone():
    """Seeds that differ, each the same for all examples, have no spread here: `widen_for_seeds` adds theirs."""
    values = np.ones((1, 3, 200))
    values[0, 0] = 0.7
    assert resampled_means(values, draws=50) == pytest.approx(0.9)


def test_the_same_seed_gives_the_same_draws():
    values = np.random.default_rng(2).random((2, 2, 30))
    assert (resampled_means(values, seed=5) == resampled_means(values, seed=5)).all()
    assert (resampled_means(values, seed=5) != resampled_means(values, seed=6)).any()


def test_the_percentile_interval_holds_the_middle():
    estimate = percentile_interval(0.5, np.linspace(0, 1, 1001))
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((0.5, 0.025, 0.975))
    assert not estimate.includes_zero and percentile_interval(0, [-1, 1]).includes_zero


def test_the_interval_of_a_mean_covers_it():
    rng = np.random.default_rng(3)
    covered = 0
    for trial in range(200):
        hits = rng.random((1, 1, 150)) < 0.85
        estimate = percentile_interval(hits.mean(), resampled_means(hits, draws=300, seed=trial)[0])
        covered += estimate.low <= 0.85 <= estimate.high
    assert 0.89 <= covered / 200 <= 0.99


def test_values_need_three_axes():
    with pytest.raises(ValueError, match="quantities, seeds"):
        resampled_means(np.zeros((3, 4)))
