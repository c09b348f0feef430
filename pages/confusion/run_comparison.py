"""The matrix of run against run: for each class two by two cells, each a button that lists its examples."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from closecall.analysis.formatting import count_text, points_text, probability_text, ratio_text
from closecall.analysis.intervals import mcnemar, paired_difference
from closecall.analysis.metrics.prevalence import precision_at
from closecall.analysis.metrics.ranking import threshold_at_fpr
from closecall.analysis.metrics.thresholds import precision_threshold
from closecall.charts.colours import (
    FN_COLOUR,
    FP_COLOUR,
    NEGATIVE_COLOUR,
    POSITIVE_COLOUR,
    TN_COLOUR,
    TP_COLOUR,
    UNSELECTED,
)
from closecall.data.experiments.runs import Predictions, Run
from closecall.data.experiments.store import ExperimentConfig
from closecall.pages.shared.cached_io import finished_runs, predictions
from closecall.pages.shared.examples import example_table, open_as_queue
from closecall.pages.shared.run_progress import run_label

_CHOSEN = "against-cell"
_COLOUR = {
    (1, "fixed"): POSITIVE_COLOUR, (1, "broken"): FN_COLOUR, (1, "right in both"): TP_COLOUR, (1, "wrong in both"): UNSELECTED,
    (0, "fixed"): NEGATIVE_COLOUR, (0, "broken"): FP_COLOUR, (0, "right in both"): TN_COLOUR,
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


# This run against another on the same examples: what it fixes, what it breaks.

CUTS = ("the same threshold", "the same share of false alarms", "the same precision")
_KINDS = {1: ("positive", "found"), 0: ("negative", "left alone")}


def run_comparison_part(config: ExperimentConfig, run: Run, threshold: float, q: float) -> None:
    """Choose the other run and how it is cut; the eight cells, each with its examples."""
    others = {run_label(one): one for one in finished_runs(config.id) if one.name != run.name}
    if not others:
        st.info("There is no other finished run to compare with.", icon=":material/info:")
        return
    with st.container(horizontal=True, gap="large"):
        name = st.selectbox("Against", list(others), key="against", persist_state="session", width=220)
        how = st.segmented_control("Cut it at", CUTS, default=CUTS[0], required=True, key="against-cut")
    other = others.get(name, next(iter(others.values())))
    a, b = predictions(run), predictions(other)
    if len(a.ids) != len(b.ids) or (a.ids != b.ids).any():
        st.info("The two runs predict other examples and cannot be compared one by one.", icon=":material/info:")
        return
    cut, said = level_cut(run, other, threshold, q, how or CUTS[0])
    if np.isnan(cut):
        st.info(f"{run_label(other)} reaches that precision at no threshold.", icon=":material/info:")
        return
    names = run_label(run), run_label(other)
    cells = _cells(a, b, threshold, cut)
    st.markdown("  \n".join([*_sentences(cells, names), f"{names[1]} is cut at {probability_text(cut)}{said}."]))
    _members(config, run, choose_cell(cells, names), (a, b), names, threshold)


def level_cut(run: Run, other: Run, threshold: float, q: float, how: str) -> tuple[float, str]:
    """Where the other run stands level with this one at its threshold; chosen on validation where there is any.

    nan when it never reaches the precision. The second answer says on what it was chosen.
    """
    if how == CUTS[0]:
        return threshold, ""
    split, said = "validation", ", chosen on validation"
    if len(set(predictions(run, split).labels.tolist())) < 2:
        split, said = "test", ", chosen on the test set itself, as there is no validation part"
    a, b = predictions(run, split), predictions(other, split)
    called = a.pos_probs >= threshold
    found, alarms = (float(called[a.labels == label].mean()) for label in (1, 0))
    if how == CUTS[1]:
        return float(np.clip(threshold_at_fpr(b.labels, b.pos_probs, fpr=alarms), 0, 1)), said
    precision = float(precision_at(found, alarms, q=q))
    if np.isnan(precision):
        return 1.0, f", as {run_label(run)} raises no alert"
    return precision_threshold(b.labels, b.pos_probs, precision=precision, q=q), said


def _cells(a: Predictions, b: Predictions, cut_a: float, cut_b: float) -> list[Cell]:
    """Who is right, by class: only a, only b, both, neither."""
    right_a = (a.pos_probs >= cut_a) == (a.labels == 1)
    right_b = (b.pos_probs >= cut_b) == (b.labels == 1)
    ways = {
        "broken": right_a & ~right_b,
        "fixed": ~right_a & right_b,
        "right in both": right_a & right_b,
        "wrong in both": ~right_a & ~right_b,
    }
    return [
        Cell(label, way, np.flatnonzero(mask & (a.labels == label))) for label in (1, 0) for way, mask in ways.items()
    ]


def _sentences(cells: list[Cell], names: tuple[str, str]) -> list[str]:
    """For each class how many only one of the two has right, and the difference with its interval."""
    sentences = []
    for start, label in ((0, 1), (4, 0)):
        only_a, only_b, both, neither = (len(one.rows) for one in cells[start : start + 4])
        if only_a + only_b + both + neither == 0:
            continue
        ahead, behind = names if only_a >= only_b else names[::-1]
        more, fewer = max(only_a, only_b), min(only_a, only_b)
        difference = points_text(paired_difference(both, more, fewer, neither))
        p = float(mcnemar(only_a, only_b))
        noun, verb = _KINDS[label]
        sentences.append(
            f"{count_text(more, noun)} {verb} only by {ahead}, {fewer:,} only by {behind}: {difference} ahead "
            f"(McNemar {'p < .001' if p < 0.001 else f'p = {p:.3f}'})."
        )
    return sentences


def _members(
    config: ExperimentConfig,
    run: Run,
    cell: Cell,
    pair: tuple[Predictions, Predictions],
    names: tuple[str, str],
    threshold: float,
) -> None:
    said = f"{count_text(len(cell.rows), _KINDS[cell.label][0])} {cell.way} going from {names[0]} to {names[1]}"
    st.markdown(f"**{said}**")
    if not len(cell.rows):
        return
    ids = pair[0].ids[cell.rows]
    link = {"ratio": ratio_text(run.config.ratio), "seed": str(run.config.seed), "threshold": f"{threshold:g}"}
    key = f"{cell.label}-{cell.way}"
    open_as_queue(config, [str(one) for one in ids], source=said, key=f"read-{key}", **link)
    numbers = {
        name: [probability_text(value) for value in one.pos_probs[cell.rows]]
        for name, one in zip(names, pair, strict=True)
    }
    example_table(config, ids, numbers, key=f"against-{key}", link=link)
