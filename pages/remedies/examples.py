"""Which examples an arm fixes and which it breaks, and the way to read them."""

import numpy as np
import streamlit as st

from closecall.analysis.formatting import count_text, probability_text, ratio_text
from closecall.analysis.metrics.outcomes import predicted
from closecall.analysis.remedies.gains import fixed_and_broken
from closecall.analysis.remedies.methods import Method, common_thresholds, own_threshold
from closecall.data.annotations.selections import save_selection
from closecall.data.experiments.remedies import PLAIN, remedy_title
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.results.remedy_comparison import RemedyComparison
from closecall.pages.shared.examples import example_table
from closecall.pages.shared.state import init_bound_value, show_examples

CUTS = ("the same false alarms", "own thresholds", ".5")
_KINDS = (
    ("positives only it finds", "positives found only by {}", 1, True),
    ("positives it loses", "positives lost by {}", 1, False),
    ("false alarms it avoids", "false alarms avoided by {}", 0, True),
    ("false alarms it adds", "false alarms added by {}", 0, False),
)
"""In short, with the arm's name, the label, and whether the arm is the one that is right."""


def examples_part(config: ExperimentConfig, race: RemedyComparison, *, rule: str, q: float) -> None:
    """Choose an arm and a cut; the four kinds, each with its examples and a link that opens them as a queue."""
    names = [arm.name for arm in race.arms]
    init_bound_value("arm", names[0], names)
    with st.container(horizontal=True, gap="large"):
        name = st.selectbox("Arm", names, index=None, key="arm", format_func=remedy_title, required=True,
                            bind="query-params", width=280) or names[0]  # fmt: skip
        cut = st.segmented_control("Both cut at", CUTS, default=CUTS[0], required=True, key="remedy-cut") or CUTS[0]
    arm = race.arm(name)
    assert arm is not None
    seeds = [seed for seed in race.plain.seeds if seed in arm.seeds]
    plain, arm = race.plain.only(seeds), arm.only(seeds)
    cuts = [_thresholds(race, plain, one, cut, rule=rule, q=q) for one in (plain, arm)]
    labels = np.asarray(race.labels.test)
    right = [predicted(one.pos_probs, where) == (labels == 1) for one, where in zip((plain, arm), cuts, strict=True)]
    fixed, broken = fixed_and_broken(labels, *right)
    cells = [np.flatnonzero((fixed if good else broken) & (labels == label)) for *_, label, good in _KINDS]
    chosen = _choose(cells)
    _members(config, race, plain, arm, (chosen, cells[chosen]), cuts)


def _thresholds(race: RemedyComparison, plain: Method, arm: Method, cut: str, *, rule: str, q: float) -> np.ndarray:
    """Where each run is cut; plain at .5 is what the others are matched to."""
    if cut == CUTS[1]:
        return np.array([own_threshold(race.labels.validation, row, rule=rule, q=q) for row in arm.val_pos_probs])
    if cut == CUTS[2] or arm.name == PLAIN:
        return np.full(len(arm.seeds), 0.5)
    return common_thresholds(race.labels.validation, plain, arm)


def _choose(cells: list[np.ndarray]) -> int:
    options = list(range(len(cells)))
    shown = [f"{len(rows):,} {_KINDS[i][0]}" for i, rows in enumerate(cells)]
    start = int(np.argmax([len(rows) for rows in cells[:2]]))
    chosen = st.segmented_control("Which", options, default=start, format_func=shown.__getitem__, required=True,
                                  key="remedy-kind", label_visibility="collapsed")  # fmt: skip
    return start if chosen is None else int(chosen)


def _members(
    config: ExperimentConfig,
    race: RemedyComparison,
    plain: Method,
    arm: Method,
    chosen: tuple[int, np.ndarray],
    cuts: list[np.ndarray],
) -> None:
    kind, rows = chosen
    _, words, _, good = _KINDS[kind]
    source = f"{words.format(arm.title)} at {ratio_text(race.ratio)}"
    if not len(rows):
        st.caption(f"No {source}, in most of {count_text(len(arm.seeds), 'seed')}.")
        return
    side, where = (plain, cuts[0]) if good else (arm, cuts[1])  # the run that has them wrong
    link = {"ratio": ratio_text(race.ratio), "seed": str(side.seeds[0]), "remedy": side.name,
            "threshold": f"{min(max(float(where[0]), 0.0), 1.0):.3f}"}  # fmt: skip
    if st.button(f"Read these {len(rows):,} on the Errors page", key="read-fixed", icon=":material/menu_book:"):
        key = save_selection(config.id, race.ids[rows], source=source)
        show_examples(experiment=config.id, outcome="all", picked=key, **link)
    numbers = {
        one.title: [probability_text(value) for value in one.pos_probs[:, rows].mean(axis=0)] for one in (plain, arm)
    }
    example_table(config, race.ids[rows], numbers, key=f"fixed-{arm.name}-{kind}", link=link)
    st.caption(f"In most of {count_text(len(arm.seeds), 'seed')}; probabilities are means over them.")
