"""Word deletions and the shortest flip: a worked number, brute force over all deletions, properties."""

from itertools import chain, combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from closecall.analysis.errors.occlusion import (
    Attribution,
    positive_probability,
    shortest_flip,
    split_words,
    without,
    word_table,
)
from tests.makers import HOSTILE

WEIGHTS = st.lists(st.floats(-3, 3).map(lambda one: round(one, 2)), min_size=1, max_size=7)


def additive(weights: list[float], bias: float):
    """A classifier whose log-odds are a sum over words, and one of its attributions."""

    def logits_without(sets):
        return np.array([bias + sum(w for place, w in enumerate(weights) if place not in one) for one in sets])

    logit = float(logits_without([()])[0])
    drops = logit - logits_without([(place,) for place in range(len(weights))])
    return Attribution(tuple(f"w{place} " for place in range(len(weights))), logit, drops), logits_without


def test_a_worked_number() -> None:
    """Log-odds 2 + .5 - 1 = 1.5: without the 2 they are -.5, a probability of .378."""
    attribution, ask = additive([2.0, 0.5, -1.0], 0.0)
    np.testing.assert_allclose(attribution.drops, [2.0, 0.5, -1.0])
    table = word_table(attribution, k=2)
    assert table["word"].tolist() == ["w0", "w2"]
    np.testing.assert_allclose(table["prob_without"], [0.37754, 0.92414], atol=1e-5)
    flip = shortest_flip(attribution, ask)
    assert (flip.removed, flip.proven, flip.tried) == ((0,), True, 3)
    assert flip.logit == pytest.approx(-0.5)


def test_two_redundant_words_are_found_as_a_pair() -> None:
    """Either of two words alone keeps the prediction: no single deletion shows it, the pair does."""

    def ask(sets):
        return np.array([-1.0 if {0, 3} <= set(one) else 2.0 for one in sets])

    attribution = Attribution(("mac ", "a ", "b ", "apple"), 2.0, np.zeros(4))
    flip = shortest_flip(attribution, ask)
    assert flip.removed == (0, 3) and flip.proven


@settings(max_examples=150, deadline=None)
@given(WEIGHTS, st.floats(-4, 4), st.floats(0.05, 0.95))
def test_no_shorter_deletion_flips_an_additive_classifier(weights: list[float], bias: float, threshold: float) -> None:
    bias = round(bias, 6)  # a logit within rounding of the cut is on either side of it
    attribution, ask = additive(weights, bias)
    flip = shortest_flip(attribution, ask, threshold=threshold)
    called = positive_probability(attribution.logit) >= threshold
    places = range(len(weights))
    every = chain.from_iterable(combinations(places, count) for count in range(1, len(weights) + 1))
    turning = [one for one in every if (positive_probability(ask([one])[0]) >= threshold) != called]
    if not turning:
        assert flip.removed == () and flip.logit == attribution.logit
    else:
        assert len(flip.removed) == len(turning[0])
        assert (positive_probability(flip.logit) >= threshold) != called
        assert flip.logit == pytest.approx(float(ask([flip.removed])[0]))


@given(st.lists(st.integers(0, 2), min_size=6, max_size=6), st.data())
def test_what_is_found_flips_whatever_the_classifier_is(values: list[int], data: st.DataObject) -> None:
    """A classifier without any structure: a found deletion flips, and none shorter does where it is proven."""
    seen = {}

    def ask(sets):
        for one in sets:
            key = tuple(sorted(one))
            if key not in seen:
                seen[key] = data.draw(st.sampled_from([-1.0, 1.0])) if key else 1.0
        return np.array([seen[tuple(sorted(one))] for one in sets])

    drops = 1.0 - ask([(place,) for place in range(6)])
    flip = shortest_flip(Attribution(tuple("abcdef"), 1.0, drops), ask)
    if flip.removed:
        assert seen[flip.removed] == -1.0
        if flip.proven:
            assert not any(logit < 0 for key, logit in seen.items() if 0 < len(key) < len(flip.removed))


@given(st.text())
def test_pieces_are_the_text_again(text: str) -> None:
    pieces = split_words(text)
    assert "".join(pieces) == (text if text.strip() else "")
    assert [piece.strip() for piece in pieces] == text.split()
    assert without(pieces, ()) == "".join(pieces)


@pytest.mark.parametrize("text", HOSTILE)
def test_deleting_each_word_leaves_the_others(text: str) -> None:
    pieces = split_words(text)
    for place in range(len(pieces)):
        assert without(pieces, (place,)).split() == text.split()[:place] + text.split()[place + 1 :]


def test_a_very_long_blank_text_is_split_at_once() -> None:
    assert split_words(" " * 200_000) == ()
    assert len(split_words("a" * 100_000 + " b")) == 2


def test_it_checks_itself() -> None:
    with pytest.raises(ValueError, match="Each of 2 words"):
        Attribution(("a ", "b"), 0.0, np.zeros(3))
    with pytest.raises(ValueError, match="not finite"):
        Attribution(("a",), float("nan"), np.zeros(1))
    with pytest.raises(ValueError, match="threshold"):
        shortest_flip(Attribution(("a",), 0.0, np.zeros(1)), lambda sets: np.zeros(len(sets)), threshold=2)


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_at_the_ends_nothing_flips(threshold: float) -> None:
    attribution, ask = additive([3.0, -3.0], 0.0)
    assert shortest_flip(attribution, ask, threshold=threshold).removed == ()
