"""Rules that propose cases: what must hold for an example to be worth a decision, and the words for why."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.case_evidence import THRESHOLD
from pages.shared.words import probability

GROUPS = {
    1: {"always wrong": "always missed", "lost": "lost as the ratio rises", "gained": "gained as the ratio rises",
        "unstable": "unstable over seeds", "wavering": "wavering"},
    0: {"always wrong": "false alarm at every ratio", "lost": "false alarm from some ratio on",
        "gained": "cleared as the ratio rises", "unstable": "unstable over seeds", "wavering": "wavering"},
}  # fmt: skip
"""The kinds of `analysis.outcome_groups` that a rule may ask for, in the words of each class."""


@dataclass(frozen=True)
class Rule:
    """What an example must be: its class, its kinds, its types (balanced pool) and its own-class margin.

    Empty or None: anything goes. `margin_below` is about the cosine to the nearest training example of its own class
    less that of the other class; for a positive this is `margin`. `most_ratios`: most runs get it wrong at more than
    half of the ratios. `recoverable`: still ranked well enough for the threshold of the smallest ratio.
    """

    name: str
    meaning: str
    label: int = 1
    kinds: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    margin_below: float | None = None
    most_ratios: bool = False
    recoverable: bool = False

    @property
    def needs_neighbours(self) -> bool:
        return bool(self.types) or self.margin_below is not None


RULES = (
    Rule("missed at most ratios", "Positives that most runs miss at more than half of the ratios.", most_ratios=True),
    Rule("always missed", "Positives that over four in five runs miss at every ratio.", kinds=("always wrong",)),
    Rule(
        "always missed, borderline, margin below 0",
        "Always missed, with two or three of the five nearest training examples positive, and the nearest of all a "
        "negative: true overlap, or a wrong label.",
        kinds=("always wrong",),
        types=("borderline",),
        margin_below=0.0,
    ),
    Rule(
        "lost at the largest ratio, recoverable",
        "Found at the smallest ratio, missed at the largest, and still ranked high enough there for a lower threshold "
        "to find them.",
        kinds=("lost",),
        recoverable=True,
    ),
    Rule(
        "false alarm at every ratio",
        "Negatives that over four in five runs call positive at every ratio.",
        label=0,
        kinds=("always wrong",),
    ),
)


def composed(label: int, kinds: Sequence[str], types: Sequence[str], margin_below: float | None) -> Rule:
    """A rule of one's own, named by what it asks."""
    parts = [GROUPS[label][kind] for kind in kinds]
    parts = [" or ".join(parts)] if parts else [("any negative", "any positive")[label] + " that is not always right"]
    parts += [" or ".join(types)] if types else []
    parts += [f"margin below {margin_below:g}"] if margin_below is not None else []
    return Rule(", ".join(parts), "A rule of your own.", label, tuple(kinds), tuple(types), margin_below)


def proposed(facts: pd.DataFrame, rule: Rule) -> tuple[list[str], list[str]]:
    """The ids that a rule finds and the reason of each, those that most runs get wrong first.

    `facts` has the columns of `models.case_evidence.fates` and its NEIGHBOURS, `id` as index.
    """
    if facts.empty:
        return [], []
    fits = (facts["label"] == rule.label) & (facts["kind"] != "always right")
    if rule.kinds:
        fits &= facts["kind"].isin(rule.kinds)
    if rule.most_ratios:
        fits &= facts["wrong_ratios"] > 0.5
    if rule.recoverable:
        fits &= facts["recoverable"]
    if rule.types:
        fits &= facts["type_balanced"].isin(rule.types)
    if rule.margin_below is not None:
        fits &= np.where(rule.label == 1, facts["margin"], -facts["margin"]) < rule.margin_below
    found = facts[fits].sort_values("wrong_runs", ascending=False, kind="stable")
    return found.index.tolist(), [_reason(row, rule) for row in found.to_dict("records")]


def _reason(row: dict, rule: Rule) -> str:
    """`always missed: by 14 of 15 runs (rule, threshold .50)`, with the evidence that the rule asks for."""
    runs = sum(letter in "HMRF" for letter in str(row["outcome_string"]))
    said = f"{rule.name}: by {row['wrong_runs']} of {runs} runs"
    if rule.needs_neighbours:
        said += f", {row['type_balanced']}, margin {row['margin']:.2f}"
    return f"{said} (rule, threshold {probability(THRESHOLD)})"
