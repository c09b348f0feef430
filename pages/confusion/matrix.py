"""The confusion matrix as four links; each opens the examples that it counts on the Errors page."""

import math

import streamlit as st

from closecall.analysis.formatting import percent_text
from closecall.analysis.metrics.outcomes import OUTCOME_NAMES, OUTCOMES, Confusion
from closecall.charts.colours import OUTCOME_COLOURS as COLOUR
from closecall.pages.shared.chart_view import current_theme

VIEWS = ("Counts", "Of the class", "Of the predicted class")
FORMER_VIEWS = {"Of the call": VIEWS[2]}
"""Earlier names of views in links, with the current one."""
_CELLS = (("tp", "fn"), ("fp", "tn"))
_ROWS = ("positive", "negative")
_HEADS = ("predicted positive", "predicted negative")


def matrix(counts: Confusion, link: dict[str, str], view: str) -> None:
    """Draw the matrix: rows are labels, columns predictions. `link`: URL parameters; the outcome is added."""
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
    st.caption("Select a cell to read its examples. " + _READING[view])


_READING = {
    "Counts": "Counts of test examples.",
    "Of the class": "Shares of each row: of all positives and of all negatives.",
    "Of the predicted class": "Shares of each column, at the prevalence of the test set.",
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
    total = row if view == VIEWS[1] else column
    return percent_text(number / total if total else math.nan)


def _style(counts: Confusion) -> None:
    """Tint each cell with the colour of its outcome, stronger for a larger share of the class.

    The tint is limited so that the text keeps its contrast. The style contains numbers and colours only.
    """
    rules = [
        """[class*="st-key-cell-"] { position: relative; border-radius: 0.5rem; padding: 1.1rem 0.5rem 0.9rem;
        border: 1px solid transparent; } [class*="st-key-cell-"]:hover { border-color: currentColor; }
        [class*="st-key-cell-"] [data-testid="stPageLink-NavLink"]::after { content: ""; position: absolute; inset: 0; }
        [class*="st-key-cell-"] [data-testid="stPageLink-NavLink"] { position: static; background: none; }
        [class*="st-key-cell-"] :is([data-testid="stPageLink"], [data-testid="stElementContainer"], .stPageLink,
        .stPageLink *) { position: static; }
        .cell-number { text-align: center; font-size: 1.9rem; font-weight: 600; line-height: 1.3; }"""
    ]
    for outcome in OUTCOMES:
        total = counts.n_positives if outcome in ("tp", "fn") else counts.n_negatives
        share = getattr(counts, outcome) / total if total else 0
        strength = round(14 + 28 * share if current_theme().dark else 18 + 62 * share)
        rules.append(
            f".st-key-cell-{outcome} {{ background: color-mix(in srgb, {COLOUR[outcome]} {strength}%, transparent); }}"
        )
    st.html(f"<style>{' '.join(rules)}</style>")
