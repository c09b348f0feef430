"""Slices and their tests as sentences, for the page and the terminal. Texts are not escaped; pages escape them."""

from typing import Any

from closecall.analysis.errors.slices import AT_LEAST
from closecall.analysis.formatting import count_text, percent_text, points_text, ratio_text, rounded_up, share_text
from closecall.analysis.intervals import Estimate
from closecall.analysis.metrics.outcomes import OUTCOME_NAMES
from closecall.analysis.two_groups import examples_needed, smallest_detectable_rate
from closecall.models.explain.slices import SliceFindings

CLASS_NAMES = {"fn": ("positive", "positives"), "fp": ("negative", "negatives")}
"""The class that an error outcome belongs to: singular, plural."""
CORRECT_OUTCOME = {"fn": "tp", "fp": "tn"}
KIND_NAMES = {
    "word": "Word", "length": "Length", "column": "Column", "range": "Range", "cluster": "Cluster", "picked": "Picked",
}  # fmt: skip
_JOINS = {
    "word": "with", "length": "of", "column": "with", "range": "with", "cluster": "of the cluster", "picked": "of",
}  # fmt: skip


def slice_title(kind: str, name: str, outcome: str) -> str:
    """The examples of a slice: `Positives with “scsi”`."""
    return f"{CLASS_NAMES[outcome][1].capitalize()} {_JOINS[kind]} {name}"


def comparison_text(row: dict[str, Any], outcome: str) -> str:
    """A row of the comparison of a slice with the rest (`analysis.two_groups`) as sentences with the numbers."""
    if not row["n"]:
        return f"No test {CLASS_NAMES[outcome][0]} is in this slice."
    errors = OUTCOME_NAMES[outcome].capitalize()
    inside = share_text(int(row["wrong"]), int(row["n"]))
    if not row["rest_n"]:
        return f"{errors}: {inside}. There is no other example to compare with."
    rest = share_text(int(row["rest_wrong"]), int(row["rest_n"]))
    change = points_text(Estimate(row["difference"], row["low"], row["high"]))
    return f"{errors} in the slice: {inside}. In the rest: {rest}. Difference: {change}."


def finding_text(found: SliceFindings, ratio: float, outcome: str) -> str:
    """The slice that differs most, or that none differs, or why the test is not possible: one or two sentences."""
    at, (_, class_name), errors = ratio_text(ratio), CLASS_NAMES[outcome], OUTCOME_NAMES[outcome]
    if not found.n:
        return f"No test {class_name} has a prediction at {at}."
    if not found.wrong:
        return f"{at} has no {errors} at this threshold, so there is nothing to compare."
    if found.too_few:
        return f"Too few {class_name} to test slices."
    significant = found.table[found.table["stands_out"]]
    if significant.empty:
        return f"No slice differs significantly from the rest in its rate of {errors} at {at}."
    worse = significant[significant["difference"] > 0]
    row = (worse if len(worse) else significant).iloc[0]
    inside, rest = share_text(int(row["wrong"]), int(row["n"])), share_text(int(row["rest_wrong"]), int(row["rest_n"]))
    title, more = slice_title(row["kind"], row["slice"], outcome), "more" if len(worse) else "fewer"
    text = f"{title} have {more} {errors} than the rest: {inside}, against {rest}."
    return text if len(worse) else f"No slice is significantly worse than the rest. {text}"


def slice_tests_text(found: SliceFindings, outcome: str) -> str:
    """What was tested, on how many examples, and with what result; or how many examples the test needs."""
    name = CLASS_NAMES[outcome][1]
    errors = f"{OUTCOME_NAMES[outcome].capitalize()} on test: {share_text(found.wrong, found.n)}."
    if not found.wrong:
        return errors
    if found.too_few:
        return (
            f"A slice needs {AT_LEAST} {name} inside and {AT_LEAST} outside, in validation and in test: at least "
            f"{2 * AT_LEAST} in each. There are {found.validation_n:,} in validation and {found.n:,} in test."
        )
    worse = int((found.table["stands_out"] & (found.table["difference"] > 0)).sum())
    better = int(found.table["stands_out"].sum()) - worse
    clusters = bool((found.table["kind"] == "cluster").any())
    chosen = "all clusters are tested" if clusters else "no clusters: they need the frozen encoder's embeddings"
    power = "" if worse else f" {power_text(found, outcome)}"
    return (
        f"{errors} {len(found.table):,} slices were chosen on validation and tested on test; {chosen}. At a false "
        f"discovery rate of 10 % (Benjamini-Hochberg) {_significant_text(worse, better, outcome)}.{power}"
    )


def _significant_text(worse: int, better: int, outcome: str) -> str:
    """How many slices are significant in each direction."""
    if not worse + better:
        return "none differs from the rest"
    more = count_text(worse, "slice has", "slices have") if worse else "no slice has"
    return f"{more} significantly more {OUTCOME_NAMES[outcome]} than the rest and {better} significantly fewer"


def power_text(found: SliceFindings, outcome: str) -> str:
    """The smallest error rate that the test detects in a slice of a tenth of the class, and the examples it needs.

    Power 80 %, corrected for the number of tested slices.
    """
    rate, tests = found.wrong / found.n, max(len(found.table), 1)
    name, seen = CLASS_NAMES[outcome][1], smallest_detectable_rate(rate, found.n, share=0.1, tests=tests)
    start = f"With this test set, a slice with a tenth of the {name}"
    text = f"{start} is detected (power 80 %) from a rate of {percent_text(seen)}"
    if not seen <= 1:
        text = f"{start} cannot be detected at any rate"
    if 2 * rate < 1 and not seen <= 2 * rate:
        needed = rounded_up(examples_needed(2 * rate, rate, share=0.1, tests=tests))
        return f"{text}; to detect twice the rate takes about {needed} {name}."
    return f"{text}."
