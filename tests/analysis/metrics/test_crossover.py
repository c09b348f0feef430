"""Where two classifiers change places: the motivating numbers, and F1 itself as the reference."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from closecall.analysis.metrics.prevalence import break_even_prevalence, f1_at

RATE = st.floats(0.01, 0.99)


def test_break_even_of_the_motivating_question() -> None:
    assert break_even_prevalence(0.92, 0.08, 0.80, 0.02) == pytest.approx(0.2754, abs=1e-4)


def test_a_dominating_classifier_has_no_break_even() -> None:
    assert math.isnan(break_even_prevalence(0.9, 0.02, 0.8, 0.05))
    assert math.isnan(break_even_prevalence(0.9, 0.02, 0.9, 0.05))


@given(RATE, RATE, RATE, RATE)
def test_at_the_answer_both_have_the_same_f1(a: float, f: float, b: float, g: float) -> None:
    q = break_even_prevalence(a, f, b, g)
    if not math.isnan(q):
        assert f1_at(a, f, q=q) == pytest.approx(f1_at(b, g, q=q), abs=1e-9)
