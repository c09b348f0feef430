"""The filters of the reading desk: outcomes as buttons with their counts, search, and the rest behind one button."""

from collections.abc import Callable, Mapping

import streamlit as st

from data.selections import Selection
from pages.inspect._filters import AS_PICKED, LISTED, ORDERS, OUTCOMES, Filters, read_chance
from pages.shared.colours import OUTCOME as COLOUR
from pages.shared.evidence import SPLIT_NAMES
from pages.shared.words import OUTCOME_PLURAL, plain, probability

STARTS = {
    "outcome": "fn",
    "text": "",
    "regex": False,
    "chance": (0.0, 1.0),
    "listed": LISTED[0],
    "group": "",
    "picked": "",
    "sort": "confidence",
    "split": "test",
    "example": "",
}
MARKS = {"fn": "✕", "fp": "▲", "tp": "◆", "tn": "●"}


def one_of(*options: str) -> Callable[[str], str]:
    """Reads a URL value that must be one of some words."""

    def read(text: str) -> str:
        if text not in options:
            raise ValueError(text)
        return text

    return read


READS: Mapping[str, Callable[[str], object]] = {
    "outcome": one_of(*OUTCOMES, "all"),
    "regex": lambda text: text.lower() in ("true", "1"),
    "chance": read_chance,
    "listed": one_of(*LISTED),
    "sort": one_of(*ORDERS),
    "split": one_of(*SPLIT_NAMES),
}


def current() -> Filters:
    """The filters as they stand."""
    return Filters(**{name: st.session_state.get(name, STARTS[name]) for name in Filters.__dataclass_fields__})


def outcome_buttons(counts: dict[str, int]) -> None:
    """Misses, false alarms, hits, correct rejections and all, each with how many there are."""
    style_marks()
    chosen = st.session_state["outcome"]
    with st.container(horizontal=True, gap="small"):
        for outcome in (*OUTCOMES, "all"):
            number = sum(counts.values()) if outcome == "all" else counts.get(outcome, 0)
            name = "All" if outcome == "all" else f"{MARKS[outcome]} {OUTCOME_PLURAL[outcome].capitalize()}"
            st.button(
                f"{name} **{number:,}**",
                key=f"pick-{outcome}",
                type="primary" if outcome == chosen else "secondary",
                on_click=_choose,
                args=("outcome", outcome),
            )


def search_row(group_counts: dict[str, int], listed_counts: dict[str, int], *, has_texts: bool) -> None:
    """Search, the other filters, and the order."""
    search, pattern, more, order = st.columns([5, 3, 3, 4], vertical_alignment="bottom")
    search.text_input(
        "Search the texts" if has_texts else "Search the ids",
        key="text",
        type="search",
        placeholder="Words, in upper or lower case",
    )
    pattern.toggle("Regular expression", key="regex", help="For instance `\\bmac(s|intosh)?\\b` or `^re:`.")
    with more.popover(_summary(), width="stretch"):
        st.slider("Probability of being positive", 0.0, 1.0, step=0.01, key="chance")
        choices("listed", {name: (name, listed_counts.get(name, 0)) for name in LISTED}, "Hard-case list")
        if group_counts and set(group_counts) != {""}:
            groups = {"": ("Any", sum(group_counts.values()))}
            groups |= {name: (name, number) for name, number in sorted(group_counts.items(), key=_natural)}
            if (chosen := st.session_state["group"]) not in groups:
                groups[chosen] = (chosen, 0)
            choices("group", groups, "Outcome group, over all ratios and seeds")
        choices("split", {split: (name.capitalize(), -1) for split, name in SPLIT_NAMES.items()}, "Examples of")
    orders = [name for name in ORDERS if name != AS_PICKED or st.session_state["picked"]]
    if st.session_state["sort"] not in orders:
        st.session_state["sort"] = STARTS["sort"]
    order.selectbox("Order", orders, key="sort", format_func=ORDERS.__getitem__)


def picked_chip(picks: Selection, number: int, split: str) -> None:
    """What the queue is cut down to, with where it came from; a press takes the filter away."""
    there = "all" if number == len(picks.ids) else f"{number:,}"
    st.button(
        f"Picked: {plain(picks.source)} · **{len(picks.ids):,}**, {there} of them in {SPLIT_NAMES[split]}",
        key="picked-chip",
        icon=":material/close:",
        icon_position="right",
        help="Only these examples are shown. Press to show all again.",
        on_click=_choose,
        args=("picked", ""),
    )


def choices(name: str, options: Mapping[str, tuple[str, int]], title: str) -> None:
    """A filter as a row of buttons, so that the counts beside the words may change."""
    st.caption(title)
    with st.container(horizontal=True, gap="small"):
        for number, (value, (label, count)) in enumerate(options.items()):
            st.button(
                label if count < 0 else f"{label} **{count:,}**",
                key=f"{name}-{number}",
                type="primary" if st.session_state[name] == value else "secondary",
                on_click=_choose,
                args=(name, value),
            )


def narrowed() -> list[str]:
    """What narrows the queue beside the outcome, in words."""
    filters, said = current(), []
    if filters.text:
        said.append("the search")
    if filters.chance != STARTS["chance"]:
        said.append(f"probability {probability(filters.chance[0])} to {probability(filters.chance[1])}")
    if filters.listed != LISTED[0]:
        said.append(filters.listed.lower())
    if filters.group:
        said.append(filters.group)
    if filters.picked:
        said.append("what was picked")
    return said


def clear() -> None:
    """Back to all examples of the outcome."""
    for name in ("text", "regex", "chance", "listed", "group", "picked"):
        st.session_state[name] = STARTS[name]


def style_marks() -> None:
    """The colour of each outcome on its button and its rows."""
    rules = [
        f"""[class*="st-key-pick-{outcome}"] button, [class*="st-key-row-{outcome}-"] button
        {{ border-left: 5px solid {colour}; }}"""
        for outcome, colour in COLOUR.items()
    ]
    st.html(f"<style>{' '.join(rules)}</style>")


def _natural(entry: tuple[str, int]) -> tuple[str, float]:
    """`lost at 1:2` before `lost at 1:10`."""
    words, _, ratio = entry[0].partition(" 1:")
    return words, float(ratio or 0)


def _summary() -> str:
    active = sum(st.session_state[name] != STARTS[name] for name in ("chance", "listed", "group", "split"))
    return f"More filters ({active})" if active else "More filters"


def _choose(name: str, value: str) -> None:
    st.session_state[name] = value
