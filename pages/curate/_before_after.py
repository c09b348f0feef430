"""The same experiment before and after its dataset was mended, on the test examples that both have."""

import numpy as np
import pandas as pd
import streamlit as st

from analysis.before_after import before_after
from analysis.intervals import Estimate
from analysis.wording import points_text
from data.experiments import ratio_label
from models.relabel import Repeat
from pages.shared.lookup import places_of
from pages.shared.sound_runs import SoundRuns, sound_runs
from pages.shared.words import counted, percent, plain

_NAMES = {1: "positives found", 0: "negatives left alone"}


def before_after_panel(repeats: list[Repeat]) -> None:
    """A table for each pair of experiments, the newest first."""
    for repeat in repeats:
        before, after = sound_runs(repeat.before.id)[0], sound_runs(repeat.after.id)[0]
        st.markdown(f"**{plain(repeat.before.dataset)} → {plain(repeat.after.dataset)}**")
        if not len(after.ratios) or not len(before.ratios):
            st.caption("No run on the new version has finished yet; the table fills as they do.")
            query = {"experiment": repeat.after.id}
            st.page_link("pages/compare/overview.py", label="See its progress", icon=":material/home:",
                         query_params=query)  # fmt: skip
            continue
        table, changed, common = _table(before, after, before.key, after.key)
        st.markdown(finding(table))
        st.dataframe(_shown(table), hide_index=True, key=f"before-after-{repeat.after.id}",
                     alt="Shares classified right before and after, by ratio")  # fmt: skip
        st.caption(_reading(changed, common, len(before.ids)))


def finding(table: pd.DataFrame) -> str:
    """Whether recall moved at any ratio beyond what chance could do."""
    positives = table[table["label"] == 1]
    if positives.empty:
        return "No ratio and seed is finished on both sides yet."
    row = positives.iloc[-1]
    moved = f"{ratio_label(row['ratio'])} finds {percent(row['before'])} of the positives before and "
    moved += f"{percent(row['after'])} after: {points_text(Estimate(row['difference'], row['low'], row['high']))}"
    if row["low"] <= 0 <= row["high"]:
        return plain(f"{moved}, too few to tell a difference.")
    return plain(f"{moved}.")


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    rows = [
        {
            "Ratio": ratio_label(row["ratio"]),
            "What": _NAMES[row["label"]],
            "Before": f"{percent(row['before'])}, {row['before'] * row['n']:,.0f} of {row['n']:,}",
            "After": f"{percent(row['after'])}, {row['after'] * row['n']:,.0f} of {row['n']:,}",
            "More right, in points (95 % interval)": points_text(Estimate(row["difference"], row["low"], row["high"])),
            "Seeds": int(row["seeds"]),
        }
        for row in table.to_dict("records")
    ]
    return pd.DataFrame(rows)


def _reading(changed: int, common: int, before: int) -> str:
    said = f"{counted(common, 'test example')} that both have, threshold .50, means over the seeds of both."
    if gone := before - common:
        said += f" {counted(gone, 'test example')} taken out."
    if changed:
        said += (
            f" {counted(changed, 'test label')} changed: both columns are judged by the new labels, so a rise may be "
            "the labels' doing as well as the training's."
        )
    else:
        said += " No test label changed."
    return said


@st.cache_resource(max_entries=8, show_spinner="Comparing before and after")
def _table(_before: SoundRuns, _after: SoundRuns, before_key: tuple, after_key: tuple) -> tuple[pd.DataFrame, int, int]:
    """The table, how many labels differ, and how many examples are common."""
    places = places_of(pd.Index(_before.ids), _after.ids)
    both = places >= 0
    labels = _after.labels[both]
    changed = int((labels != _before.labels[places[both]]).sum())
    sides = (
        (_before.pos_probs[:, places[both]], _before.ratios, _before.seeds),
        (_after.pos_probs[:, both], _after.ratios, _after.seeds),
    )
    table = before_after(labels, *sides) if len(labels) else pd.DataFrame({"label": np.array([], dtype=int)})
    return table, changed, len(labels)
