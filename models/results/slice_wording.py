"""How slices and what is known of them are said, on the page and in the terminal. Not escaped: pages do that."""

from typing import Any

from closecall.analysis.errors.slices import AT_LEAST
from closecall.analysis.formatting import percent_text, points_text, rounded_up, share_text
from closecall.analysis.intervals import Estimate
from closecall.analysis.two_groups import examples_needed, smallest_detectable_rate
from closecall.data.experiments.store import ratio_label
from closecall.models.explain.slices import SliceFindings

WHOSE = {"fn": ("positive", "positives"), "fp": ("negative", "negatives")}
DONE = {"fn": "are missed", "fp": "raise a false alarm"}
WRONG = {"fn": "misses", "fp": "false alarms"}
RIGHT = {"fn": ("tp", "hits"), "fp": ("tn", "correct rejections")}
KINDS = {"word": "Word", "length": "Length", "column": "Column", "cluster": "Cluster", "picked": "Picked"}


def among(kind: str, said: str, outcome: str) -> str:
    """The examples of a slice: `Positives with “scsi”`."""
    join = {"word": "with", "length": "of", "column": "with", "cluster": "of the cluster", "picked": "of"}[kind]
    return f"{WHOSE[outcome][1].capitalize()} {join} {said}"


def compared(row: dict[str, Any], outcome: str) -> str:
    """A row of `analysis.two_groups.compare_groups_with_rest` as a sentence; numbers only."""
    if not row["n"]:
        return f"No test {WHOSE[outcome][0]} is in this slice."
    inside = share_text(int(row["wrong"]), int(row["n"]))
    if not row["rest_n"]:
        return f"{WRONG[outcome].capitalize()}: {inside}. There are no others to compare with."
    rest = f"{percent_text(row['rest_rate'])}, {int(row['rest_wrong']):,} of {int(row['rest_n']):,}"
    change = points_text(Estimate(row["difference"], row["low"], row["high"]))
    return f"{WRONG[outcome].capitalize()}: {inside}. The others: {rest}. Difference: {change}."


def p_said(value: float) -> str:
    """A p value: `< .001`, `.034`, `1`."""
    return "< .001" if value < 0.001 else f"{value:.3f}".lstrip("0") if value < 0.9995 else "1"


def finding_said(found: SliceFindings, ratio: float, outcome: str) -> str:
    """The slice that stands out most, or that none does, or why nothing can be told, in one sentence or two."""
    at, (_, whose), wrong = ratio_label(ratio), WHOSE[outcome], WRONG[outcome]
    if not found.n:
        return f"There are no test {whose} with a prediction at {at}."
    if not found.wrong:
        return f"{at} has no {wrong} at this threshold: there is nothing to share."
    if found.too_few:
        return f"Too few {whose} to test slices."
    standing = found.table[found.table["stands_out"]]
    if standing.empty:
        return f"No word, length or cluster stands out among the {wrong} of {at}."
    worse = standing[standing["difference"] > 0]
    row = (worse if len(worse) else standing).iloc[0]
    rates = f"{percent_text(row['rate'])} of the time, against {percent_text(row['rest_rate'])} of the others."
    said = f"{among(row['kind'], row['slice'], outcome)} {DONE[outcome]} {rates}"
    return said if len(worse) else f"No slice is worse than the rest beyond chance. {said}"


def what_was_tested(found: SliceFindings, outcome: str) -> str:
    """What was tested, on how many examples, and what holds; or how many examples it would take."""
    name, whole = WHOSE[outcome][1], f"{WRONG[outcome].capitalize()} on test: {share_text(found.wrong, found.n)}."
    if not found.wrong:
        return whole
    if found.too_few:
        return (
            f"A slice needs {AT_LEAST} {name} in it and {AT_LEAST} others, in validation and in test: at least "
            f"{2 * AT_LEAST} in each. There are {found.validation_n:,} in validation and {found.n:,} in test."
        )
    worse = int((found.table["stands_out"] & (found.table["difference"] > 0)).sum())
    better = int(found.table["stands_out"].sum()) - worse
    clusters = bool((found.table["kind"] == "cluster").any())
    chosen = "clusters: all of them" if clusters else "no clusters: they need the frozen encoder's embeddings"
    return (
        f"{whole} {len(found.table):,} slices tested on test, chosen on validation ({chosen}). "
        f"At a false-find rate of 10 % (Benjamini-Hochberg) {_held(worse, better, outcome)}. "
        + ("" if worse else power_said(found, outcome))
    ).strip()


def _held(worse: int, better: int, outcome: str) -> str:
    """How many slices hold, worse and better than the rest: `3 hold with more misses than the rest, 2 with fewer`."""
    more, fewer = f"with more {WRONG[outcome]} than the rest", f"with fewer {WRONG[outcome]} than the rest"
    if not worse + better:
        return "none holds"
    if worse and better:
        return f"{worse} {_hold(worse)} {more} and {better} with fewer"
    return f"{worse or better} {_hold(worse or better)}, {more if worse else fewer}"


def _hold(number: int) -> str:
    return "holds" if number == 1 else "hold"


def power_said(found: SliceFindings, outcome: str) -> str:
    """What this test set can show of a slice with a tenth of the examples, and how many it would take."""
    rate, tests = found.wrong / found.n, max(len(found.table), 1)
    name, seen = WHOSE[outcome][1], smallest_detectable_rate(rate, found.n, share=0.1, tests=tests)
    said = (
        f"Here a slice with a tenth of the {name} is found, four times in five, from a rate of {percent_text(seen)} on"
    )
    if not seen <= 1:
        said = f"With so few, a slice with a tenth of the {name} cannot be found whatever its rate"
    if 2 * rate < 1 and not seen <= 2 * rate:
        needed = rounded_up(examples_needed(2 * rate, rate, share=0.1, tests=tests))
        return f"{said}; to see twice the rate takes about {needed} {name}."
    return f"{said}."
