"""This run against another on the same examples: what it fixes, what it breaks."""

import numpy as np
import streamlit as st

from analysis.intervals import mcnemar, paired_difference
from analysis.prevalence import precision_at
from analysis.ranking import threshold_at_fpr
from analysis.thresholds import precision_threshold
from analysis.wording import points_text
from data.experiments import ExperimentConfig, ratio_label
from data.runs import Predictions, Run
from pages.compare._against_cells import Cell, choose_cell
from pages.shared.example_table import example_table
from pages.shared.load import finished_runs, predictions
from pages.shared.picked import read_all
from pages.shared.run_progress import run_label
from pages.shared.words import counted, probability

CUTS = ("the same threshold", "the same share of false alarms", "the same precision")
_KINDS = {1: ("positive", "found"), 0: ("negative", "left alone")}


def against_part(config: ExperimentConfig, run: Run, threshold: float, q: float) -> None:
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
    st.markdown("  \n".join([*_sentences(cells, names), f"{names[1]} is cut at {probability(cut)}{said}."]))
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
            f"{counted(more, noun)} {verb} only by {ahead}, {fewer:,} only by {behind}: {difference} ahead "
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
    said = f"{counted(len(cell.rows), _KINDS[cell.label][0])} {cell.way} going from {names[0]} to {names[1]}"
    st.markdown(f"**{said}**")
    if not len(cell.rows):
        return
    ids = pair[0].ids[cell.rows]
    link = {"ratio": ratio_label(run.config.ratio), "seed": str(run.config.seed), "threshold": f"{threshold:g}"}
    key = f"{cell.label}-{cell.way}"
    read_all(config, [str(one) for one in ids], source=said, key=f"read-{key}", **link)
    numbers = {
        name: [probability(value) for value in one.pos_probs[cell.rows]] for name, one in zip(names, pair, strict=True)
    }
    example_table(config, ids, numbers, key=f"against-{key}", link=link)
