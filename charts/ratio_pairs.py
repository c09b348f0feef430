"""Two ratios compared: the parts of a drop in recall, and the flow of positives from ratio to ratio."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from closecall.analysis.formatting import count_text, detectable_drop_text, percent_text, ratio_text
from closecall.analysis.ratio.decomposition import Decomposition, decisive_parts
from closecall.charts.colours import FN_COLOUR, POSITIVE_COLOUR, TP_COLOUR, UNSELECTED, Theme
from closecall.charts.figure import Chart, finish
from closecall.models.results.ratio_pairs import MATCHED

_CHANGE_COLOURS = {
    ("tp", "fn"): FN_COLOUR,
    ("fn", "tp"): POSITIVE_COLOUR,
    ("tp", "tp"): TP_COLOUR,
    ("fn", "fn"): UNSELECTED,
}


def waterfall_chart(parts: Decomposition, a: str, b: str, *, theme: Theme, matched: str = MATCHED[0]) -> Chart:
    """From the recall at ratio a to that at ratio b, by way of the ranking part and the threshold part."""
    ranking, threshold = _drawn_parts(parts)
    between = parts.recall_a - ranking
    steps = [
        (f"recall at {a}", 0.0, parts.recall_a, POSITIVE_COLOUR, percent_text(parts.recall_a)),
        ("ranking", parts.recall_a, between, FN_COLOUR if ranking > 0 else TP_COLOUR, _points(-ranking)),
        ("threshold", between, parts.recall_b, UNSELECTED, _points(-threshold)),
        (f"recall at {b}", 0.0, parts.recall_b, POSITIVE_COLOUR, percent_text(parts.recall_b)),
    ]
    figure = go.Figure()
    for name, start, end, colour, text in steps:
        figure.add_bar(
            x=[name],
            y=[100 * (end - start)],
            base=[100 * start],
            marker={"color": colour},
            text=[text],
            textposition="outside",
            textfont={"color": theme.ink},
            hoverinfo="skip",
            showlegend=False,
        )
    title = f"Recall changes by {_points(-parts.drop.value)} from {a} to {b}"
    finish(figure, theme=theme, title=title, x="", y="recall (%)", height=360)
    figure.update_layout(margin={"b": 40}, bargap=0.35)
    figure.update_yaxes(range=[0, 112], tickvals=[0, 20, 40, 60, 80, 100])
    reading = (
        f"Ranking: the recall that no threshold of {b} restores. Threshold: the recall that a lower threshold of {b} "
        f"restores. {_order(parts, a, b, matched)} {detectable_drop_text(parts.n_positives)}"
    )
    alt = f"{title}: {_points(-ranking)} by ranking, {_points(-threshold)} by threshold"
    return Chart(figure, key="waterfall", alt=alt, reading=reading.strip())


def flow_chart(table: pd.DataFrame, ratios: Sequence[float], *, theme: Theme) -> Chart:
    """The positives as bands from ratio to ratio; `table` as from `analysis.ratio.flow.flow_table`."""
    rows = table[(table["label"] == 1) & (table["count"] > 0)].to_dict("records")
    node, link = _sankey(rows, ratios)
    text = {"color": theme.ink, "size": 12}
    figure = go.Figure(go.Sankey(arrangement="snap", node=node, link=link, textfont=text))
    lost, gained = (
        sum(row["count"] for row in rows if (row["from_outcome"], row["to_outcome"]) == change)
        for change in (("tp", "fn"), ("fn", "tp"))
    )
    title = f"{count_text(lost, 'positive')} lost and {gained:,} gained, summed over the steps"
    finish(figure, theme=theme, title=title, x="", y="", height=380)
    figure.update_layout(margin={"b": 16})
    positives = int(table[(table["label"] == 1) & (table["from_ratio"] == ratios[0])]["count"].sum())
    reading = (
        f"Bands are the {count_text(positives, 'test positive')}: true positives (above) or false negatives by most "
        f"seeds. Vermilion bands are lost at the next ratio, orange ones gained. {detectable_drop_text(positives)}"
    )
    return Chart(figure, key="flow", alt=title, reading=reading.strip())


def _sankey(rows: list[dict[Any, Any]], ratios: Sequence[float]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Plotly's nodes, a TP and an FN one for each ratio, and the links between them."""
    place = {(ratio, outcome): 2 * i + j for i, ratio in enumerate(ratios) for j, outcome in enumerate(("tp", "fn"))}
    node = {
        "label": [f"{ratio_text(ratio)} {outcome.upper()}" for ratio, outcome in place],
        "color": [TP_COLOUR if outcome == "tp" else FN_COLOUR for _, outcome in place],
        "pad": 26,
        "thickness": 14,
        "hovertemplate": "%{label}: %{value}<extra></extra>",
    }
    link = {
        "source": [place[row["from_ratio"], row["from_outcome"]] for row in rows],
        "target": [place[row["to_ratio"], row["to_outcome"]] for row in rows],
        "value": [row["count"] for row in rows],
        "color": [_CHANGE_COLOURS[row["from_outcome"], row["to_outcome"]] for row in rows],
        "hovertemplate": "%{value} from %{source.label} to %{target.label}<extra></extra>",
    }
    return node, link


def _drawn_parts(parts: Decomposition) -> tuple[float, float]:
    """The decisive parts, or the first order where the mean would draw a recall outside 0 to 1."""
    ranking, threshold = (part.value for part in decisive_parts(parts))
    if 0 <= parts.recall_a - ranking <= 1:
        return ranking, threshold
    return parts.ranking.value, parts.threshold.value


def _order(parts: Decomposition, a: str, b: str, matched: str) -> str:
    """In which order the parts are drawn."""
    if not parts.both_orders:
        return f"Parts are drawn at the {matched} of {a}: {b} has too few to match."
    if _drawn_parts(parts) != (parts.ranking_mean.value, parts.threshold_mean.value):
        return f"Parts are drawn at the {matched} of {a}; for those of {b} see the table."
    return "Parts are means of both orders."


def _points(share: float) -> str:
    return f"{100 * share:+.1f} points"
