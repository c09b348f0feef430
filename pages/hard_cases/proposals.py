"""Rules that propose cases: what must hold for an example to be worth a decision, and the words for why."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.causes.minority_types import TYPES, type_shares_by_chance
from closecall.analysis.formatting import count_text, percent_text, probability_text
from closecall.data.annotations.hard_cases import Origin
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.results.case_evidence import THRESHOLD
from closecall.pages.shared import case_list
from closecall.pages.shared.escaping import escape_markdown

GROUPS = {
    1: {"always wrong": "always missed", "lost": "lost as the ratio rises", "gained": "gained as the ratio rises",
        "unstable": "unstable over seeds", "wavering": "wavering"},
    0: {"always wrong": "false alarm at every ratio", "lost": "false alarm from some ratio on",
        "gained": "cleared as the ratio rises", "unstable": "unstable over seeds", "wavering": "wavering"},
}  # fmt: skip
"""The kinds of `analysis.ratio.outcome_groups` that a rule may ask for, in the words of each class."""


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

    `facts` has the columns of `models.results.case_evidence.fates` and its NEIGHBOURS, `id` as index.
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
    return f"{said} (rule, threshold {probability_text(THRESHOLD)})"


# Rules propose, people dispose: a button for each rule, and a rule of one's own.

_NOUNS = ("negative", "positive")


def proposals(config: ExperimentConfig, facts: pd.DataFrame, listed: set[str]) -> None:
    """What each rule would add, one button each; beside them a rule composed by hand."""
    if facts.empty:
        st.caption("Rules need a finished run whose predictions did not collapse.")
        return
    with st.container(border=True):
        ready, own = st.columns(2, gap="large")
        with ready:
            for rule in RULES:
                _button(config, facts, rule, listed, key=f"propose-{rule.name}", help=rule.meaning)
        with own:
            _compose(config, facts, listed)
        st.caption(
            f"Test set, threshold {escape_markdown(probability_text(THRESHOLD))}, runs without a remedy that did not collapse. Cases "
            "come on the list with the rule as their reason; take off those that do not belong there.",
            help=_about_types(),
        )


def _compose(config: ExperimentConfig, facts: pd.DataFrame, listed: set[str]) -> None:
    """Group, type and margin, each optional."""
    first, second = st.columns(2)
    label = first.segmented_control(
        "A rule of your own, about", [1, 0], format_func=lambda one: _NOUNS[one] + "s", default=1, required=True,
        key="rule-label",
    )  # fmt: skip
    label = 1 if label is None else int(label)
    below = second.number_input(
        "Margin below", value=None, min_value=-2.0, max_value=2.0, step=0.05, key="rule-margin", placeholder="any",
        help="Cosine to the nearest training example of its own class, less that to the nearest of the other class. "
        "Below 0: it lies nearer to the other class.",
    )  # fmt: skip
    kinds = first.multiselect(
        "What became of it", list(GROUPS[label]), format_func=lambda kind: GROUPS[label][kind],
        key=f"rule-kinds-{label}", placeholder="any",
    )  # fmt: skip
    types = second.multiselect("Type", list(TYPES), key="rule-types", placeholder="any", help=_about_types())
    rule = composed(label, kinds, types, below)
    _button(config, facts, rule, listed, key="propose-own", help=f"Reason: {rule.name}.")


def _button(
    config: ExperimentConfig, facts: pd.DataFrame, rule: Rule, listed: set[str], *, key: str, help: str
) -> None:
    ids, reasons = proposed(facts, rule)
    new = [(one, reason) for one, reason in zip(ids, reasons, strict=True) if one not in listed]
    there = len(ids) - len(new)
    what = count_text(len(ids) if there and not new else len(new), _NOUNS[rule.label])
    st.button(
        f"On the list: all {what} {rule.name}" if there and not new else f"Propose {what}: {rule.name}",
        key=key,
        help=f"{help} {there:,} of them are on the list already." if there else help,
        disabled=not new,
        on_click=_add,
        args=(config.id, new),
    )


def _about_types() -> str:
    chance = type_shares_by_chance(1 / 2)
    at_ten = type_shares_by_chance(1 / 11)
    return (
        "Type (Napierala and Stefanowski): how many of its five nearest training examples are of its own class, 4 or 5 "
        "safe, 2 or 3 borderline, 1 rare, none an outlier; by the frozen encoder, among as many negatives as "
        f"positives. Without any signal {percent_text(chance['borderline'])} would be borderline. At 1:10 that would be "
        f"{percent_text(at_ten['borderline'])}, and {percent_text(at_ten['outlier'])} outliers: hence the balanced pool."
    )


def _add(experiment: str, new: list[tuple[str, str]]) -> None:
    origin = Origin(split="test", threshold=THRESHOLD)
    case_list.add(experiment, [one for one, _ in new], [reason for _, reason in new], origin)
