"""Compare a run with another on the same examples: which errors the other fixes and which it adds.

For each class two by two cells, each a button that lists its examples.
"""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from closecall.analysis.formatting import count_text, p_text, points_text, probability_text, ratio_text
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
from closecall.pages.confusion.threshold_rules import validation_check
from closecall.pages.shared.cached_io import finished_runs, predictions
from closecall.pages.shared.examples import example_table, open_as_queue
from closecall.pages.shared.run_progress import run_label

_CHOSEN = "against-cell"
_COLOUR = {
    (1, "fixed"): POSITIVE_COLOUR,
    (1, "broken"): FN_COLOUR,
    (1, "right in both"): TP_COLOUR,
    (1, "wrong in both"): UNSELECTED,
    (0, "fixed"): NEGATIVE_COLOUR,
    (0, "broken"): FP_COLOUR,
    (0, "right in both"): TN_COLOUR,
    (0, "wrong in both"): UNSELECTED,
}
MATCHING = ("the same threshold", "the same false-positive rate", "the same precision")
_CLASSES = {1: "Positives", 0: "Negatives"}
_NOUNS = ("negative", "positive")
_CORRECT = ("true negative", "true positive")


@dataclass(frozen=True)
class Cell:
    """The examples of one class that both runs, one or neither classify correctly; `rows` index the test set."""

    label: int
    way: str
    rows: np.ndarray

    @property
    def key(self) -> str:
        return f"pair-{self.label}-{self.way.replace(' ', '-')}"


def choose_cell(cells: list[Cell], names: tuple[str, str]) -> Cell:
    """Draw both matrices; return the selected cell, by default the larger of the positives broken and fixed."""
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
    heads[1].caption(f"{names[1]} correct")
    heads[2].caption(f"{names[1]} wrong")
    for row_name, pair in ((f"{names[0]} correct", (both, broken)), (f"{names[0]} wrong", (fixed, neither))):
        left, *places = st.columns([1, 2, 2], vertical_alignment="center")
        left.caption(row_name)
        for place, cell in zip(places, pair, strict=True):
            place.button(f"**{len(cell.rows):,}**  \n{cell.way}", key=cell.key, on_click=_choose, args=(cell.key,),
                         width="stretch")  # fmt: skip


def _choose(key: str) -> None:
    st.session_state[_CHOSEN] = key


def _style(cells: list[Cell]) -> None:
    """Tint each cell with the colour of its meaning, light enough for the contrast of its text."""
    rules = [
        f".st-key-{cell.key} button {{ min-height: 4rem; "
        f"background: color-mix(in srgb, {_COLOUR[cell.label, cell.way]} 28%, transparent); }}"
        for cell in cells
    ]
    st.html(f"<style>{' '.join(rules)}</style>")


def run_comparison_part(config: ExperimentConfig, run: Run, threshold: float, q: float) -> None:
    """Choose the other run and how its threshold is matched; eight cells, each with its examples."""
    others = {run_label(one): one for one in finished_runs(config.id) if one.name != run.name}
    if not others:
        st.info("There is no other finished run to compare with.", icon=":material/info:")
        return
    with st.container(horizontal=True, gap="large"):
        name = st.selectbox("Against", list(others), key="against", persist_state="session", width=220)
        how = st.segmented_control("Match by", MATCHING, default=MATCHING[0], required=True, key="against-matching")
    other = others.get(name, next(iter(others.values())))
    a, b = predictions(run), predictions(other)
    if len(a.ids) != len(b.ids) or (a.ids != b.ids).any():
        st.info(
            "The two runs predict different examples and cannot be compared.",
            icon=":material/info:",
        )
        return
    matched, source = matched_threshold(run, other, threshold, q, how or MATCHING[0])
    if np.isnan(matched):
        st.info(f"{run_label(other)} does not reach that precision at any threshold.", icon=":material/info:")
        return
    names = run_label(run), run_label(other)
    cells = _cells(a, b, threshold, matched)
    threshold_note = f"Threshold of {names[1]}: {probability_text(matched)}{source}."
    st.markdown("  \n".join([*_sentences(cells, names), threshold_note]))
    _members(config, run, choose_cell(cells, names), (a, b), names, threshold)


def matched_threshold(run: Run, other: Run, threshold: float, q: float, how: str) -> tuple[float, str]:
    """The threshold at which the other run has the false-positive rate or precision that `run` has at `threshold`.

    Chosen on validation, or on test where there is no validation split or its scores differ from those of test; the
    second value names the split. nan when no threshold reaches the precision. `q`: prevalence of the precision.
    """
    if how == MATCHING[0]:
        return threshold, ""
    split, source = "validation", ", chosen on validation"
    checks = [validation_check(one) for one in (run, other)]
    if None in checks:
        split, source = "test", ", chosen on the test set because there is no validation split"
    elif not all(check.usable for check in checks if check is not None):
        split, source = "test", ", chosen on the test set because the scores of validation differ from those of test"
    a, b = predictions(run, split), predictions(other, split)
    predicted = a.pos_probs >= threshold
    recall, fpr = (float(predicted[a.labels == label].mean()) for label in (1, 0))
    if how == MATCHING[1]:
        return float(np.clip(threshold_at_fpr(b.labels, b.pos_probs, fpr=fpr), 0, 1)), source
    precision = float(precision_at(recall, fpr, q=q))
    if np.isnan(precision):
        return 1.0, f", because {run_label(run)} has no predicted positives"
    return precision_threshold(b.labels, b.pos_probs, precision=precision, q=q), source


def _cells(a: Predictions, b: Predictions, threshold_a: float, threshold_b: float) -> list[Cell]:
    """The examples of each class that only a, only b, both or neither classify correctly."""
    right_a = (a.pos_probs >= threshold_a) == (a.labels == 1)
    right_b = (b.pos_probs >= threshold_b) == (b.labels == 1)
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
    """For each class the numbers that only one run classifies correctly, and the paired difference with its p."""
    sentences = []
    for start, label in ((0, 1), (4, 0)):
        only_a, only_b, both, neither = (len(one.rows) for one in cells[start : start + 4])
        if only_a + only_b + both + neither == 0:
            continue
        better, worse = names if only_a >= only_b else names[::-1]
        more, fewer = max(only_a, only_b), min(only_a, only_b)
        difference = points_text(paired_difference(both, more, fewer, neither))
        p = p_text(float(mcnemar(only_a, only_b)))
        metric = "Recall" if label else "Specificity"
        sentences.append(
            f"{metric} of {better} against {worse}: {difference}, McNemar p {p if p.startswith('<') else f'= {p}'}. "
            f"{count_text(more, _CORRECT[label])} only in {better}; {fewer:,} only in {worse}."
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
    source = f"{count_text(len(cell.rows), _NOUNS[cell.label])} {cell.way}, from {names[0]} to {names[1]}"
    st.markdown(f"**{source}**")
    if not len(cell.rows):
        return
    ids = pair[0].ids[cell.rows]
    link = {"ratio": ratio_text(run.config.ratio), "seed": str(run.config.seed), "threshold": f"{threshold:g}"}
    key = f"{cell.label}-{cell.way}"
    open_as_queue(config, [str(one) for one in ids], source=source, key=f"read-{key}", **link)
    numbers = {
        name: [probability_text(value) for value in one.pos_probs[cell.rows]]
        for name, one in zip(names, pair, strict=True)
    }
    example_table(config, ids, numbers, key=f"against-{key}", link=link)
