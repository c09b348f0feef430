"""How slices and what is known of them are said: one place for the words of the page."""

from typing import Any

from analysis.intervals import Estimate
from analysis.wording import points_text
from pages.shared.words import percent, plain, share

WHOSE = {"fn": ("positive", "positives"), "fp": ("negative", "negatives")}
DONE = {"fn": ("is missed", "are missed"), "fp": ("raises a false alarm", "raise a false alarm")}
WRONG = {"fn": "misses", "fp": "false alarms"}
RIGHT = {"fn": ("tp", "hits"), "fp": ("tn", "correct rejections")}
KINDS = {"word": "Word", "length": "Length", "column": "Column", "cluster": "Cluster", "picked": "Picked"}


def among(kind: str, said: str, outcome: str) -> str:
    """The examples of a slice, escaped for Markdown: `Positives with “scsi”`."""
    join = {"word": "with", "length": "of", "column": "with", "cluster": "of the cluster", "picked": "of"}[kind]
    return f"{WHOSE[outcome][1].capitalize()} {join} {plain(said)}"


def compared(row: dict[str, Any], outcome: str) -> str:
    """A row of `analysis.two_groups.against_the_rest` as a sentence; numbers only."""
    if not row["n"]:
        return f"No test {WHOSE[outcome][0]} is in this slice."
    inside = share(int(row["wrong"]), int(row["n"]))
    if not row["rest_n"]:
        return f"{WRONG[outcome].capitalize()}: {inside}. There are no others to compare with."
    rest = f"{percent(row['rest_rate'])}, {int(row['rest_wrong']):,} of {int(row['rest_n']):,}"
    change = points_text(Estimate(row["difference"], row["low"], row["high"]))
    return f"{WRONG[outcome].capitalize()}: {inside}. The others: {rest}. Difference: {change}."


def p_said(value: float) -> str:
    """A p value: `< .001`, `.034`, `1`."""
    return "< .001" if value < 0.001 else f"{value:.3f}".lstrip("0") if value < 0.9995 else "1"
