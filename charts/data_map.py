"""The figures of training dynamics: the groups of a data map, and how confidence changes across ratios."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from closecall.analysis.errors.data_map import REGIONS
from closecall.analysis.formatting import count_text, probability_text, ratio_text
from closecall.charts.colours import CLASS_COLOURS, FN_COLOUR, POSITIVE_COLOUR, UNSELECTED, Theme, tint
from closecall.charts.figure import Chart, finish
from closecall.charts.map import MapFrame
from closecall.charts.point_groups import PointGroup

CLASS_NAMES = {0: "Negatives", 1: "Positives"}
MOST_LINES = 400
"""More lines than these merge into one grey band."""
MOST_HIGHLIGHTED = 20
"""The positives with the largest decrease that get a line of their own colour."""
_SYMBOLS = dict(zip(REGIONS, ("x", "triangle-up", "circle"), strict=True))


def data_map_frame(revision: int) -> MapFrame:
    """The frame of a data map: variability from 0 to 0.5 across, confidence from 0 to 1 up."""
    names = ("variability (standard deviation over epochs)", "confidence (mean probability of the labelled class)")
    return MapFrame((-0.02, 0.52), (-0.03, 1.03), 560, densities=False, revision=revision, axis_names=names, ticks=True)


def data_map_points(dynamics: pd.DataFrame, shown_class: str) -> pd.DataFrame:
    """The points of a data map: id, split, label, x (variability), y (confidence), outcome (""), region.

    `dynamics` is `analysis.errors.data_map` with ids as index, and label. `shown_class` is Positives, Negatives, or
    anything else for both. Texts that were never seen in training are left out.
    """
    rows = dynamics[dynamics["confidence"].notna()]
    labels = [label for label, name in CLASS_NAMES.items() if name == shown_class] or list(CLASS_NAMES)
    rows = rows[rows["label"].isin(labels)]
    return pd.DataFrame({
        "id": rows.index.to_numpy(dtype=object), "split": "train", "label": rows["label"].to_numpy(),
        "x": rows["variability"].to_numpy(), "y": rows["confidence"].to_numpy(), "outcome": "",
        "region": rows["region"].to_numpy(dtype=object),
    })  # fmt: skip


def data_map_groups(points: pd.DataFrame) -> list[PointGroup]:
    """Each class by region, negatives first, so that the rare class is drawn on top."""
    labels, region = points["label"].to_numpy(), points["region"].to_numpy(dtype=object)
    groups = []
    for label, name in CLASS_NAMES.items():
        own = labels == label
        unnamed = np.flatnonzero(own & (region == ""))
        groups.append(PointGroup(f"{name}, other", unnamed, CLASS_COLOURS[label], "circle", True))
        groups += [
            PointGroup(f"{name}, {one}", np.flatnonzero(own & (region == one)), CLASS_COLOURS[label], _SYMBOLS[one])
            for one in reversed(REGIONS)
        ]
    return [group for group in groups if len(group.rows)]


def data_map_title(points: pd.DataFrame, ratio: str) -> str:
    """How many of each class have a confidence below 0.50."""
    parts = []
    for label in (1, 0):
        own = points[points["label"] == label]
        if len(own):
            parts.append(f"{int((own['y'] < 0.5).sum()):,} of {len(own):,} {CLASS_NAMES[label].lower()}")
    return f"{ratio}: confidence below 0.50 for {' and '.join(parts)}" if parts else f"{ratio}: no texts"


def confidence_chart(confidence: np.ndarray, ratios: Sequence[float], *, collapsed: int, theme: Theme) -> Chart:
    """The confidence of the same positives at every ratio: a line for each, those that fall most, and the median.

    `confidence` (ratios x n), ratios rising; `collapsed` runs were left out of it.
    """
    labels = [ratio_text(ratio) for ratio in ratios]
    order = np.argsort(confidence[-1] - confidence[0], kind="stable")
    sample = order[np.linspace(0, len(order) - 1, min(MOST_LINES, len(order))).astype(int)]
    deepest = order[:MOST_HIGHLIGHTED]
    median = np.median(confidence, axis=1)
    figure = go.Figure()
    figure.add_trace(_lines(confidence[:, sample], labels, "each positive", tint(UNSELECTED, 0.35), 1))
    figure.add_trace(
        _lines(confidence[:, deepest], labels, f"{len(deepest)} largest decreases", tint(FN_COLOUR, 0.8), 1.5)
    )
    figure.add_scatter(
        x=labels, y=median, mode="lines+markers", name="median", line={"color": POSITIVE_COLOUR, "width": 4},
        marker={"symbol": "diamond", "size": 11}, hovertemplate="%{x}: median %{y:.2f}<extra></extra>",
    )  # fmt: skip
    title = (
        f"Median confidence of the positives: {probability_text(float(median[0]))} at {labels[0]}, "
        f"{probability_text(float(median[-1]))} at {labels[-1]}"
    )
    finish(figure, theme=theme, title=title, x="training negatives per positive", y="confidence", height=440)
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=labels)
    figure.update_yaxes(range=[-0.02, 1.02])
    return Chart(figure, "movement", title, _confidence_reading(len(sample), len(order), collapsed))


def _confidence_reading(drawn: int, total: int, collapsed: int) -> str:
    lines = f"one of {drawn:,} sampled from {total:,} positives" if drawn < total else "one positive"
    left_out = f" {count_text(collapsed, 'collapsed run')} left out." if collapsed else ""
    return (
        f"Each grey line is {lines}; its confidence is the mean over seeds. Below 0.50 the classifier favoured the "
        f"negative class during training.{left_out}"
    )


def _lines(confidence: np.ndarray, labels: list[str], name: str, colour: str, width: float) -> go.Scatter:
    """Many lines as one trace, with gaps between them."""
    gap = np.full((1, confidence.shape[1]), np.nan)
    y = np.concatenate([confidence, gap]).T.ravel()
    x: list[Any] = [*labels, None] * confidence.shape[1]
    return go.Scatter(
        x=x, y=y, mode="lines", name=name, line={"color": colour, "width": width}, hoverinfo="skip", connectgaps=False
    )
