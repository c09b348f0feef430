"""Text for numbers: shares with counts and intervals, differences in points, scores, p values, durations, counts."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from closecall.analysis.intervals import Estimate


def percent_text(share: float) -> str:
    """A share as "80.0 %". Exact halves are rounded up, as the browser's tables do: 0.9625 is "96.3 %" in both."""
    return "not defined" if math.isnan(share) else f"{_tenths(share)} %"


def share_text(right: int, n: int) -> str:
    """A share of n with Wilson's 95 % interval and its counts: "80.0 % (95 % CI 75.8-83.6), 320/400"."""
    if n == 0:
        return "not defined, 0/0"
    # Imported here: scipy takes a second, and most callers need other texts.
    from closecall.analysis.intervals import wilson

    low, high = wilson(right, n)
    return f"{percent_text(right / n)} ({interval_text(float(low), float(high))}), {right:,}/{n:,}"


def interval_text(low: float, high: float) -> str:
    """The 95 % interval of a share, in percent: "95 % CI 75.8-83.6"."""
    return f"95 % CI {_tenths(low)}-{_tenths(high)}"


def percent_estimate_text(estimate: "Estimate") -> str:
    """A share with its interval: "80.0 % (95 % CI 75.8-83.6)"."""
    return f"{percent_text(estimate.value)} ({interval_text(estimate.low, estimate.high)})"


def points_text(estimate: "Estimate", *, signed: bool = True) -> str:
    """A difference of two shares in percentage points with its interval: "-12.0 points (95 % CI -15.9 to -8.1)".

    `signed=False` leaves the plus signs out, for a sentence that names the direction: "recall falls by 12.0 points".
    """
    value, low, high = _points(estimate, "+" if signed else "")
    return f"{value} points (95 % CI {low} to {high})"


def points_cell(estimate: "Estimate") -> str:
    """`points_text` without units, for a table cell whose heading names points and the 95 % interval."""
    value, low, high = _points(estimate, "+")
    return f"{value} ({low} to {high})"


def _points(estimate: "Estimate", sign: str) -> tuple[str, str, str]:
    return _point(estimate.value, sign), _point(estimate.low, sign), _point(estimate.high, sign)


def _point(value: float, sign: str) -> str:
    text = f"{100 * value:{sign}z.1f}"
    return "0.0" if text == "+0.0" else text


def score_text(value: float) -> str:
    """An AUC, an average precision or a calibration error with three digits: "0.941"; "not defined" for nan."""
    return "not defined" if math.isnan(value) else f"{value:.3f}"


def score_estimate_text(estimate: "Estimate") -> str:
    """A score with its interval: "0.941 (95 % CI 0.930-0.950)"."""
    return f"{score_text(estimate.value)} (95 % CI {score_text(estimate.low)}-{score_text(estimate.high)})"


def score_difference_text(estimate: "Estimate") -> str:
    """A difference of two scores with its interval: "+0.012 (95 % CI -0.004 to +0.028)"."""
    return f"{_signed(estimate.value)} (95 % CI {_signed(estimate.low)} to {_signed(estimate.high)})"


def score_difference_cell(estimate: "Estimate") -> str:
    """`score_difference_text` for a table cell whose heading names the 95 % interval: "+0.012 (-0.004 to +0.028)"."""
    return f"{_signed(estimate.value)} ({_signed(estimate.low)} to {_signed(estimate.high)})"


def score_range_text(values: Sequence[float]) -> str:
    """The smallest and the largest difference of several: "-0.004 to +0.012"; one of them where both are equal."""
    low, high = _signed(min(values)), _signed(max(values))
    return low if low == high else f"{low} to {high}"


def _signed(value: float) -> str:
    text = f"{value:+.3f}"
    return "0.000" if text in ("+0.000", "-0.000") else text


def p_text(p: float) -> str:
    """A p value: "< 0.001", "0.012", "1"."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.9995 else "1"


def ratio_text(ratio: float) -> str:
    """The class ratio of one positive to so many negatives: "1:10", "1:2.03"."""
    return f"1:{ratio:g}"


def listed_text(names: Sequence[str]) -> str:
    """Names in a sentence: "a, b and c"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def sentence_text(text: str) -> str:
    """The text with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def rounded_up(count: float) -> str:
    """An estimated number of examples, rounded up to two or three digits: 96 is "100", 488 is "490"."""
    step = 10 if count < 1000 else 100 if count < 10_000 else 1000
    return f"{int(-(-count // step) * step):,}"


def detectable_drop_text(n_positives: int) -> str:
    """The smallest drop in recall that so many test positives can show; "" where it is at most five points."""
    from closecall.analysis.intervals import smallest_detectable_drop

    smallest = smallest_detectable_drop(n_positives)
    if math.isnan(smallest):
        return f"{n_positives:,} test positives are too few to show any drop."
    if smallest <= 0.05:
        return ""
    return f"A drop under about {100 * smallest:.0f} points is not distinguishable with {n_positives:,} test positives."


def probability_text(value: float) -> str:
    """A probability or threshold: "0.12", with three digits near 0 and 1: "0.004"; ">0.999", "<0.001"."""
    if math.isnan(value):
        return "none"
    if value > 0.9995:
        return ">0.999"
    if 0 < value < 0.0005:
        return "<0.001"
    return f"{value:.3f}" if 0 < value < 0.01 or value > 0.99 else f"{value:.2f}"


def prevalence_text(q: float) -> str:
    """A prevalence in percent and as one in how many texts: "9.1 % positives (1 in 11)"."""
    return f"{100 * q:g} % positives (1 in {round(1 / q):,})"


def duration_text(seconds: float | None) -> str:
    """A duration in seconds: "40 s", "6 min", "1 h 20 min"; "not known yet" for None and nan."""
    if seconds is None or math.isnan(seconds):
        return "not known yet"
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def count_text(number: int, noun: str, plural: str = "") -> str:
    """A count with its noun: "1 run", "2 runs", "1,204 false negatives"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def _tenths(share: float) -> str:
    # Python rounds an exact half to the even digit; adding 1e-9 rounds it up and changes nothing else.
    return f"{100 * share + 1e-9:.1f}"
