"""The confusion matrix as four large links: each opens the examples it counts."""

import math

import streamlit as st

from closecall.analysis.formatting import percent_text
from closecall.analysis.metrics.outcomes import OUTCOME_NAMES, Confusion
from closecall.charts.colours import OUTCOME_COLOURS as COLOUR
from closecall.pages.shared.chart_view import current_theme

VIEWS = ("Counts", "Of the class", "Of the call")
_CELLS = (("tp", "fn"), ("fp", "tn"))
_ROWS = ("is positive", "is negative")
_HEADS = ("called positive", "called negative")
_TERMS = {"tp": "true positives", "fn": "false negatives", "fp": "false positives", "tn": "true negatives"}


def matrix(counts: Confusion, link: dict[str, str], view: str) -> None:
    """Rows are the truth, columns what the classifier says. `link` opens the examples, the outcome is added."""
    _style(counts)
    _, *heads = st.columns([1, 3, 3], gap="small")
    for place, head in zip(heads, _HEADS, strict=True):
        place.caption(head, text_alignment="center")
    for row, cells in zip(_ROWS, _CELLS, strict=True):
        name, *places = st.columns([1, 3, 3], gap="small", vertical_alignment="center")
        name.caption(row)
        for place, outcome in zip(places, cells, strict=True):
            with place:
                _cell(counts, outcome, link, view)
    st.caption("Click a cell to read the examples in it. " + _READING[view])


_READING = {
    "Counts": "Numbers of test examples.",
    "Of the class": "Shares of each row: of all positives, of all negatives.",
    "Of the call": "Shares of each column, at the mix of the test set: of all that is called positive, or negative.",
}


def _cell(counts: Confusion, outcome: str, link: dict[str, str], view: str) -> None:
    number = getattr(counts, outcome)
    with st.container(key=f"cell-{outcome}", gap=None, horizontal_alignment="center"):
        st.html(f'<div class="cell-number">{_shown(counts, outcome, view)}</div>')
        st.page_link(
            "pages/errors/page.py",
            label=f"{number:,} {OUTCOME_NAMES[outcome]}" if view != VIEWS[0] else OUTCOME_NAMES[outcome],
            query_params=link | {"outcome": outcome},
        )


def _shown(counts: Confusion, outcome: str, view: str) -> str:
    number = getattr(counts, outcome)
    if view == VIEWS[0]:
        return f"{number:,}"
    row = counts.n_positives if outcome in ("tp", "fn") else counts.n_negatives
    column = counts.tp + counts.fp if outcome in ("tp", "fp") else counts.fn + counts.tn
    whole = row if view == VIEWS[1] else column
    return percent_text(number / whole if whole else math.nan)


def _style(counts: Confusion) -> None:
    """Each cell in its outcome's colour, the stronger the larger its share of the class, never so strong that the text
    on it is hard to read. Only numbers go in here."""
    rules = [
        """[class*="st-key-cell-"] { position: relative; border-radius: 0.5rem; padding: 1.1rem 0.5rem 0.9rem;
        border: 1px solid transparent; } [class*="st-key-cell-"]:hover { border-color: currentColor; }
        [class*="st-key-cell-"] [data-testid="stPageLink-NavLink"]::after { content: ""; position: absolute; inset: 0; }
        [class*="st-key-cell-"] [data-testid="stPageLink-NavLink"] { position: static; background: none; }
        [class*="st-key-cell-"] :is([data-testid="stPageLink"], [data-testid="stElementContainer"], .stPageLink,
        .stPageLink *) { position: static; }
        .cell-number { text-align: center; font-size: 1.9rem; font-weight: 600; line-height: 1.3; }"""
    ]
    for outcome in _TERMS:
        whole = counts.n_positives if outcome in ("tp", "fn") else counts.n_negatives
        share = getattr(counts, outcome) / whole if whole else 0
        strength = round(14 + 28 * share if current_theme().dark else 18 + 62 * share)
        rules.append(
            f".st-key-cell-{outcome} {{ background: color-mix(in srgb, {COLOUR[outcome]} {strength}%, transparent); }}"
        )
    st.html(f"<style>{' '.join(rules)}</style>")
