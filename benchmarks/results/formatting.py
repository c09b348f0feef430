"""How numbers, names and tables are written in the Markdown file."""

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from closecall.analysis.formatting import count_text, listed_text, percent_text, score_text, sentence_text
from closecall.analysis.intervals import Estimate
from closecall.analysis.remedies.methods import OperatingPoint


@dataclass(frozen=True)
class Answer:
    """A question, the answer in a sentence, and the figures behind it."""

    question: str
    headline: str
    points: list[str]


def share(estimate: Estimate) -> str:
    """A share with its interval: "80.0 % (75.8 to 83.6)"."""
    return f"{percent_text(estimate.value)} ({_bound(estimate.low)} to {_bound(estimate.high)})"


def counted_share(estimate: Estimate, n: int, seeds: int) -> str:
    """A share with its interval and its count, a mean over seeds: "80.0 % (75.8 to 83.6), 320"."""
    count = estimate.value * n
    return f"{share(estimate)}, {count:,.0f}" if seeds == 1 else f"{share(estimate)}, {count:,.1f}"


def area(estimate: Estimate) -> str:
    """A number from 0 to 1 with its interval: "0.941 (0.928 to 0.955)"."""
    return f"{score_text(estimate.value)} ({score_text(estimate.low)} to {score_text(estimate.high)})"


def pair(point: OperatingPoint) -> str:
    """Recall and specificity without the percent sign, for a narrow table: "80.0 / 98.0"."""
    return f"{_bound(point.recall.value)} / {_bound(point.specificity.value)}"


def part(estimate: Estimate) -> str:
    """A part of a drop, in points, for a table: "−2.5 (−6.7 to 1.7)"."""
    value, low, high = (f"{100 * one:.1f}" for one in (estimate.value, estimate.low, estimate.high))
    return f"{value} ({low} to {high})".replace("-0.0", "0.0").replace("-", "−")


def seeds_text(number: int) -> str:
    return "one seed" if number == 1 else f"{number} seeds"


def negated(estimate: Estimate) -> Estimate:
    """The estimate with its sign reversed."""
    return Estimate(-estimate.value, -estimate.high, -estimate.low)


def grouped(phrases: Iterable[tuple[str, str]]) -> str:
    """Join phrases with the names of the experiments they hold on: "Yes on a and b; not shown on c."."""
    places: dict[str, list[str]] = {}
    for phrase, place in phrases:
        places.setdefault(phrase, []).append(place)
    return sentence_text("; ".join(f"{phrase} on {listed_text(where)}" for phrase, where in places.items()) + ".")


def plain(text: str) -> str:
    """Escape a text from data for Markdown, on one line."""
    one_line = html.escape(" ".join(text.split()), quote=False)
    return "".join(f"\\{letter}" if letter in r"\`*_[]|#~$" else letter for letter in one_line)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table, as lines."""
    return [_row(header), _row(["---"] * len(header)), *map(_row, rows), ""]


def some(number: int, noun: str) -> str:
    """A count with its noun: "1 run", "9 runs"."""
    return count_text(number, noun, f"{noun}s")


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _bound(value: float) -> str:
    return percent_text(value).removesuffix(" %")
