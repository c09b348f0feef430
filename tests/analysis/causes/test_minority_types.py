"""Minority types and neighbourhoods: a plain loop, the worked shares of chance, and what must always hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from closecall.analysis.causes.minority_types import TYPES, K, minority_types, neighbourhoods, type_shares_by_chance
from closecall.analysis.errors.neighbours import class_margins


def plain_neighbourhood(
    query: np.ndarray, label: int, rows: np.ndarray, labels: np.ndarray, own: int
) -> tuple[int, int, int]:
    """The nearest positive, the nearest negative and the same-class count, one pair at a time."""
    unit = [row / np.linalg.norm(row) for row in rows]
    cosines = [float(np.dot(query / np.linalg.norm(query), one)) for one in unit]
    order = sorted((place for place in range(len(rows)) if place != own), key=lambda place: -cosines[place])
    first = [next(place for place in order if labels[place] == kind) for kind in (1, 0)]
    return first[0], first[1], sum(int(labels[place] == label) for place in order[:K])


def test_it_agrees_with_a_plain_loop() -> None:
    rng = np.random.default_rng(7)
    for pool in (8, 40, 200):
        labels = (np.arange(pool) % 4 == 0).astype(int)
        rows = rng.normal(size=(pool, 6)) + labels[:, None]
        queries, mine = np.r_[rng.normal(size=(15, 6)), rows[:3]], np.r_[np.arange(15) % 2, labels[:3]]
        own = np.r_[np.full(15, -1), np.arange(3)]
        frame = neighbourhoods(queries, mine, rows, labels, own=own)
        expected = [
            plain_neighbourhood(*one, rows, labels, place) for *one, place in zip(queries, mine, own, strict=True)
        ]
        found = frame[["nearest_positive", "nearest_negative", "same_class"]]
        assert list(found.itertuples(index=False, name=None)) == expected


def test_margins_agree_with_class_margins() -> None:
    rng = np.random.default_rng(3)
    rows, labels, queries = rng.normal(size=(60, 8)), np.arange(60) % 3 == 0, rng.normal(size=(20, 8))
    ours = neighbourhoods(queries, np.ones(20), rows, labels)
    np.testing.assert_allclose(ours["margin"], class_margins(queries, rows[labels], rows[~labels]), atol=1e-6)


def test_the_worked_types() -> None:
    """Napierala and Stefanowski 2016, k = 5: 4 and 5 safe, 2 and 3 borderline, 1 rare, 0 outlier."""
    assert minority_types([5, 4, 3, 2, 1, 0]).tolist() == ["safe"] * 2 + ["borderline"] * 2 + ["rare", "outlier"]


def test_on_a_circle() -> None:
    """Three positives about 0 degrees, four negatives about 90: a positive at 45 has two of five on its side."""
    degrees = np.radians([0, 10, 20, 60, 70, 80, 90])
    rows = np.c_[np.cos(degrees), np.sin(degrees)]
    query = [[np.cos(np.radians(45)), np.sin(np.radians(45))]]
    frame = neighbourhoods(query, [1], rows, [1, 1, 1, 0, 0, 0, 0])
    assert frame[["nearest_positive", "nearest_negative", "same_class"]].to_numpy().tolist() == [[2, 3, 2]]
    assert frame["margin"][0] == pytest.approx(np.cos(np.radians(25)) - np.cos(np.radians(15)), abs=1e-6)


def test_by_chance_at_one_to_ten() -> None:
    shares = type_shares_by_chance(1 / 11)
    assert [round(shares[name], 2) for name in TYPES] == [0.00, 0.07, 0.31, 0.62]
    assert round(type_shares_by_chance(0.5)["borderline"], 3) == 0.625


@given(st.integers(0, 10_000), st.integers(6, 40), st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_what_always_holds(seed: int, pool: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(pool) < max(1, pool // 3)).astype(int)
    rows, queries = rng.normal(size=(pool, 4)), rng.normal(size=(m, 4))
    as_positive = neighbourhoods(queries, np.ones(m), rows, labels)
    as_negative = neighbourhoods(queries, np.zeros(m), rows, labels)
    assert (as_positive["same_class"] + as_negative["same_class"] == K).all()
    assert (labels[as_positive["nearest_positive"]] == 1).all()
    assert (labels[as_positive["nearest_negative"]] == 0).all()
    turned = neighbourhoods(3 * queries, np.ones(m), 0.5 * rows, labels)
    assert turned["same_class"].tolist() == as_positive["same_class"].tolist()
    order = rng.permutation(pool)
    moved = neighbourhoods(queries, np.ones(m), rows[order], labels[order])
    np.testing.assert_allclose(moved["margin"], as_positive["margin"], atol=1e-6)


def test_invalid_annotations_are_refused() -> None:
    rows, labels = np.eye(8), [1, 0] * 4
    with pytest.raises(ValueError, match="from 0 to 5"):
        minority_types([6])
    with pytest.raises(ValueError, match="At least 6"):
        neighbourhoods(rows[:1], [1], rows[:4], labels[:4])
    with pytest.raises(ValueError, match="one label for each"):
        neighbourhoods(rows[:2], [1], rows, labels)
    with pytest.raises(ValueError, match="no training example other"):
        neighbourhoods(rows[:1], [1], rows, [1, 0, 0, 0, 0, 0, 0, 0], own=[0])
