"""Numbers are written in one way on every page, in the terminal, in the report and in the docs."""

import math

import pytest

from closecall.analysis.formatting import (
    count_text,
    detectable_drop_text,
    duration_text,
    p_text,
    percent_estimate_text,
    percent_text,
    points_text,
    probability_text,
    ratio_text,
    rounded_up,
    score_difference_text,
    score_estimate_text,
    share_text,
)
from closecall.analysis.intervals import Estimate


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.18, "0.18"), (0.5, "0.50"), (0.0, "0.00"), (0.004, "0.004"), (0.0004, "<0.001"), (0.996, "0.996"),
     (0.9999, ">0.999"), (1.0, ">0.999"), (math.nan, "none")],
)  # fmt: skip
def test_probabilities_keep_their_leading_zero(value: float, text: str) -> None:
    assert probability_text(value) == text


def test_a_share_has_its_interval_and_its_counts() -> None:
    assert share_text(320, 400) == "80.0 % (95 % CI 75.8-83.6), 320/400"
    assert share_text(0, 0) == "not defined, 0/0"
    assert percent_text(0.9625) == "96.3 %"
    assert percent_estimate_text(Estimate(0.8, 0.758, 0.836)) == "80.0 % (95 % CI 75.8-83.6)"
    assert score_estimate_text(Estimate(0.941, 0.93, 0.95)) == "0.941 (95 % CI 0.930-0.950)"


def test_a_difference_has_its_sign() -> None:
    estimate = Estimate(-0.12, -0.159, -0.081)
    assert points_text(estimate) == "-12.0 points (95 % CI -15.9 to -8.1)"
    assert points_text(Estimate(0.12, 0.081, 0.159)) == "+12.0 points (95 % CI +8.1 to +15.9)"
    assert points_text(Estimate(0.12, 0.081, 0.159), signed=False) == "12.0 points (95 % CI 8.1 to 15.9)"
    assert points_text(Estimate(-0.0002, -0.056, 0.0002)) == "0.0 points (95 % CI -5.6 to 0.0)"


def test_counts_and_durations() -> None:
    assert count_text(1, "run") == "1 run" and count_text(1204, "miss", "misses") == "1,204 misses"
    assert duration_text(40) == "40 s" and duration_text(4800) == "80 min" and duration_text(None) == "not known yet"
    assert detectable_drop_text(4000) == ""


def test_ratios_scores_and_p_values() -> None:
    assert (ratio_text(10), ratio_text(2.03)) == ("1:10", "1:2.03")
    assert [rounded_up(n) for n in (96, 488.2, 1234, 12_001)] == ["100", "490", "1,300", "13,000"]
    assert [p_text(p) for p in (0.0004, 0.012, 1.0)] == ["< 0.001", "0.012", "1"]
    assert score_difference_text(Estimate(0.012, -0.004, 0.028)) == "+0.012 (95 % CI -0.004 to +0.028)"
    assert score_difference_text(Estimate(-0.0002, -0.01, 0.01)) == "0.000 (95 % CI -0.010 to +0.010)"
