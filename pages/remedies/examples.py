"""The examples that a method fixes and those that it breaks, and a button that opens them on the Errors page."""

import numpy as np
import streamlit as st

from closecall.analysis.formatting import count_text, probability_text, ratio_text
from closecall.analysis.metrics.outcomes import predicted
from closecall.analysis.remedies.gains import fixed_and_broken
from closecall.analysis.remedies.methods import Method, common_thresholds, own_threshold
from closecall.data.annotations.selections import save_selection
from closecall.data.experiments.remedies import NO_REMEDY, remedy_title
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.results.remedy_comparison import RemedyComparison
from closecall.pages.shared.examples import example_table
from closecall.pages.shared.state import init_bound_value, show_examples

MATCHING = ("the same false-positive rate", "own thresholds", "0.50")
_KINDS = (
    ("true positives gained", "true positives gained by {}", 1, True),
    ("true positives lost", "true positives lost by {}", 1, False),
    ("false positives avoided", "false positives avoided by {}", 0, True),
    ("false positives added", "false positives added by {}", 0, False),
)
"""Label, name with the method, class, and whether the method rather than the baseline is correct."""


def examples_part(config: ExperimentConfig, comparison: RemedyComparison, *, rule: str, q: float) -> None:
    """Choose a method and how thresholds are matched; four kinds, each with its examples and a button to read them."""
    names = [method.name for method in comparison.methods]
    init_bound_value("method", names[0], names, former="arm")
    with st.container(horizontal=True, gap="large"):
        name = st.selectbox("Method", names, index=None, key="method", format_func=remedy_title, required=True,
                            bind="query-params", width=280) or names[0]  # fmt: skip
        how = (
            st.segmented_control("Thresholds", MATCHING, default=MATCHING[0], required=True, key="remedy-matching")
            or MATCHING[0]
        )
    method = comparison.method(name)
    assert method is not None
    seeds = [seed for seed in comparison.baseline.seeds if seed in method.seeds]
    baseline, method = comparison.baseline.only(seeds), method.only(seeds)
    thresholds = [_thresholds(comparison, baseline, one, how, rule=rule, q=q) for one in (baseline, method)]
    labels = np.asarray(comparison.labels.test)
    right = [
        predicted(one.pos_probs, where) == (labels == 1)
        for one, where in zip((baseline, method), thresholds, strict=True)
    ]
    fixed, broken = fixed_and_broken(labels, *right)
    cells = [np.flatnonzero((fixed if good else broken) & (labels == label)) for *_, label, good in _KINDS]
    chosen = _choose(cells)
    _members(config, comparison, baseline, method, (chosen, cells[chosen]), thresholds)


def _thresholds(
    comparison: RemedyComparison, baseline: Method, method: Method, how: str, *, rule: str, q: float
) -> np.ndarray:
    """The threshold of each run; methods are matched to the baseline at 0.50."""
    if how == MATCHING[1]:
        return np.array(
            [own_threshold(comparison.labels.validation, row, rule=rule, q=q) for row in method.val_pos_probs]
        )
    if how == MATCHING[2] or method.name == NO_REMEDY:
        return np.full(len(method.seeds), 0.5)
    return common_thresholds(comparison.labels.validation, baseline, method)


def _choose(cells: list[np.ndarray]) -> int:
    options = list(range(len(cells)))
    shown = [f"{len(rows):,} {_KINDS[i][0]}" for i, rows in enumerate(cells)]
    start = int(np.argmax([len(rows) for rows in cells[:2]]))
    chosen = st.segmented_control("Which", options, default=start, format_func=shown.__getitem__, required=True,
                                  key="remedy-kind", label_visibility="collapsed")  # fmt: skip
    return start if chosen is None else int(chosen)


def _members(
    config: ExperimentConfig,
    comparison: RemedyComparison,
    baseline: Method,
    method: Method,
    chosen: tuple[int, np.ndarray],
    thresholds: list[np.ndarray],
) -> None:
    kind, rows = chosen
    _, words, _, good = _KINDS[kind]
    source = f"{words.format(method.title)} at {ratio_text(comparison.ratio)}"
    if not len(rows):
        st.caption(f"No {source}, in most of {count_text(len(method.seeds), 'seed')}.")
        return
    wrong, where = (baseline, thresholds[0]) if good else (method, thresholds[1])  # the run with the errors
    link = {"ratio": ratio_text(comparison.ratio), "seed": str(wrong.seeds[0]), "remedy": wrong.name,
            "threshold": f"{min(max(float(where[0]), 0.0), 1.0):.3f}"}  # fmt: skip
    if st.button(f"Read these {len(rows):,} on the Errors page", key="read-fixed", icon=":material/menu_book:"):
        key = save_selection(config.id, comparison.ids[rows], source=source)
        show_examples(experiment=config.id, outcome="all", picked=key, **link)
    numbers = {
        one.title: [probability_text(value) for value in one.pos_probs[:, rows].mean(axis=0)]
        for one in (baseline, method)
    }
    example_table(config, comparison.ids[rows], numbers, key=f"fixed-{method.name}-{kind}", link=link)
    st.caption(f"In most of {count_text(len(method.seeds), 'seed')}; probabilities are means over them.")
