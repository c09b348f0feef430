"""Who was lost between the ratios, who came back, and their texts."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from closecall.analysis.formatting import count_text, detectable_drop_text, probability_text, ratio_text
from closecall.analysis.ratio.flow import flow_table, majority_correct
from closecall.charts.colours import FN_COLOUR, POSITIVE_COLOUR, TP_COLOUR, UNSELECTED
from closecall.charts.figure import Chart, finish
from closecall.data.experiments.store import ExperimentConfig
from closecall.models.results.valid_runs import ValidRuns
from closecall.pages.shared.chart_view import current_theme, show_chart
from closecall.pages.shared.examples import example_table, open_as_queue

_COLOURS = {("tp", "fn"): FN_COLOUR, ("fn", "tp"): POSITIVE_COLOUR, ("tp", "tp"): TP_COLOUR, ("fn", "fn"): UNSELECTED}
_SAID = {("tp", "fn"): "lost", ("fn", "tp"): "came back", ("fn", "fn"): "stayed missed", ("tp", "tp"): "stayed found"}


def flow_part(config: ExperimentConfig, test: ValidRuns) -> None:
    """The bands from ratio to ratio, and beside them each band as a row: choosing it opens its positives."""
    if len(test.levels) < 2:
        st.info("Two ratios are needed to compare. The next ones are still to come.", icon=":material/info:")
        return
    left, right = st.columns(2, gap="large")
    with left:
        show_chart(flow_chart(flow_of(test), test.levels))
    with right:
        passages = _passages(test)
        chosen = _choose(passages)
    _members(config, test, passages[chosen])


def flow_chart(table: pd.DataFrame, levels: list[float]) -> Chart:
    """The positives as bands from ratio to ratio; `table` from `flow_of`."""
    rows = table[(table["label"] == 1) & (table["count"] > 0)].to_dict("records")
    place = {(ratio, outcome): 2 * i + j for i, ratio in enumerate(levels) for j, outcome in enumerate(("tp", "fn"))}
    node = {
        "label": [ratio_text(ratio) if outcome == "tp" else "missed" for ratio, outcome in place],
        "color": [TP_COLOUR if outcome == "tp" else FN_COLOUR for _, outcome in place],
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
    figure = go.Figure(
        go.Sankey(arrangement="snap", node=node, link=link, textfont={"color": current_theme().ink, "size": 12})
    )
    lost, back = (
        sum(row["count"] for row in rows if (row["from_outcome"], row["to_outcome"]) == one)
        for one in (("tp", "fn"), ("fn", "tp"))
    )
    title = f"Step by step {count_text(lost, 'positive')} lost, {back:,} back"
    finish(figure, theme=current_theme(), title=title, x="", y="", height=380)
    figure.update_layout(margin={"b": 16})
    positives = int(table[(table["label"] == 1) & (table["from_ratio"] == levels[0])]["count"].sum())
    reading = (
        f"Bands are the {count_text(positives, 'test positive')}, found (above) or missed by most seeds. Vermilion bands "
        f"are lost on the way to the next ratio, orange ones come back. {detectable_drop_text(positives)}"
    )
    return Chart(figure, key="flow", alt=title, reading=reading)


def _passages(test: ValidRuns) -> list[dict[str, Any]]:
    """Every band of every step, and of the whole way, with its rows; empty bands are left out."""
    levels, right = majority_correct(test.labels, test.pos_probs, test.ratios)
    positive = test.labels == 1
    ways = [(0, len(levels) - 1), *((i, i + 1) for i in range(len(levels) - 1))]
    passages = []
    for start, end in dict.fromkeys(ways):
        for states, said in _SAID.items():
            before, after = (state == "tp" for state in states)
            rows = np.flatnonzero(positive & (right[start] == before) & (right[end] == after))
            name = f"{ratio_text(levels[start])} to {ratio_text(levels[end])}"
            passages.append({"way": name, "said": said, "rows": rows, "from": levels[start], "to": levels[end]})
    return [one for one in passages if len(one["rows"])] or passages[:1]


def _choose(passages: list[dict[str, Any]]) -> int:
    frame = pd.DataFrame({
        "Band": [one["way"] for one in passages],
        "": [one["said"] for one in passages],
        "Positives": [len(one["rows"]) for one in passages],
    })  # fmt: skip
    st.markdown("**Tick a band to list its positives**")
    event = st.dataframe(frame, hide_index=True, key="passages", on_select="rerun", selection_mode="single-row",
                         height=345, alt="The bands from ratio to ratio")  # fmt: skip
    rows = event["selection"]["rows"]
    return int(rows[0]) if rows and rows[0] < len(passages) else 0


def _members(config: ExperimentConfig, test: ValidRuns, passage: dict[str, Any]) -> None:
    """The positives of one band, with their probabilities before and after, and all of them as a queue on Errors."""
    rows = passage["rows"]
    said = f"{count_text(len(rows), 'positive')} {passage['said']} from {passage['way']}"
    st.markdown(f"**{said}**")
    if not len(rows):
        return
    names = ratio_text(passage["from"]), ratio_text(passage["to"])
    ids = [str(one) for one in test.ids[rows]]
    open_as_queue(
        config, ids, source=said, key=f"read-{passage['way']}-{passage['said']}", ratio=names[1], threshold="0.5"
    )
    numbers = {
        f"Mean at {name}": [probability_text(value) for value in test.at(ratio)[:, rows].mean(axis=0)]
        for name, ratio in zip(names, (passage["from"], passage["to"]), strict=True)
    }
    link = {"ratio": names[1], "threshold": "0.5"}
    example_table(config, test.ids[rows], numbers, key=f"members-{passage['way']}-{passage['said']}", link=link)


def flow_of(test: ValidRuns) -> pd.DataFrame:
    """`analysis.ratio.flow.flow_table` of the sound runs."""
    return _flow(test, test.key)


@st.cache_data(max_entries=16, show_spinner=False)
def _flow(_test: ValidRuns, key: tuple) -> pd.DataFrame:
    return flow_table(_test.labels, _test.pos_probs, _test.ratios)
