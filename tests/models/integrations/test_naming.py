"""Titles, ratios, and what a note says about them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from closecall.models.integrations.naming import experiment_title, ratio_in_title, ratio_note, ratio_of_counts


@pytest.mark.parametrize(
    ("title", "experiment", "ratio"),
    [
        ("spam 1:10", "spam", 10),
        ("spam (1:2.5)", "spam", 2.5),
        ("spam, 1 : 3 ", "spam", 3),
        ("1:10", "1:10", 10),
        ("spam", "spam", None),
        ("at 11:10", "at 11:10", None),
    ],
)
def test_the_ratio_at_the_end_of_a_title(title: str, experiment: str, ratio: float | None) -> None:
    assert (experiment_title(title), ratio_in_title(title)) == (experiment, ratio)


@given(st.integers(1, 10_000), st.integers(1, 1_000_000))
def test_a_ratio_from_counts_is_within_five_percent_or_half_a_digit(positives: int, negatives: int) -> None:
    true, ratio = negatives / positives, ratio_of_counts(positives, negatives)
    assert ratio > 0
    assert abs(ratio - true) <= max(0.05 * max(true, ratio) + 1e-9, 0.0501 if true >= 1 else 0.0101)


def test_worked_ratios() -> None:
    assert [ratio_of_counts(100, n) for n in (1000, 997, 250, 33, 12345)] == [10, 10, 2.5, 0.33, 123]


def test_the_note_names_a_title_that_says_another_ratio() -> None:
    assert "1:10" in ratio_note("spam 1:10", 5.0, 20, 100, given=False)
    assert "title" not in ratio_note("spam 1:5", 5.0, 20, 100, given=False)
