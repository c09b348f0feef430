"""The widgets of the filters. Each is a function of the examples, all filter values, and the count for a value."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import streamlit as st

from closecall.analysis.causes.misses import CAUSES_OF_MISSES
from closecall.analysis.formatting import ratio_text
from closecall.analysis.metrics.outcomes import OUTCOME_MARKS, OUTCOME_NAMES
from closecall.data.annotations.hard_cases import ACTIONS
from closecall.models.results.run_predictions import SPLIT_NAMES
from closecall.pages.errors.filter_masks import (
    ALL_OUTCOMES,
    LISTED,
    MOST_SEEDS,
    ONE_SEED,
    UNDECIDED,
    SplitExamples,
    Values,
    example_causes,
    length_rule,
    outcome_group_codes,
    text_lengths,
    valid_seeds,
)
from closecall.pages.shared.case_list import tags_in_use
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.slices import slice_names

Count = Callable[[Any], int]
_MOST_OPTIONS = 30
"""Options of one filter that are shown. A link can set any other value."""


def outcome_buttons(examples: SplitExamples, values: Values, count: Count) -> None:
    for outcome in ("fn", "fp", "tp", "tn", ALL_OUTCOMES):
        known = outcome in OUTCOME_NAMES
        name = f"{OUTCOME_MARKS[outcome]} {OUTCOME_NAMES[outcome].capitalize()}" if known else "All"
        st.button(
            f"{name} **{count(outcome):,}**",
            key=f"pick-{outcome}",
            type="primary" if outcome == values["outcome"] else "secondary",
            on_click=set_filter,
            args=("outcome", outcome),
        )


def search_box(examples: SplitExamples, values: Values, count: Count) -> None:
    searched = "texts" if examples.texts.texts is not None else "ids"
    st.text_input(
        f"Search the {searched}",
        key="text",
        type="search",
        placeholder=f"Search the {searched} (ignores case)",
        label_visibility="collapsed",
    )


def regex_toggle(examples: SplitExamples, values: Values, count: Count) -> None:
    st.toggle("Regular expression", key="regex", help="For example `\\bmac(s|intosh)?\\b` or `^re:`.")


def probability_slider(examples: SplitExamples, values: Values, count: Count) -> None:
    # Streamlit drops the value of a slider that is not drawn, so the range is kept under another key.
    if st.session_state.get("chance-range") != values["chance"]:
        st.session_state["chance-range"] = values["chance"]
    st.slider(
        "Probability of being positive",
        0.0,
        1.0,
        step=0.01,
        key="chance-range",
        on_change=lambda: set_filter("chance", st.session_state["chance-range"]),
    )


def listed_buttons(examples: SplitExamples, values: Values, count: Count) -> None:
    _counted_buttons("listed", "Hard-case list", {name: name for name in LISTED}, values, count, optional=False)


def action_buttons(examples: SplitExamples, values: Values, count: Count) -> None:
    options = {name: name.capitalize() for name in (*ACTIONS, UNDECIDED)}
    _counted_buttons("action", "Action", options, values, count)


def tag_buttons(examples: SplitExamples, values: Values, count: Count) -> None:
    _counted_buttons("tag", "Tag", {tag: tag for tag in tags_in_use(examples.experiment)}, values, count)


def group_buttons(examples: SplitExamples, values: Values, count: Count) -> None:
    names = sorted((str(name) for name in outcome_group_codes(examples)[1] if name), key=_by_ratio)
    options = {name: name.capitalize() for name in names}
    _counted_buttons("group", "Outcome group over all ratios and seeds", options, values, count)


def cause_buttons(examples: SplitExamples, values: Values, count: Count) -> None:
    present = set(example_causes(examples).tolist()) - {""}
    options = {one.key: one.title for one in CAUSES_OF_MISSES if one.key in present}
    _counted_buttons("cause", "Cause of the error", options, values, count)


def slice_buttons(examples: SplitExamples, values: Values, count: Count) -> None:
    options = {name: name for name in slice_names(examples.experiment)}
    _counted_buttons("slice", "Slice (saved on Words and slices)", options, values, count)


def length_buttons(examples: SplitExamples, values: Values, count: Count) -> None:
    """Four ranges with about a quarter of the split's examples each."""
    lengths = text_lengths(examples)
    options: dict[str, str] = {}
    if lengths is not None and len(lengths):
        quartiles = sorted({int(one) for one in np.quantile(lengths, [0.25, 0.5, 0.75], method="lower")})
        starts = [0, *(one + 1 for one in quartiles)]
        ranges = [f"{low}-{high}" for low, high in zip(starts, [*quartiles, ""], strict=True)]
        options = {one: length_text(one).capitalize() for one in ranges}
    if values["length"]:
        options.setdefault(values["length"], length_text(values["length"]))
    _counted_buttons("length", "Length", options, values, count)


def seeds_buttons(examples: SplitExamples, values: Values, count: Count) -> None:
    """Nothing when the ratio has one valid seed."""
    number = len(valid_seeds(examples.predictions, examples.run, examples.threshold))
    if number < 2 and values["seeds"] == ONE_SEED:
        return
    ratio = escape_markdown(ratio_text(examples.run.config.ratio))
    labels = {ONE_SEED: f"Seed {examples.run.config.seed}", MOST_SEEDS: f"Most of the {number} valid seeds at {ratio}"}
    _buttons("seeds", "Predictions of", labels, values)


def split_buttons(examples: SplitExamples, values: Values, count: Count) -> None:
    _buttons("split", "Examples of", {split: name.capitalize() for split, name in SPLIT_NAMES.items()}, values)


def length_text(length: str) -> str:
    """`25-48` as "25 to 48 words"."""
    rule = length_rule(length)
    if rule is None:
        return length
    if rule.longest is None:
        return f"{rule.shortest} words or more"
    return f"{rule.shortest} to {rule.longest} words" if rule.shortest else f"up to {rule.longest} words"


def set_filter(name: str, value: Any) -> None:
    """Set one filter, as the callback of a button."""
    st.session_state[name] = value


def _by_ratio(name: str) -> tuple[str, float]:
    """Sorts "lost at 1:2" before "lost at 1:10"."""
    words, _, ratio = name.partition(" 1:")
    return words, float(ratio or 0)


def _counted_buttons(
    name: str, title: str, options: Mapping[str, str], values: Values, count: Count, *, optional: bool = True
) -> None:
    """A button for each option with its count; the value in the URL is always among them. Nothing without options."""
    shown = dict(list(options.items())[:_MOST_OPTIONS])
    if values[name]:
        shown.setdefault(values[name], options.get(values[name], values[name]))
    if not shown:
        return
    shown = {"": "Any", **shown} if optional else shown
    labels = {value: f"{escape_markdown(label)} **{count(value):,}**" for value, label in shown.items()}
    _buttons(name, title, labels, values)


def _buttons(name: str, title: str, labels: Mapping[str, str], values: Values) -> None:
    # Buttons rather than a selection widget: a selection is lost when the counts in its labels change.
    st.caption(title)
    with st.container(horizontal=True, gap="xsmall"):
        for number, (value, label) in enumerate(labels.items()):
            st.button(
                label,
                key=f"{name}-{number}",
                type="primary" if values[name] == value else "secondary",
                on_click=set_filter,
                args=(name, value),
            )
