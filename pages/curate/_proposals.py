"""Rules propose, people dispose: a button for each rule, and a rule of one's own."""

import pandas as pd
import streamlit as st

from analysis.minority_types import TYPES, type_shares_by_chance
from data.experiments import ExperimentConfig
from data.hard_cases import Origin
from models.case_evidence import THRESHOLD
from pages.curate._rules import GROUPS, RULES, Rule, composed, proposed
from pages.shared import case_list
from pages.shared.words import counted, percent, plain, probability

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
            f"Test set, threshold {plain(probability(THRESHOLD))}, runs without a remedy that did not collapse. Cases "
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
    what = counted(len(ids) if there and not new else len(new), _NOUNS[rule.label])
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
        f"positives. Without any signal {percent(chance['borderline'])} would be borderline. At 1:10 that would be "
        f"{percent(at_ten['borderline'])}, and {percent(at_ten['outlier'])} outliers: hence the balanced pool."
    )


def _add(experiment: str, new: list[tuple[str, str]]) -> None:
    origin = Origin(split="test", threshold=THRESHOLD)
    case_list.add(experiment, [one for one, _ in new], [reason for _, reason in new], origin)
