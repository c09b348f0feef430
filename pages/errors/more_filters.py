"""The filters behind one button. What they hold is counted and drawn only while they are open."""

from collections.abc import Mapping

import numpy as np
import streamlit as st

from closecall.analysis.formatting import ratio_text
from closecall.data.annotations.hard_cases import ACTIONS
from closecall.models.results.run_predictions import SPLIT_NAMES
from closecall.pages.errors.filter_masks import group_names, lengths, sound_seeds
from closecall.pages.errors.filters import LISTED, MOST_SEEDS, ONE_SEED, UNDECIDED, length_said, put
from closecall.pages.errors.reading_state import ReadingState
from closecall.pages.shared.case_list import tags_in_use
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.slices import slice_names

_SHOWN = 30
"""Values of one filter that are offered; a link can name any other."""


def more_filters(desk: ReadingState) -> None:
    """The button and what is behind it."""
    opened = st.popover("More filters", key="more", on_change="rerun", width="stretch")
    if opened.open:
        with opened, st.container(key="more-body", gap="xsmall"):
            _chance(desk)
            _offer(desk, "listed", {name: name for name in LISTED}, "Hard-case list", start=LISTED[0])
            _offer(desk, "action", {name: name.capitalize() for name in (*ACTIONS, UNDECIDED)}, "Action")
            _offer(desk, "tag", {tag: tag for tag in tags_in_use(desk.evidence.experiment)}, "Tag")
            _offer(desk, "group", _groups(desk), "Outcome group, over all ratios and seeds")
            names = slice_names(desk.evidence.experiment)
            _offer(desk, "slice", {name: name for name in names}, "Slice (made on Words and slices)")
            _offer(desk, "length", _lengths(desk), "Length")
            _seeds(desk)
            _choices("split", {split: name.capitalize() for split, name in SPLIT_NAMES.items()}, "Examples of",
                     chosen=desk.evidence.split)  # fmt: skip


def _offer(desk: ReadingState, name: str, options: Mapping[str, str], title: str, *, start: str = "") -> None:
    """A filter as a row of buttons with counts; nothing when it has no value to offer."""
    chosen = getattr(desk.filters, name)
    offered = dict(list(options.items())[:_SHOWN])
    if chosen and chosen not in offered:
        offered[chosen] = length_said(chosen) if name == "length" else chosen
    if not offered:
        return
    offered = offered if start else {"": "Any", **offered}
    counts = {value: desk.number(name, value) for value in offered}
    _choices(name, {value: f"{escape_markdown(label)} **{counts[value]:,}**" for value, label in offered.items()}, title,
             chosen=chosen)  # fmt: skip


def _choices(name: str, labels: Mapping[str, str], title: str, *, chosen: str) -> None:
    """Buttons, as the counts beside the words may change and the choice must stay."""
    st.caption(title)
    with st.container(horizontal=True, gap="xsmall"):
        for number, (value, label) in enumerate(labels.items()):
            st.button(
                label,
                key=f"{name}-{number}",
                type="primary" if chosen == value else "secondary",
                on_click=put,
                args=(name, value),
            )


def _chance(desk: ReadingState) -> None:
    """The slider is not always drawn, so it hands its range to a value that stays."""
    if st.session_state.get("chance-range") != desk.filters.chance:
        st.session_state["chance-range"] = desk.filters.chance
    st.slider(
        "Probability of being positive",
        0.0,
        1.0,
        step=0.01,
        key="chance-range",
        on_change=lambda: put("chance", st.session_state["chance-range"]),
    )


def _groups(desk: ReadingState) -> dict[str, str]:
    """The outcome groups that there are, `lost at 1:2` before `lost at 1:10`."""
    names = sorted((str(name) for name in group_names(desk.known)[1] if name), key=_natural)
    return {name: name.capitalize() for name in names}


def _natural(name: str) -> tuple[str, float]:
    words, _, ratio = name.partition(" 1:")
    return words, float(ratio or 0)


def _lengths(desk: ReadingState) -> dict[str, str]:
    """Four ranges that hold about a quarter of the split's examples each."""
    counts = lengths(desk.known)
    if counts is None or not len(counts):
        return {}
    cuts = sorted({int(cut) for cut in np.quantile(counts, [0.25, 0.5, 0.75], method="lower")})
    starts = [0, *(cut + 1 for cut in cuts)]
    ranges = [f"{low}-{high}" for low, high in zip(starts, [*cuts, ""], strict=True)]
    return {one: length_said(one).capitalize() for one in ranges}


def _seeds(desk: ReadingState) -> None:
    number = len(sound_seeds(desk.evidence, desk.run, desk.threshold))
    if number < 2 and desk.filters.seeds == ONE_SEED:
        return
    config = desk.run.config
    labels = {ONE_SEED: f"Seed {config.seed}", MOST_SEEDS: f"Most of the {number} sound seeds at"
              f" {escape_markdown(ratio_text(config.ratio))}"}  # fmt: skip
    _choices("seeds", labels, "Judged by", chosen=desk.filters.seeds)
