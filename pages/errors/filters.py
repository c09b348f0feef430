"""What the reader asks for: the filters of the reading desk, how they stand in the URL, and how they are said."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from closecall.analysis.formatting import probability_text
from closecall.data.annotations.hard_cases import ACTIONS
from closecall.data.annotations.slice_rules import Length, Rule, read_rule
from closecall.data.io.errors import UserError
from closecall.models.results.run_predictions import SPLIT_NAMES

OUTCOMES = ("fn", "fp", "tp", "tn")
LISTED = ("On the list or not", "Not on the list", "On the list")
UNDECIDED = "undecided"
ONE_SEED, MOST_SEEDS = "one", "most"
AS_PICKED, DATA_MAP = "as picked", "data map"
ORDERS = {
    "confidence": "Most confident error first",
    "threshold": "Closest to the threshold first",
    "margin": "Nearest to the other class first",
    "seeds": "Seeds disagree most first",
    DATA_MAP: "Hardest in training first",
    AS_PICKED: "As picked",
    "id": "By id",
}


@dataclass(frozen=True)
class Filters:
    """What the reader asked for; "" is any.

    `outcome` is one of OUTCOMES or "all"; `chance` a range of probabilities; `action` one of ACTIONS or UNDECIDED;
    `slice` a saved slice or a written rule; `length` a range of words such as 25-48 or 49-, both ends in; `picked` the
    key of a saved selection; `seeds` whether the run or most seeds of its ratio are asked; `sort` a key of ORDERS.
    """

    outcome: str
    text: str
    regex: bool
    chance: tuple[float, float]
    listed: str
    group: str
    tag: str
    action: str
    slice: str
    length: str
    picked: str
    seeds: str
    sort: str


STARTS: Mapping[str, Any] = {
    "outcome": "fn",
    "text": "",
    "regex": False,
    "chance": (0.0, 1.0),
    "listed": LISTED[0],
    "group": "",
    "tag": "",
    "action": "",
    "slice": "",
    "length": "",
    "picked": "",
    "seeds": ONE_SEED,
    "sort": "confidence",
    "split": "test",
    "example": "",
}


def one_of(*options: str) -> Callable[[str], str]:
    """Reads a URL value that must be one of some words."""

    def read(text: str) -> str:
        if text not in options:
            raise ValueError(text)
        return text

    return read


def read_chance(text: str) -> tuple[float, float]:
    """`0.1-0.5` as a range. ValueError otherwise."""
    low, high = (float(part) for part in text.split("-"))
    if not 0 <= low <= high <= 1:
        raise ValueError(text)
    return low, high


def length_of(text: str) -> Length | None:
    """`25-48`, `49-` or `-24` as a range of words, None when it is none."""
    low, mark, high = text.partition("-")
    try:
        rule: Rule | None = read_rule(f"length:{low or 0}-{high}") if mark else None
    except UserError:
        return None
    return rule if isinstance(rule, Length) else None


def read_length(text: str) -> str:
    """A range of lengths as it is kept. ValueError when it is none."""
    rule = length_of(text)
    if rule is None:
        raise ValueError(text)
    return rule.written.removeprefix("length:")


READS: Mapping[str, Callable[[str], Any]] = {
    "outcome": one_of(*OUTCOMES, "all"),
    "regex": lambda text: text.lower() in ("true", "1"),
    "chance": read_chance,
    "listed": one_of(*LISTED),
    "action": one_of(*ACTIONS, UNDECIDED),
    "length": read_length,
    "seeds": one_of(ONE_SEED, MOST_SEEDS),
    "sort": one_of(*ORDERS),
    "split": one_of(*SPLIT_NAMES),
}


def current() -> Filters:
    """The filters as they stand."""
    return Filters(**{name: st.session_state.get(name, STARTS[name]) for name in Filters.__dataclass_fields__})


def put(name: str, value: Any) -> None:
    """Set one filter, as a button's callback."""
    st.session_state[name] = value


def clear(*names: str) -> None:
    """Take filters away."""
    for name in names:
        st.session_state[name] = STARTS[name]


def length_said(length: str) -> str:
    """`25-48` in words."""
    rule = length_of(length)
    if rule is None:
        return length
    if rule.longest is None:
        return f"{rule.shortest} words or more"
    return f"{rule.shortest} to {rule.longest} words" if rule.shortest else f"up to {rule.longest} words"


def narrowed(filters: Filters) -> dict[str, str]:
    """What narrows the queue beside outcome, search and picks: each filter's name with its value in words."""
    low, high = filters.chance
    said = {
        "chance": f"probability {probability_text(low)} to {probability_text(high)}",
        "listed": filters.listed.lower(),
        "group": filters.group,
        "tag": f"tag: {filters.tag}",
        "action": f"action: {filters.action}",
        "slice": f"slice: {filters.slice}",
        "length": length_said(filters.length),
        "seeds": "by most seeds",
    }
    return {name: words for name, words in said.items() if getattr(filters, name) != STARTS[name]}
