"""Rules that propose cases. A rule selects test examples by their outcomes and neighbours; a person decides.

Each rule has a button that adds its examples to the list, with the name of the rule in the reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from closecall.analysis.causes.minority_types import TYPES, type_shares_by_chance
from closecall.analysis.formatting import count_text, percent_text, probability_text
from closecall.data.annotations.hard_cases import Origin
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.results.hard_cases import THRESHOLD
from closecall.pages.shared import case_list
from closecall.pages.shared.escaping import escape_markdown

GROUPS = {
    1: {"always wrong": "always missed", "lost": "lost as the ratio rises", "gained": "gained as the ratio rises",
        "unstable": "unstable over seeds", "wavering": "not monotonic in the ratio"},
    0: {"always wrong": "false positive at every ratio", "lost": "false positive from some ratio on",
        "gained": "true negative as the ratio rises", "unstable": "unstable over seeds",
        "wavering": "not monotonic in the ratio"},
}  # fmt: skip
"""The kinds of `analysis.ratio.outcome_groups` that a rule may select, with their names for each class."""


@dataclass(frozen=True)
class Rule:
    """Conditions on an example: its class, kind, type (balanced pool) and margin. Empty or None: no condition.

    `margin_below`: upper bound of the cosine similarity to the nearest training example of the example's own class
    minus the similarity to the nearest of the other class (for a positive, `margin`).
    `most_ratios`: most runs get it wrong at more than half of the ratios.
    `recoverable`: at the largest ratio it ranks high enough for a lower threshold to recover it.
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


_NOUNS = ("negative", "positive")
RULES = (
    Rule("missed at most ratios", "Positives that most runs miss at more than half of the ratios.", most_ratios=True),
    Rule("always missed", "Positives that more than 80 % of the runs miss at every ratio.", kinds=("always wrong",)),
    Rule(
        "always missed, borderline, margin below 0",
        "Positives that are always missed, with two or three positives among the five nearest training examples and a "
        "negative as the nearest. The classes overlap here, or the label is wrong.",
        kinds=("always wrong",),
        types=("borderline",),
        margin_below=0.0,
    ),
    Rule(
        "lost at the largest ratio, recoverable",
        "True positives at the smallest ratio and false negatives at the largest, ranked high enough there for a lower "
        "threshold to recover them.",
        kinds=("lost",),
        recoverable=True,
    ),
    Rule(
        "false positive at every ratio",
        "Negatives that more than 80 % of the runs predict as positive at every ratio.",
        label=0,
        kinds=("always wrong",),
    ),
)


def custom_rule(label: int, kinds: Sequence[str], types: Sequence[str], margin_below: float | None) -> Rule:
    """A custom rule, named by its conditions."""
    parts = [GROUPS[label][kind] for kind in kinds]
    every_kind = f"any {('negative', 'positive')[label]} that is not always predicted correctly"
    parts = [" or ".join(parts) if parts else every_kind]
    parts += [" or ".join(types)] if types else []
    parts += [f"margin below {margin_below:g}"] if margin_below is not None else []
    return Rule(", ".join(parts), "A custom rule.", label, tuple(kinds), tuple(types), margin_below)


def proposed(facts: pd.DataFrame, rule: Rule) -> tuple[list[str], list[str]]:
    """The ids that a rule selects and the reason for each, ordered by the number of runs that get them wrong.

    `facts` has the columns of `models.results.hard_cases.outcomes_over_runs` and its NEIGHBOURS, `id` as index.
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
    chosen = facts[fits].sort_values("wrong_runs", ascending=False, kind="stable")
    return chosen.index.tolist(), [_reason(row, rule) for row in chosen.to_dict("records")]


def _reason(row: dict, rule: Rule) -> str:
    """The reason as `always missed: by 14 of 15 runs (rule, threshold 0.50)`, with the neighbours a rule uses."""
    runs = sum(letter.isalpha() for letter in str(row["outcome_string"]))
    reason = f"{rule.name}: by {row['wrong_runs']} of {runs} runs"
    if rule.needs_neighbours:
        reason += f", {row['type_balanced']}, margin {row['margin']:.2f}"
    return f"{reason} (rule, threshold {probability_text(THRESHOLD)})"


def proposals(config: ExperimentConfig, facts: pd.DataFrame, listed: set[str]) -> None:
    """A button for each rule with the number of cases it adds, and the form for a custom rule."""
    if facts.empty:
        st.caption("Rules need a finished run that did not collapse.")
        return
    with st.container(border=True):
        ready, own = st.columns(2, gap="large")
        with ready:
            for rule in RULES:
                _button(config, facts, rule, listed, key=f"propose-{rule.name}", help=rule.meaning)
        with own:
            _custom_rule_form(config, facts, listed)
        threshold = escape_markdown(probability_text(THRESHOLD))
        st.caption(
            f"Test set, threshold {threshold}, baseline runs that did not collapse. Proposed cases carry the rule as "
            "their reason. Remove those that do not belong on the list.",
            help=_about_types(),
        )


def _custom_rule_form(config: ExperimentConfig, facts: pd.DataFrame, listed: set[str]) -> None:
    """The form for a custom rule: class, kind, type and margin, each optional except the class."""
    first, second = st.columns(2)
    label = first.segmented_control(
        "Custom rule for", [1, 0], format_func=lambda one: _NOUNS[one] + "s", default=1, required=True,
        key="rule-label",
    )  # fmt: skip
    label = 1 if label is None else int(label)
    below = second.number_input(
        "Margin below", value=None, min_value=-2.0, max_value=2.0, step=0.05, key="rule-margin", placeholder="any",
        help="Cosine similarity to the nearest training example of the own class minus that to the nearest of the "
        "other class. Below 0, the other class is nearer.",
    )  # fmt: skip
    kinds = first.multiselect(
        "Outcomes over ratios", list(GROUPS[label]), format_func=lambda kind: GROUPS[label][kind],
        key=f"rule-kinds-{label}", placeholder="any",
    )  # fmt: skip
    types = second.multiselect("Type", list(TYPES), key="rule-types", placeholder="any", help=_about_types())
    rule = custom_rule(label, kinds, types, below)
    _button(config, facts, rule, listed, key="propose-own", help=f"Reason: {rule.name}.")


def _button(
    config: ExperimentConfig, facts: pd.DataFrame, rule: Rule, listed: set[str], *, key: str, help: str
) -> None:
    ids, reasons = proposed(facts, rule)
    new = [(one, reason) for one, reason in zip(ids, reasons, strict=True) if one not in listed]
    known = len(ids) - len(new)
    what = count_text(len(ids) if known and not new else len(new), _NOUNS[rule.label])
    st.button(
        f"On the list: all {what} {rule.name}" if known and not new else f"Add {what}: {rule.name}",
        key=key,
        help=f"{help} {known:,} of them are on the list already." if known else help,
        disabled=not new,
        on_click=_add,
        args=(config.id, new),
    )


def _about_types() -> str:
    balanced = {name: percent_text(share) for name, share in type_shares_by_chance(1 / 2).items()}
    at_ten = {name: percent_text(share) for name, share in type_shares_by_chance(1 / 11).items()}
    return (
        "Type (Napierala and Stefanowski 2016) by the number of own-class examples among the five nearest training "
        "examples: 4 or 5 safe, 2 or 3 borderline, 1 rare, 0 outlier. Neighbours come from the frozen encoder's "
        "embeddings, among as many negatives as positives. By chance alone, "
        f"{balanced['borderline']} would be borderline in this balanced pool. At 1:10, {at_ten['borderline']} would be "
        f"borderline and {at_ten['outlier']} outliers."
    )


def _add(experiment: str, new: list[tuple[str, str]]) -> None:
    origin = Origin(split="test", threshold=THRESHOLD)
    case_list.add(experiment, [one for one, _ in new], [reason for _, reason in new], origin)
