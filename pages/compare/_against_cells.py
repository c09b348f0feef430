"""The matrix of run against run: for each class two by two cells, each a button that lists its examples."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from pages.shared.colours import CORRECT_REJECTION, FALSE_ALARM, HIT, MISS, NEGATIVE, POSITIVE, UNSELECTED

_CHOSEN = "against-cell"
_COLOUR = {
    (1, "fixed"): POSITIVE, (1, "broken"): MISS, (1, "right in both"): HIT, (1, "wrong in both"): UNSELECTED,
    (0, "fixed"): NEGATIVE, (0, "broken"): FALSE_ALARM, (0, "right in both"): CORRECT_REJECTION,
    (0, "wrong in both"): UNSELECTED,
}  # fmt: skip
_CLASSES = {1: "Positives", 0: "Negatives"}


@dataclass(frozen=True)
class Cell:
    """The examples of one class that both, one or neither run has right; `rows` in the test set."""

    label: int
    way: str
    rows: np.ndarray

    @property
    def key(self) -> str:
        return f"pair-{self.label}-{self.way.replace(' ', '-')}"


def choose_cell(cells: list[Cell], names: tuple[str, str]) -> Cell:
    """Draw the matrices; the cell that was pressed, else the larger of the positives broken and fixed."""
    _style(cells)
    for place, start in zip(st.columns(2, gap="large"), (0, 4), strict=True):
        with place:
            _matrix(cells[start : start + 4], names)
    largest = max(cells[:2], key=lambda cell: len(cell.rows))
    return next((cell for cell in cells if cell.key == st.session_state.get(_CHOSEN)), largest)


def _matrix(cells: list[Cell], names: tuple[str, str]) -> None:
    broken, fixed, both, neither = cells
    st.markdown(f"**{_CLASSES[broken.label]}** · rows {names[0]}, columns {names[1]}")
    heads = st.columns([1, 2, 2])
    heads[1].caption(f"{names[1]} right")
    heads[2].caption(f"{names[1]} wrong")
    for said, pair in ((f"{names[0]} right", (both, broken)), (f"{names[0]} wrong", (fixed, neither))):
        left, *places = st.columns([1, 2, 2], vertical_alignment="center")
        left.caption(said)
        for place, cell in zip(places, pair, strict=True):
            place.button(f"**{len(cell.rows):,}**  \n{cell.way}", key=cell.key, on_click=_choose, args=(cell.key,),
                         width="stretch")  # fmt: skip


def _choose(key: str) -> None:
    st.session_state[_CHOSEN] = key


def _style(cells: list[Cell]) -> None:
    """Each cell in a tint of what it means, so weak that its text reads well. Only colours and keys go in here."""
    rules = [
        f".st-key-{cell.key} button {{ min-height: 4rem; "
        f"background: color-mix(in srgb, {_COLOUR[cell.label, cell.way]} 28%, transparent); }}"
        for cell in cells
    ]
    st.html(f"<style>{' '.join(rules)}</style>")
