"""Numbers as people read them: a share with its counts, a difference in points, a large whole number."""

import math
from collections.abc import Sequence

from closecall.analysis.intervals import Estimate, smallest_visible_drop, wilson


def percent_text(share: float) -> str:
    """A share as "80.0 %". Halves go up, as in the browser's tables: .9625 is "96.3 %" in both."""
    return "not defined" if math.isnan(share) else f"{_tenths(share)} %"


def share_text(right: int, n: int) -> str:
    """A share with Wilson's 95 % interval and its counts: "80.0 % (95 % CI 75.8-83.6), 320/400"."""
    if n == 0:
        return "not defined, 0/0"
    low, high = wilson(right, n)
    return f"{percent_text(right / n)} ({interval_text(float(low), float(high))}), {right:,}/{n:,}"


def interval_text(low: float, high: float) -> str:
    """The 95 % interval of a share, in percent: "95 % CI 75.8-83.6"."""
    return f"95 % CI {_tenths(low)}-{_tenths(high)}"


def points_text(estimate: Estimate, *, signed: bool = True) -> str:
    """A difference of two shares in percentage points with its interval: "-12.0 points (95 % CI -15.9 to -8.1)".

    `signed=False` leaves the plus signs out, for a sentence that names the direction: "recall falls by 12.0 points".
    """
    sign = "+" if signed else ""
    value, low, high = (f"{100 * one:{sign}.1f}" for one in (estimate.value, estimate.low, estimate.high))
    return f"{value} points (95 % CI {low} to {high})"


def ratio_text(ratio: float) -> str:
    """A ratio as it is written everywhere: "1:10", "1:2.03"."""
    return f"1:{ratio:g}"


def listed_text(names: Sequence[str]) -> str:
    """Names as in a sentence: "a, b and c"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def sentence_text(text: str) -> str:
    """With a capital at its start."""
    return text[:1].upper() + text[1:]


def rounded_up(count: float) -> str:
    """A wanted number of examples, never more exact than it is known: "96" becomes "100", "488" "490"."""
    step = 10 if count < 1000 else 100 if count < 10_000 else 1000
    return f"{int(-(-count // step) * step):,}"


def too_small_text(n_positives: int) -> str:
    """The smallest drop that so many test positives can show; "" where a drop of five points can be seen."""
    smallest = smallest_visible_drop(n_positives)
    if math.isnan(smallest):
        return f"{n_positives:,} test positives are too few to show any drop."
    if smallest <= 0.05:
        return ""
    return f"A drop under about {100 * smallest:.0f} points is not distinguishable with {n_positives:,} test positives."


def _tenths(share: float) -> str:
    # Python rounds an exact half to the even digit; a hair more sends it up and moves nothing else.
    return f"{100 * share + 1e-9:.1f}"


def probability_text(value: float) -> str:
    """A probability or threshold with the digits a reader needs: "0.12", "0.004", ">0.999", "<0.001"."""
    if math.isnan(value):
        return "none"
    if value > 0.9995:
        return ">0.999"
    if 0 < value < 0.0005:
        return "<0.001"
    return f"{value:.3f}" if 0 < value < 0.01 or value > 0.99 else f"{value:.2f}"


def duration_text(seconds: float | None) -> str:
    """A length of time: `40 s`, `6 min`, `1 h 20 min`."""
    if seconds is None or math.isnan(seconds):
        return "not known yet"
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def count_text(number: int, noun: str, plural: str = "") -> str:
    """`1 run`, `2 runs`, `1,204 misses`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
