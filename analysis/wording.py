"""Numbers as people read them: a share with its counts, a difference in points, a large whole number."""

import math
from collections.abc import Sequence

from analysis.intervals import Estimate, smallest_visible_drop, wilson


def percent_text(share: float) -> str:
    """A share as "80.0 %". Halves go up, as in the browser's tables: .9625 is "96.3 %" in both."""
    return "not defined" if math.isnan(share) else f"{_tenths(share)} %"


def share_text(right: int, n: int) -> str:
    """A share with Wilson's 95 % interval and the counts behind it: "80.0 % (75.8 to 83.6), 320 of 400"."""
    if n == 0:
        return "not defined, 0 of 0"
    low, high = wilson(right, n)
    return f"{percent_text(right / n)} ({_tenths(float(low))} to {_tenths(float(high))}), {right:,} of {n:,}"


def points_text(estimate: Estimate) -> str:
    """A difference of two shares with its interval: "12.0 points (8.1 to 15.9)"."""
    return f"{100 * estimate.value:.1f} points ({100 * estimate.low:.1f} to {100 * estimate.high:.1f})"


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
    """What so many test positives cannot show; "" where a drop of five points can be seen."""
    smallest = smallest_visible_drop(n_positives)
    if math.isnan(smallest):
        return f"{n_positives:,} test positives are too few to tell any drop."
    if smallest <= 0.05:
        return ""
    return f"With {n_positives:,} test positives a drop under about {100 * smallest:.0f} points cannot be told."


def _tenths(share: float) -> str:
    # Python rounds an exact half to the even digit; a hair more sends it up and moves nothing else.
    return f"{100 * share + 1e-9:.1f}"
