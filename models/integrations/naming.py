"""The names and the ratio of a recorded run."""

import re

from closecall.analysis.formatting import ratio_text

_TRAILING_RATIO = re.compile(r"[\s,:;(\[-]*\b1\s*:\s*(\d+(?:\.\d+)?)\s*[)\]]?\s*$")
NEAR = 0.05
"""A ratio this close to a whole number, in relation, is given as that number."""


def experiment_title(title: str) -> str:
    """The title without a ratio at its end: "spam 1:10" gives "spam". A title that is a ratio stays."""
    return _TRAILING_RATIO.sub("", title).strip() or title.strip()


def ratio_in_title(title: str) -> float | None:
    """The ratio at the end of a title, None without one."""
    found = _TRAILING_RATIO.search(title)
    return float(found.group(1)) if found else None


def ratio_of_counts(positives: int, negatives: int) -> float:
    """Training negatives for each positive: a whole number within 5 %, else one decimal, below 1 two."""
    ratio = negatives / positives
    if ratio >= 1:
        return float(round(ratio)) if abs(ratio / round(ratio) - 1) <= NEAR else round(ratio, 1)
    return max(0.01, round(ratio, 2))


def ratio_note(title: str, ratio: float, positives: int, negatives: int, *, given: bool) -> str:
    """A sentence on where the ratio is from, and whether the title says another."""
    counts = f"{positives:,} training positives and {negatives:,} negatives"
    note = f"The ratio {ratio_text(ratio)} was given; there are {counts}." if given else (
        f"The ratio {ratio_text(ratio)} is from {counts}."
    )  # fmt: skip
    titled = ratio_in_title(title)
    if titled is not None and titled != ratio:
        note += f" The title says {ratio_text(titled)}."
    return note
