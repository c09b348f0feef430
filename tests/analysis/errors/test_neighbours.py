"""Nearest examples by cosine, class margins, new negatives, shared words; lengths of texts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from closecall.analysis.errors import neighbours
from closecall.analysis.errors.neighbours import (
    class_margins,
    nearest,
    nearest_new_negatives,
    shared_words,
    unshared_words,
)
from closecall.analysis.text import length_bins, word_counts, words

# A busy machine must not fail a property by its clock.
quick = settings(deadline=None, max_examples=30)

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("block_cells", [8_000_000, 700])
def test_nearest_agrees_with_scikit_learn_for_any_block_size(block_cells, monkeypatch):
    monkeypatch.setattr(neighbours, "_BLOCK_CELLS", block_cells)
    queries, candidates = RNG.normal(size=(50, 16)), RNG.normal(size=(300, 16))
    indices, cosines = nearest(queries, candidates, k=4)
    distances, expected = NearestNeighbors(n_neighbors=4, metric="cosine").fit(candidates).kneighbors(queries)
    assert (indices == expected).all()
    assert cosines == pytest.approx(1 - distances, abs=1e-5)


def test_nearest_ignores_length_and_survives_a_zero_vector():
    indices, cosines = nearest([[2.0, 0.0], [0.0, 0.0]], [[0.0, 3.0], [5.0, 0.1]], k=9)
    assert indices.shape == (2, 2) and indices[0].tolist() == [1, 0]
    assert cosines[1].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("queries", "candidates", "k", "message"),
    [
        (np.ones((2, 3)), np.ones((2, 4)), 1, "dimensions"),
        (np.ones((2, 3)), np.ones((0, 3)), 1, "at least one"),
        (np.ones((2, 3)), np.ones((2, 3)), 0, "at least one neighbour"),
        (np.full((2, 3), np.nan), np.ones((2, 3)), 1, "missing"),
    ],
)
def test_mismatched_vectors_raise(queries, candidates, k, message):
    with pytest.raises(ValueError, match=message):
        nearest(queries, candidates, k=k)


def test_new_negatives_are_only_those_of_the_larger_ratio():
    negatives = np.array([[1.0, 0.0], [0.9, 0.1], [0.8, 0.3], [0.0, 1.0]])
    indices, cosines = nearest_new_negatives([[1.0, 0.0]], negatives, [1, 0, 0, 0], [1, 0, 1, 1], k=5)
    assert indices.tolist() == [[2, 3]]
    assert cosines[0, 0] > cosines[0, 1]


def test_new_negatives_need_nested_ratios():
    with pytest.raises(ValueError, match="not nested"):
        nearest_new_negatives([[1.0]], [[1.0], [2.0]], [1, 0], [0, 1])
    with pytest.raises(ValueError, match="additional negatives"):
        nearest_new_negatives([[1.0]], [[1.0], [2.0]], [1, 0], [1, 0])


def test_shared_words_leave_out_the_small_ones():
    text, other = "My Mac's SCSI drive, the SCSI one, won't boot", "The drive's SCSI chain won't spin; boot!"
    assert shared_words(text, other) == ["scsi", "won't", "boot"]
    assert shared_words("the cat", "the dog", ignore=()) == ["the"]


def test_words_and_counts():
    assert words("It's 5 o'clock -- naïve!") == ["it's", "5", "o'clock", "naïve"]
    assert word_counts(["", " one  two\nthree "]).tolist() == [0, 3]


@quick
@given(st.lists(st.tuples(st.integers(0, 900), st.booleans()), min_size=1, max_size=60), st.integers(1, 40))
def test_every_text_is_in_one_bin(rows, bins):
    counts, labels = (np.array(column) for column in zip(*rows, strict=True))
    frame = length_bins(counts, labels, bins=bins)
    for label in (0, 1):
        part = frame[frame["label"] == label]
        own = counts[labels == label]
        expected = [((own >= row.low) & (own < row.high)).sum() for row in part.itertuples()]
        assert part["count"].tolist() == expected
        assert len(part) <= bins and part["share"].sum() == pytest.approx(1 if len(own) else 0)


def test_one_giant_text_does_not_stretch_the_bins():
    frame = length_bins([*range(10, 210), 50_000], np.arange(201) % 2, bins=20)
    assert frame["low"].max() < 250 and frame["high"].max() == np.inf


@quick
@given(st.integers(1, 40), st.integers(1, 60), st.integers(1, 60), st.integers(0, 10**6))
def test_class_margins_are_those_of_the_nearest_neighbours(m: int, p: int, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    queries, positives, negatives = (rng.normal(size=(size, 5)) for size in (m, p, n))
    reference = nearest(queries, positives, k=1)[1][:, 0] - nearest(queries, negatives, k=1)[1][:, 0]
    assert class_margins(queries, positives, negatives) == pytest.approx(reference, abs=1e-5)


def test_class_margins_leave_out_the_query_itself() -> None:
    positives, negatives = [[1.0, 0.0], [0.0, 1.0]], [[0.6, 0.8]]
    assert class_margins([[1.0, 0.0]], positives, negatives) == pytest.approx([0.4])
    assert class_margins([[1.0, 0.0]], positives, negatives, own_positive=[0]) == pytest.approx([-0.6])
    assert np.isnan(class_margins([[0.6, 0.8]], positives, negatives, own_negative=[0]))[0]


def test_class_margins_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    queries, positives, negatives = (rng.normal(size=(size, 5)) for size in (23, 9, 31))
    own = np.where(np.arange(23) % 3 == 0, np.arange(23) % 9, -1)
    whole = class_margins(queries, positives, negatives, own_positive=own)
    monkeypatch.setattr(neighbours, "_BLOCK_CELLS", 64)
    assert class_margins(queries, positives, negatives, own_positive=own) == pytest.approx(whole)


def test_unshared_words_keep_their_own_order() -> None:
    mine, theirs = unshared_words("The Quadra's disk is slow", "a slow disk, and the PC BIOS pc")
    assert (mine, theirs) == (["quadra's"], ["pc", "bios"])
