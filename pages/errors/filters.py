"""The filters of the Errors page, one `Filter` each. To add a filter, add its entry to FILTERS and its functions.

The mask function goes to `filter_masks`, the widget to `filter_widgets`, parser and label stay here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import streamlit as st

from closecall.analysis.causes.misses import MISS_CAUSE_BY_KEY
from closecall.analysis.formatting import probability_text
from closecall.analysis.metrics.outcomes import OUTCOMES
from closecall.analysis.ratio.outcome_groups import current_group
from closecall.data.annotations.hard_cases import ACTIONS
from closecall.data.annotations.selections import load_selection
from closecall.data.annotations.slice_rules import read_rule
from closecall.data.io.errors import UserError
from closecall.models.results.run_predictions import SPLIT_NAMES
from closecall.pages.errors import filter_masks as masks
from closecall.pages.errors import filter_widgets as widgets
from closecall.pages.errors.filter_masks import (
    ALL_OUTCOMES,
    LISTED,
    MOST_SEEDS,
    ONE_SEED,
    UNDECIDED,
    SplitExamples,
    Values,
    length_rule,
    picked_ranks,
)
from closecall.pages.errors.filter_widgets import Count, length_text


@dataclass(frozen=True)
class Filter:
    """One filter.

    `name`: its URL parameter and its key in the session state. `default`: the value that is not written into the URL.
    `parse`: reads the value in a URL, ValueError if it is invalid. `mask`: the examples that a value keeps, shape (n,);
    None for a filter that changes the predictions instead. `keeps_all`: the value that keeps every example, if that is
    not the default. `label`: the text of its chip while it has another value than the default, "" for no chip.
    `widget`: draws it in its `section` of the page, given the number of examples that a value would leave.
    `of_annotations`: whether the mask depends on list, tags or actions.
    """

    name: str
    default: Any
    parse: Callable[[str], Any] = str
    mask: Callable[[SplitExamples, Values], np.ndarray] | None = None
    keeps_all: Any = None
    label: Callable[[SplitExamples, Values], str] | None = None
    widget: Callable[[SplitExamples, Values, Count], None] | None = None
    section: Literal["outcomes", "search", "more"] = "more"
    of_annotations: bool = False

    def narrows(self, value: Any) -> bool:
        """Whether a value of the filter leaves out examples."""
        return self.mask is not None and value != (self.default if self.keeps_all is None else self.keeps_all)


def one_of(*options: str) -> Callable[[str], str]:
    """A parser for a value that must be one of the options."""

    def parse(text: str) -> str:
        if text not in options:
            raise ValueError(text)
        return text

    return parse


def _parse_range(text: str) -> tuple[float, float]:
    """`0.1-0.5` as a range of probabilities."""
    low, high = (float(part) for part in text.split("-"))
    if not 0 <= low <= high <= 1:
        raise ValueError(text)
    return low, high


def _parse_length(text: str) -> str:
    """A range of words in its standard form."""
    rule = length_rule(text)
    if rule is None:
        raise ValueError(text)
    return rule.written.removeprefix("length:")


def _range_label(examples: SplitExamples, values: Values) -> str:
    low, high = values["chance"]
    return f"probability {probability_text(low)} to {probability_text(high)}"


def _picked_label(examples: SplitExamples, values: Values) -> str:
    """The source of a saved selection, its size, and how many of its examples are in this split."""
    try:
        selection = load_selection(examples.experiment, values["picked"])
    except UserError:
        return ""
    here = int((picked_ranks(examples.predictions, values["picked"]) >= 0).sum())
    split = SPLIT_NAMES[examples.predictions.split]
    return f"picked: {selection.source} · {len(selection.ids):,}, {here:,} in the {split} split"


def _slice_name(name: str) -> str:
    """A slice's own name, or a rule of a link in words."""
    try:
        rule = read_rule(name)
    except UserError:
        return name
    return name if rule is None else rule.text


FILTERS: tuple[Filter, ...] = (
    Filter(
        "outcome",
        default="fn",
        parse=one_of(*OUTCOMES, ALL_OUTCOMES),
        mask=masks.outcome_mask,
        keeps_all=ALL_OUTCOMES,
        widget=widgets.outcome_buttons,
        section="outcomes",
    ),
    Filter("text", default="", mask=masks.text_mask, widget=widgets.search_box, section="search"),
    Filter(
        "regex",
        default=False,
        parse=lambda text: text.lower() in ("true", "1"),
        widget=widgets.regex_toggle,
        section="search",
    ),
    Filter(
        "chance",
        default=(0.0, 1.0),
        parse=_parse_range,
        mask=masks.probability_mask,
        label=_range_label,
        widget=widgets.probability_slider,
    ),
    Filter(
        "listed",
        default=LISTED[0],
        parse=one_of(*LISTED),
        mask=masks.listed_mask,
        label=lambda _, values: values["listed"].lower(),
        widget=widgets.listed_buttons,
        of_annotations=True,
    ),
    Filter(
        "action",
        default="",
        parse=one_of(*ACTIONS, UNDECIDED),
        mask=masks.action_mask,
        label=lambda _, values: f"action: {values['action']}",
        widget=widgets.action_buttons,
        of_annotations=True,
    ),
    Filter(
        "tag",
        default="",
        mask=masks.tag_mask,
        label=lambda _, values: f"tag: {values['tag']}",
        widget=widgets.tag_buttons,
        of_annotations=True,
    ),
    Filter(
        "group",
        default="",
        parse=current_group,
        mask=masks.group_mask,
        label=lambda _, values: values["group"],
        widget=widgets.group_buttons,
    ),
    Filter(
        "cause",
        default="",
        parse=one_of(*MISS_CAUSE_BY_KEY),
        mask=masks.cause_mask,
        label=lambda _, values: f"cause: {MISS_CAUSE_BY_KEY[values['cause']].title.lower()}",
        widget=widgets.cause_buttons,
    ),
    Filter(
        "slice",
        default="",
        mask=masks.slice_mask,
        label=lambda _, values: f"slice: {_slice_name(values['slice'])}",
        widget=widgets.slice_buttons,
    ),
    Filter(
        "length",
        default="",
        parse=_parse_length,
        mask=masks.length_mask,
        label=lambda _, values: length_text(values["length"]),
        widget=widgets.length_buttons,
    ),
    Filter("picked", default="", mask=masks.picked_mask, label=_picked_label),
    Filter(
        "seeds",
        default=ONE_SEED,
        parse=one_of(ONE_SEED, MOST_SEEDS),
        label=lambda *_: "predictions of most seeds",
        widget=widgets.seeds_buttons,
    ),
    Filter(
        "split",
        default="test",
        parse=one_of(*SPLIT_NAMES),
        label=lambda _, values: f"{SPLIT_NAMES[values['split']]} examples",
        widget=widgets.split_buttons,
    ),
)


def filter_values() -> dict[str, Any]:
    """The value of every filter in this session."""
    return {one.name: st.session_state.get(one.name, one.default) for one in FILTERS}


def depends_on_annotations(values: Values) -> bool:
    """Whether a filter of annotations is set, so that adding one may change the queue."""
    return any(one.of_annotations and values[one.name] != one.default for one in FILTERS)


def chips(examples: SplitExamples, values: Values) -> dict[str, str]:
    """The chip texts of all filters that are set, by filter name."""
    texts = {one.name: one.label(examples, values) for one in FILTERS if one.label and values[one.name] != one.default}
    return {name: text[:1].upper() + text[1:] for name, text in texts.items() if text}


def clear(*names: str) -> None:
    """Reset filters to their defaults, as the callback of a button. Without names, all but the outcome."""
    for one in FILTERS:
        if one.name in names or (not names and one.section != "outcomes"):
            st.session_state[one.name] = one.default
