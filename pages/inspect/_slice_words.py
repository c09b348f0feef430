"""How slices and what is known of them are said: one place for the words of the page."""

from typing import Any

import pandas as pd

from analysis.intervals import Estimate
from analysis.slices import AT_LEAST
from analysis.two_groups import examples_needed, smallest_visible_rate
from analysis.wording import points_text, rounded_up
from models.slice_findings import SliceFindings
from pages.shared.words import counted, percent, plain, share

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


def finding_said(standing: pd.DataFrame, outcome: str) -> str:
    """The headline when slices stand out: the surest one that is worse than the rest, else the surest one."""
    worse = standing[standing["difference"] > 0]
    row = (worse if len(worse) else standing).iloc[0]
    rates = f"{percent(row['rate'])} of the time, against {percent(row['rest_rate'])} of the others."
    said = f"{among(row['kind'], row['said'], outcome)} {DONE[outcome][1]} {plain(rates)}"
    return said if len(worse) else f"{said} No slice is worse than the rest beyond chance."


def tested_said(found: SliceFindings, outcome: str) -> str:
    """What was tested, on how many examples, and what holds; or how many examples it would take."""
    name, whole = WHOSE[outcome][1], f"{WRONG[outcome].capitalize()} on test: {share(found.wrong, found.n)}."
    if not found.wrong:
        return plain(whole)
    if found.too_few:
        return plain(
            f"A slice needs {AT_LEAST} {name} in it and {AT_LEAST} others, in validation and in test: at least "
            f"{2 * AT_LEAST} in each. There are {found.validation_n:,} in validation and {found.n:,} in test."
        )
    worse = int((found.table["stands_out"] & (found.table["difference"] > 0)).sum())
    better = int(found.table["stands_out"].sum()) - worse
    held = f"{worse} with more {WRONG[outcome]} than the rest and {better} with fewer hold"
    return plain(
        f"{whole} {counted(len(found.table), 'slice')} chosen on validation, tested on test: "
        f"{held if worse + better else 'none holds'} at a false-find rate of 10 % (Benjamini-Hochberg). "
        + ("" if worse else power_said(found, outcome))
    )


def power_said(found: SliceFindings, outcome: str) -> str:
    """What this test set can show of a slice with a tenth of the examples, and how many it would take."""
    rate, tests = found.wrong / found.n, max(len(found.table), 1)
    name, seen = WHOSE[outcome][1], smallest_visible_rate(rate, found.n, share=0.1, tests=tests)
    said = f"What a tenth of the {name} share is seen here, four times in five, from a rate of {percent(seen)} on"
    if not seen <= 1:
        said = f"What a tenth of the {name} share cannot be seen with so few, whatever its rate"
    if 2 * rate < 1 and not seen <= 2 * rate:
        needed = rounded_up(examples_needed(2 * rate, rate, share=0.1, tests=tests))
        return f"{said}; to see twice the rate takes about {needed} {name}."
    return f"{said}."
