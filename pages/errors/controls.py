"""The filters in sight: outcomes as buttons with their counts, what else narrows the queue as chips, search, order."""

import streamlit as st

from closecall.analysis.metrics.outcomes import OUTCOME_MARKS, OUTCOME_NAMES
from closecall.charts.colours import OUTCOME_COLOURS as COLOUR
from closecall.data.annotations.selections import load_selection
from closecall.data.io.errors import UserError
from closecall.models.results.run_predictions import SPLIT_NAMES
from closecall.pages.errors.filter_masks import pick_ranks
from closecall.pages.errors.filters import ORDERS, OUTCOMES, STARTS, clear, narrowed, put
from closecall.pages.errors.more_filters import more_filters
from closecall.pages.errors.orders import orders
from closecall.pages.errors.reading_state import ReadingState
from closecall.pages.shared.escaping import escape_markdown


def outcome_row(desk: ReadingState) -> None:
    """Misses, false alarms, hits, correct rejections and all, each with how many there are; then the chips."""
    chosen = desk.filters.outcome
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="outcomes"):
        for outcome in (*OUTCOMES, "all"):
            name = "All" if outcome == "all" else f"{OUTCOME_MARKS[outcome]} {OUTCOME_NAMES[outcome].capitalize()}"
            st.button(
                f"{name} **{desk.number('outcome', outcome):,}**",
                key=f"pick-{outcome}",
                type="primary" if outcome == chosen else "secondary",
                on_click=put,
                args=("outcome", outcome),
            )
        chips(desk)


def chips(desk: ReadingState) -> None:
    """One button for each filter that narrows the queue; a press takes the filter away."""
    said = narrowed(desk.filters)
    if desk.evidence.split != STARTS["split"]:
        said["split"] = f"{SPLIT_NAMES[desk.evidence.split]} examples"
    if desk.filters.picked and "picked" in desk.masks:
        said["picked"] = picked_said(desk)
    for name, words in said.items():
        _chip(name, words[:1].upper() + words[1:], f"chip-{name}", name)
    if len(said) > 1:
        st.button("Clear all", key="chip-all", type="tertiary", on_click=clear, args=("text", "regex", *said))


def picked_said(desk: ReadingState) -> str:
    """Where the picked examples come from, how many they are, and how many of them stand in this split."""
    try:
        picks = load_selection(desk.evidence.experiment, desk.filters.picked)
    except UserError:
        return "picked"
    here = int((pick_ranks(desk.evidence, desk.filters.picked) >= 0).sum())
    there = "all" if here == len(picks.ids) else f"{here:,}"
    return f"picked: {picks.source} · {len(picks.ids):,}, {there} of them in {SPLIT_NAMES[desk.evidence.split]}"


def search_row(desk: ReadingState) -> None:
    """Search, the other filters, and the order."""
    search, pattern, more, order = st.columns([5, 3, 3, 4], vertical_alignment="center")
    what = "texts" if desk.texts.texts is not None else "ids"
    search.text_input(
        f"Search the {what}",
        key="text",
        type="search",
        placeholder=f"Search the {what}, in upper or lower case",
        label_visibility="collapsed",
    )
    pattern.toggle("Regular expression", key="regex", help="For instance `\\bmac(s|intosh)?\\b` or `^re:`.")
    with more:
        more_filters(desk)
    possible = orders(desk.known, desk.filters)
    if st.session_state["sort"] not in possible:
        st.session_state["sort"] = STARTS["sort"]
    order.selectbox("Order", possible, key="sort", format_func=ORDERS.__getitem__, label_visibility="collapsed")


def _chip(name: str, words: str, key: str, *names: str) -> None:
    st.button(
        escape_markdown(words),
        key=key,
        icon=":material/close:",
        icon_position="right",
        help="Press to take this filter away.",
        on_click=clear,
        args=names or (name,),
    )


def desk_style() -> None:
    """The colour of each outcome on its button and its rows; rows close together, cut at the end; small buttons."""
    rules = [
        f"""[class*="st-key-pick-{outcome}"] button, [class*="st-key-row-{outcome}-"] button
        {{ border-left: 5px solid {colour}; }}"""
        for outcome, colour in COLOUR.items()
    ]
    st.html(
        f"""<style>{" ".join(rules)}
        .st-key-queue button {{ justify-content: flex-start; min-height: 31px; height: 31px; padding: 0 0.6rem;
          border-radius: 0 6px 6px 0; }}
        .st-key-queue button > div, .st-key-queue button [data-testid="stMarkdownContainer"] {{ width: 100%;
          justify-content: flex-start; }}
        .st-key-queue button p {{ text-align: left; overflow: hidden; text-overflow: ellipsis; white-space: nowrap;
          width: 100%; }}
        .st-key-keys button {{ padding: 0 0.6rem; }}
        .st-key-decisions {{ gap: 0.25rem; }}
        .st-key-decisions button {{ min-height: 32px; padding: 0 0.4rem; }}
        .st-key-decisions button p {{ font-size: 0.8125rem; }}
        .st-key-more-body button {{ min-height: 30px; padding: 0 0.6rem; }}
        .st-key-more-body button p {{ font-size: 0.875rem; }}
        [class*="st-key-chip-"] button {{ border-radius: 1rem; min-height: 32px; padding: 0 0.7rem; max-width: 26rem; }}
        [class*="st-key-chip-"] button p {{ font-size: 0.875rem; overflow: hidden; text-overflow: ellipsis;
          white-space: nowrap; }}
        </style>"""
    )
