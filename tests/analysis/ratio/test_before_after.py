"""Before and after on the same examples: against scikit-learn, a worked pair, and what must always hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import recall_score

from closecall.analysis.ratio.before_after import before_after


def test_the_worked_pair() -> None:
    """Four positives: two found before, three after, at 1:10; a ratio or seed of one side alone is left out."""
    labels = [1, 1, 1, 1, 0]
    before = ([[0.9, 0.9, 0.1, 0.1, 0.6], [0.5] * 5], [10, 5], [0, 0])
    after = ([[0.9, 0.1, 0.9, 0.9, 0.4], [0.5] * 5], [10, 10], [0, 7])
    table = before_after(labels, before, after)
    assert table[["label", "ratio", "seeds", "n", "before", "after"]].to_numpy().tolist() == [
        [1, 10, 1, 4, 0.5, 0.75],
        [0, 10, 1, 1, 0.0, 1.0],
    ]
    assert table["difference"].tolist() == [0.25, 1.0] and table["low"][0] < 0.25 < table["high"][0]


def test_the_shares_are_scikit_learns_recalls() -> None:
    rng = np.random.default_rng(1)
    labels, ratios, seeds = rng.permutation(np.arange(300) < 90).astype(int), [1, 1, 10, 10], [0, 1, 0, 1]
    sides = [(rng.random((4, 300)), ratios, seeds) for _ in range(2)]
    table = before_after(labels, *sides).set_index(["label", "ratio"])
    for name, (probs, _, _) in zip(("before", "after"), sides, strict=True):
        for label in (1, 0):
            for ratio, rows in ((1, (0, 1)), (10, (2, 3))):
                expected = np.mean([recall_score(labels, probs[row] >= 0.5, pos_label=label) for row in rows])
                assert table.at[(label, ratio), name] == pytest.approx(expected)


def test_seeds_that_differ_widen_the_change() -> None:
    labels, ratios, seeds = [1] * 40, [2] * 3, [0, 1, 2]
    before = np.full((3, 40), 0.1)
    same, apart = (
        before_after(labels, (before, ratios, seeds), ((np.arange(40) < np.array(found)[:, None]) * 0.9, ratios, seeds))
        for found in ([10, 10, 10], [0, 10, 20])
    )
    assert (same["difference"] == apart["difference"]).all()
    assert apart["low"][0] < 0 < same["low"][0] and apart["high"][0] > same["high"][0] + 0.2


@given(st.integers(0, 999), st.integers(1, 3))
@settings(max_examples=20, deadline=None)
def test_exchanged_experiments_change_the_sign(seed: int, seeds: int) -> None:
    rng = np.random.default_rng(seed)
    labels, runs = np.r_[1, 0, rng.integers(0, 2, 40)], ([2] * seeds, list(range(seeds)))
    sides = [(rng.random((seeds, 42)), *runs) for _ in range(2)]
    there, back = before_after(labels, *sides), before_after(labels, *sides[::-1])
    np.testing.assert_allclose(there["difference"], -back["difference"])
    np.testing.assert_allclose(there["low"], -back["high"])
    same = before_after(labels, sides[0], sides[0])
    assert (same[["difference", "low", "high"]] == 0).all().all()


def test_nothing_in_common() -> None:
    assert before_after([1, 0], ([[0.5, 0.5]], [1], [0]), ([[0.5, 0.5]], [2], [0])).empty
