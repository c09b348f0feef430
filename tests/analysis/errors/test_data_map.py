"""Data map: against a plain loop, a worked example, by property."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from closecall.analysis.errors.data_map import REGIONS, class_ranks, confidence_change, data_map, regions


def shown(seed: int, epochs: int = 4, n: int = 30, gaps: bool = True) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels, probs = rng.integers(0, 2, n), rng.random((epochs, n)).round(2)
    if gaps:
        probs[rng.random((epochs, n)) < 0.2] = np.nan
        probs[:, 0] = np.nan
    return labels, probs


def one_by_one(label: int, probs: list[float]) -> dict[str, float]:
    """The definitions, as written, for one example."""
    seen = [p for p in probs if not math.isnan(p)]
    own = [p if label else 1 - p for p in seen]
    right = [(p >= 0.5) == bool(label) for p in seen]
    confidence = sum(own) / len(own)
    return {
        "confidence": confidence,
        "variability": math.sqrt(sum((p - confidence) ** 2 for p in own) / len(own)),
        "correctness": sum(right) / len(right),
        "forgetting": sum(a and not b for a, b in pairwise(right)),
        "margin": sum(math.log(max(p, 1e-7) / max(1 - p, 1e-7)) for p in own) / len(own),
    }


@given(st.integers(0, 10_000), st.integers(1, 6))
def test_it_agrees_with_a_plain_loop(seed: int, epochs: int) -> None:
    labels, probs = shown(seed, epochs)
    found = data_map(labels, probs).to_dict("records")
    for place, label in enumerate(labels):
        column = probs[:, place].tolist()
        if all(math.isnan(p) for p in column):
            assert found[place].pop("region") == "" and np.isnan(list(found[place].values())).all()
            continue
        for name, value in one_by_one(int(label), column).items():
            assert math.isclose(found[place][name], value, abs_tol=1e-5), name


def test_worked_numbers() -> None:
    """A positive shown .2, .8, .4 and a negative shown the same."""
    found = data_map([1, 0], [[0.2, 0.2], [0.8, 0.8], [0.4, 0.4]])
    assert found["confidence"].round(4).tolist() == [0.4667, 0.5333]
    assert found["variability"].round(4).tolist() == [0.2494, 0.2494]
    assert found["correctness"].round(4).tolist() == [0.3333, 0.6667]
    assert found["forgetting"].tolist() == [1, 1]
    assert found["margin"].round(4).tolist() == [-0.1352, 0.1352]
    assert found["confidence_rank"].tolist() == [0.5, 0.5]


@given(st.integers(0, 10_000))
def test_bounds_and_symmetry(seed: int) -> None:
    labels, probs = shown(seed)
    found, mirrored = data_map(labels, probs), data_map(1 - labels, 1 - probs)
    seen = found["confidence"].notna()
    assert found.loc[seen, "confidence"].between(0, 1).all()
    assert (found.loc[seen, "variability"] <= 0.5 + 1e-9).all()
    assert np.allclose(found["confidence"], mirrored["confidence"], equal_nan=True)
    assert np.allclose(found["margin"], mirrored["margin"], equal_nan=True)
    assert found.loc[seen, "confidence_rank"].between(0, 1, inclusive="neither").all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.integers(0, 1000))
def test_ranks_are_those_of_the_class(values: list[float], seed: int) -> None:
    labels = np.random.default_rng(seed).integers(0, 2, len(values))
    ranks = class_ranks(labels, values)
    for label in (0, 1):
        own = np.flatnonzero(labels == label)
        for one in own:
            below = sum(values[other] < values[one] for other in own)
            same = sum(values[other] == values[one] for other in own)
            assert math.isclose(ranks[one], (below + same / 2) / len(own))


def test_regions_are_thirds_of_the_class() -> None:
    assert regions([0.1, 0.1, 0.5, 0.9, np.nan], [0.1, 0.9, 0.5, 0.2, np.nan]).tolist() == [
        "hard to learn",
        "ambiguous",
        "",
        "easy",
        "",
    ]
    labels, probs = shown(3, n=600, gaps=False)
    shares = data_map(labels, probs).groupby(labels)["region"].value_counts(normalize=True).unstack()
    assert np.allclose(shares["ambiguous"], 1 / 3, atol=0.02) and set(REGIONS) <= set(shares.columns)


def test_at_one_to_ten_the_lower_third_of_all_is_mostly_positives_but_not_by_class() -> None:
    rng = np.random.default_rng(0)
    labels = np.r_[np.ones(100, int), np.zeros(1000, int)]
    pulled = np.clip(0.3 - 0.2 * labels + 0.2 * rng.normal(size=(3, 1100)), 0, 1)
    found = data_map(labels, np.where(labels == 1, 1 - (0.9 - pulled), pulled))
    low = found["confidence"].rank(pct=True) < 1 / 3
    assert low[labels == 1].mean() > 0.6
    assert abs((found["confidence_rank"][labels == 1] < 1 / 3).mean() - 1 / 3) < 0.02


@pytest.mark.parametrize(("probs", "said"), [([0.5], "epochs"), (np.empty((0, 1)), "epochs"), ([[1.5]], "between")])
def test_what_cannot_be_read_is_refused(probs: list, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        data_map([1], probs)


def test_rank_change_is_relative_to_the_other_examples() -> None:
    """All fall by .2, the second by .5: it alone falls in rank."""
    found = confidence_change([[0.9, 0.8, 0.7], [0.8, 0.6, 0.6], [0.7, 0.3, 0.5]])
    assert found["change"].round(2).tolist() == [-0.2, -0.5, -0.2]
    assert found["first_rank"].round(3).tolist() == [0.833, 0.5, 0.167]
    assert found["rank_change"].round(3).tolist() == [0, -0.333, 0.333]
    assert confidence_change(np.empty((2, 0))).empty
    with pytest.raises(ValueError, match="two ratios"):
        confidence_change([[0.5, 0.5]])


@given(st.integers(0, 1000))
def test_rank_changes_sum_to_zero(seed: int) -> None:
    shown = np.random.default_rng(seed).random((3, 20)).round(1)
    found = confidence_change(shown)
    assert abs(found["rank_change"].sum()) < 1e-9
    assert np.allclose(found["change"], shown[-1] - shown[0])
