"""Who was lost between the ratios, who came back, and their texts."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from analysis.flow import flow_table, majority_right
from data.experiments import ExperimentConfig, ratio_label
from pages.shared.charts import draw, finish
from pages.shared.colours import HIT, MISS, POSITIVE, UNSELECTED, ink
from pages.shared.example_table import example_table
from pages.shared.sound_runs import SoundRuns
from pages.shared.words import counted, probability

_COLOURS = {("tp", "fn"): MISS, ("fn", "tp"): POSITIVE, ("tp", "tp"): HIT, ("fn", "fn"): UNSELECTED}
_SAID = {("tp", "fn"): "lost", ("fn", "tp"): "came back"}
_STATES = {"tp": "found", "fn": "missed"}


def flow_part(config: ExperimentConfig, test: SoundRuns) -> None:
    """The bands from ratio to ratio, and beside them the passages: choosing one lists its positives."""
    if len(test.levels) < 2:
        st.info("Two ratios are needed to compare. The next ones are still to come.", icon=":material/info:")
        return
    table = _flow(test, test.key)
    left, right = st.columns(2, gap="large")
    with left:
        _bands(table, test.levels)
    with right:
        passages = _passages(test)
        chosen = _choose(passages)
    _members(config, test, passages[chosen])


def _bands(table: pd.DataFrame, levels: list[float]) -> None:
    rows = table[(table["label"] == 1) & (table["count"] > 0)].to_dict("records")
    place = {(ratio, outcome): 2 * i + j for i, ratio in enumerate(levels) for j, outcome in enumerate(("tp", "fn"))}
    node = {
        "label": [f"{ratio_label(ratio)} {_STATES[outcome]}" for ratio, outcome in place],
        "color": [HIT if outcome == "tp" else MISS for _, outcome in place],
        "pad": 26,
        "thickness": 14,
        "hovertemplate": "%{label}: %{value}<extra></extra>",
    }
    link = {
        "source": [place[row["from_ratio"], row["from_outcome"]] for row in rows],
        "target": [place[row["to_ratio"], row["to_outcome"]] for row in rows],
        "value": [row["count"] for row in rows],
        "color": [_COLOURS[row["from_outcome"], row["to_outcome"]] for row in rows],
        "hovertemplate": "%{value} from %{source.label} to %{target.label}<extra></extra>",
    }
    figure = go.Figure(go.Sankey(arrangement="snap", node=node, link=link, textfont={"color": ink(), "size": 12}))
    lost, back = (sum(r["count"] for r in rows if (r["from_outcome"], r["to_outcome"]) == one) for one in _SAID)
    title = f"Step by step {counted(lost, 'positive')} lost, {back:,} back"
    finish(figure, title=title, x="", y="", height=380)
    figure.update_layout(margin={"b": 16})
    reading = (
        "Bands are test positives, found or missed by most seeds. Vermilion bands are lost on the way to the next "
        "ratio, orange ones come back. Choose a passage to read its texts."
    )
    draw(figure, key="flow", alt=title, reading=reading)


def _passages(test: SoundRuns) -> list[dict[str, Any]]:
    """Every step, and the whole way, with the rows that are lost or come back."""
    levels, right = majority_right(test.labels, test.pos_probs, test.ratios)
    positive = test.labels == 1
    ways = [(0, len(levels) - 1), *((i, i + 1) for i in range(len(levels) - 1))]
    passages = []
    for start, end in dict.fromkeys(ways):
        for before in (True, False):
            rows = np.flatnonzero(positive & (right[start] == before) & (right[end] != before))
            name = f"{ratio_label(levels[start])} to {ratio_label(levels[end])}"
            said = _SAID["tp" if before else "fn", "fn" if before else "tp"]
            passages.append({"way": name, "said": said, "rows": rows, "from": levels[start], "to": levels[end]})
    return passages


def _choose(passages: list[dict[str, Any]]) -> int:
    frame = pd.DataFrame({
        "Passage": [one["way"] for one in passages],
        "": [one["said"] for one in passages],
        "Positives": [len(one["rows"]) for one in passages],
    })  # fmt: skip
    event = st.dataframe(frame, hide_index=True, key="passages", on_select="rerun", selection_mode="single-row",
                         alt="Passages from ratio to ratio")  # fmt: skip
    rows = event["selection"]["rows"]
    return int(rows[0]) if rows and rows[0] < len(passages) else 0


def _members(config: ExperimentConfig, test: SoundRuns, passage: dict[str, Any]) -> None:
    """The positives of one passage, with their probabilities before and after."""
    rows = passage["rows"]
    st.markdown(f"**{counted(len(rows), 'positive')} {passage['said']} from {passage['way']}**")
    if not len(rows):
        return
    names = ratio_label(passage["from"]), ratio_label(passage["to"])
    numbers = {
        f"Mean at {name}": [probability(value) for value in test.at(ratio)[:, rows].mean(axis=0)]
        for name, ratio in zip(names, (passage["from"], passage["to"]), strict=True)
    }
    link = {"ratio": names[1], "threshold": "0.5"}
    example_table(config, test.ids[rows], numbers, key=f"members-{passage['way']}-{passage['said']}", link=link)


@st.cache_data(max_entries=16, show_spinner=False)
def _flow(_test: SoundRuns, key: tuple) -> pd.DataFrame:
    return flow_table(_test.labels, _test.pos_probs, _test.ratios)
