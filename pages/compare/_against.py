"""This run against another on the same examples: what it fixes, what it breaks."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from analysis.intervals import mcnemar, paired_difference
from analysis.ranking import threshold_at_fpr
from analysis.wording import points_text
from data.experiments import ExperimentConfig, ratio_label
from data.runs import Predictions, Run
from pages.shared.example_table import example_table
from pages.shared.load import finished_runs, predictions
from pages.shared.run_progress import run_label
from pages.shared.words import counted, probability

CUTS = ("the same threshold", "the same share of false alarms")
_KINDS = {1: ("positive", "found"), 0: ("negative", "left alone")}


def against_part(config: ExperimentConfig, run: Run, threshold: float) -> None:
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
    cut = threshold if how == CUTS[0] else _equal_false_alarms(a, b, threshold)
    cells = _cells(a, b, threshold, cut, (run_label(run), run_label(other)))
    st.markdown("  \n".join(_sentences(cells, run_label(run), run_label(other), cut)))
    chosen = cells[_choose(cells)]
    _members(config, run, chosen, a, b, (run_label(run), run_label(other)), threshold)


def _equal_false_alarms(a: Predictions, b: Predictions, threshold: float) -> float:
    """Where b raises as many false alarms as a does at its threshold."""
    share = float((a.pos_probs[a.labels == 0] >= threshold).mean())
    return threshold_at_fpr(b.labels, b.pos_probs, fpr=share)


def _cells(a: Predictions, b: Predictions, cut_a: float, cut_b: float, names: tuple[str, str]) -> list[dict[str, Any]]:
    """Who is right, by class: only a, only b, both, neither."""
    right_a = (a.pos_probs >= cut_a) == (a.labels == 1)
    right_b = (b.pos_probs >= cut_b) == (b.labels == 1)
    ways = (
        (f"only by {names[0]}", right_a & ~right_b),
        (f"only by {names[1]}", ~right_a & right_b),
        ("by both", right_a & right_b),
        ("by neither", ~right_a & ~right_b),
    )
    return [
        {"label": label, "way": way, "rows": np.flatnonzero(mask & (a.labels == label))}
        for label in (1, 0)
        for way, mask in ways
    ]


def _sentences(cells: list[dict[str, Any]], first: str, second: str, cut: float) -> list[str]:
    """For each class how many only one of the two has right, and the difference with its interval."""
    sentences = []
    for start, label in ((0, 1), (4, 0)):
        only_a, only_b, both, neither = (len(one["rows"]) for one in cells[start : start + 4])
        if only_a + only_b + both + neither == 0:
            continue
        ahead, behind = (first, second) if only_a >= only_b else (second, first)
        more, fewer = max(only_a, only_b), min(only_a, only_b)
        difference = points_text(paired_difference(both, more, fewer, neither))
        p = float(mcnemar(only_a, only_b))
        noun, verb = _KINDS[label]
        sentences.append(
            f"{counted(more, noun)} {verb} only by {ahead}, {fewer:,} only by {behind}: {difference} ahead "
            f"(McNemar {'p < .001' if p < 0.001 else f'p = {p:.3f}'})."
        )
    return [*sentences, f"{second} is cut at {probability(min(max(cut, 0.0), 1.0))}."]


def _choose(cells: list[dict[str, Any]]) -> int:
    frame = pd.DataFrame(
        {
            "Class": [f"{_KINDS[one['label']][0]}s {_KINDS[one['label']][1]}" for one in cells],
            "Right": [one["way"] for one in cells],
            "Examples": [len(one["rows"]) for one in cells],
        }
    )
    event = st.dataframe(frame, hide_index=True, key="against-cells", on_select="rerun", selection_mode="single-row",
                         alt="Who is right, by class")  # fmt: skip
    rows = event["selection"]["rows"]
    if rows and rows[0] < len(cells):
        return int(rows[0])
    return 0 if len(cells[0]["rows"]) >= len(cells[1]["rows"]) else 1


def _members(
    config: ExperimentConfig,
    run: Run,
    cell: dict[str, Any],
    a: Predictions,
    b: Predictions,
    names: tuple[str, str],
    threshold: float,
) -> None:
    rows = cell["rows"]
    noun, verb = _KINDS[cell["label"]]
    st.markdown(f"**{counted(len(rows), noun)} {verb} {cell['way']}**")
    if not len(rows):
        return
    numbers = {
        name: [probability(value) for value in one.pos_probs[rows]] for name, one in zip(names, (a, b), strict=True)
    }
    link = {"ratio": ratio_label(run.config.ratio), "seed": str(run.config.seed), "threshold": f"{threshold:g}"}
    example_table(config, a.ids[rows], numbers, key=f"against-{cell['label']}-{cell['way']}", link=link)
