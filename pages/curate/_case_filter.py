"""Which cases of the list are shown: by action, tag and person, kept in the URL."""

from collections import Counter

import numpy as np
import pandas as pd
import streamlit as st

from pages.shared.case_list import tags_of
from pages.shared.link import enter, settle
from pages.shared.words import counted, plain

STARTS = {"case_action": "", "case_tag": "", "case_who": ""}
NOTHING = "(none)"
"""Stands for cases without an action, tag or name."""


def filtered(cases: pd.DataFrame) -> pd.DataFrame:
    """A box for each of the three with the number of cases beside each value; the cases that fit."""
    enter(STARTS, {}, canary="case_action")
    boxes = st.columns([2, 2, 2, 3], vertical_alignment="bottom")
    for box, (key, name) in zip(
        boxes, (("case_action", "Action"), ("case_tag", "Tag"), ("case_who", "Person")), strict=False
    ):
        _choose(box, key, name, Counter(value for row in _values(cases, key) for value in row))
    settle(STARTS)
    kept = pd.Series(True, index=cases.index)
    for key in STARTS:
        if wanted := st.session_state[key]:
            kept &= np.array([wanted in row for row in _values(cases, key)], dtype=bool)
    if not kept.all():
        boxes[3].caption(f"{counted(int(kept.sum()), 'case')} of {len(cases):,} shown.")
    return cases[kept]


def _choose(box: st.delta_generator.DeltaGenerator, key: str, name: str, counts: Counter[str]) -> None:
    options = ["", *sorted(counts, key=lambda value: (value == NOTHING, -counts[value], value))]
    if st.session_state.get(key) not in options:
        options.append(st.session_state[key])  # a link may name what no case has: then none is shown
    box.selectbox(
        name,
        options,
        key=key,
        format_func=lambda value: f"{plain(value)} ({counts[value]:,})" if value else "all",
    )


def _values(cases: pd.DataFrame, key: str) -> list[list[str]]:
    """The values of each case: its tags, or its one action or person."""
    if key == "case_tag":
        return [tags_of(tags) or [NOTHING] for tags in cases["tags"]]
    return [[value or NOTHING] for value in cases["action" if key == "case_action" else "who"]]
