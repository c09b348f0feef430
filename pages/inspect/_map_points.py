"""The points of the map and their picture: one trace for each kind, a row number in each point's customdata."""

import html
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pages.shared.charts import finish
from pages.shared.colours import CLASS, OUTCOME, UNSELECTED, faint
from pages.shared.texts import Texts
from pages.shared.words import OUTCOME_PLURAL

COLOURINGS = ("Outcome", "Label", "Outcome group")
HOVER_LIMIT = 3000
"""Up to so many points the start of the text rides along for the hover; beyond, the page would weigh megabytes."""
SYMBOLS = {"fn": "x", "fp": "triangle-up", "tp": "diamond", "tn": "circle"}
CROWDED = 20_000
"""From so many points on, marks are drawn smaller."""
_GROUP_ORDER = ("always missed", "lost", "wavering", "unstable", "gained", "always hit")
_GROUP_LOOK = {
    "always missed": (OUTCOME["fn"], "x"),
    "lost": (CLASS[1], "square"),
    "gained": (OUTCOME["tp"], "triangle-down"),
    "unstable": (OUTCOME["fp"], "star"),
    "wavering": (OUTCOME["fp"], "cross"),
    "always hit": (OUTCOME["tp"], "diamond"),
    "negative": (OUTCOME["tn"], "circle"),
}


@dataclass(frozen=True)
class Kind:
    """One entry of the legend: its name, the rows it has, colour and mark."""

    name: str
    rows: np.ndarray
    colour: str
    symbol: str
    faded: bool = False


def kinds(points: pd.DataFrame, colouring: str) -> list[Kind]:
    """The legend, commonest first, so that the rare kinds lie on top. `points` has label, split, outcome, group."""
    training = (points["split"] == "train").to_numpy()
    labels = points["label"].to_numpy()
    found = [
        Kind(f"Training {name}s", np.flatnonzero(training & (labels == label)), CLASS[label], "square", faded=True)
        for label, name in ((0, "negative"), (1, "positive"))
    ]
    if colouring == "Label":
        found += [
            Kind(f"{name.capitalize()}s", np.flatnonzero(~training & (labels == label)), CLASS[label], symbol)
            for label, name, symbol in ((0, "negative", "circle"), (1, "positive", "diamond"))
        ]
    elif colouring == "Outcome group":
        found += _groups(points, training)
    else:
        outcome = points["outcome"].to_numpy()
        found += [
            Kind(
                OUTCOME_PLURAL[name].capitalize(), np.flatnonzero(~training & (outcome == name)), colour, SYMBOLS[name]
            )
            for name, colour in ((one, OUTCOME[one]) for one in ("tn", "tp", "fp", "fn"))
        ]
    return [kind for kind in found if len(kind.rows)]


def figure(points: pd.DataFrame, shown: list[Kind], *, title: str, texts: Texts) -> go.Figure:
    """Scattergl; the figure says nothing of the selection, or the selection would be lost with every change."""
    chart = go.Figure()
    x, y = points["x"].to_numpy(dtype=np.float32), points["y"].to_numpy(dtype=np.float32)
    ids = points["id"].to_numpy(dtype=object)
    hover = len(points) <= HOVER_LIMIT
    size = 8 if len(points) < CROWDED else 5
    for kind in shown:
        chart.add_scattergl(
            x=x[kind.rows],
            y=y[kind.rows],
            mode="markers",
            name=f"{kind.name} {len(kind.rows):,}",
            customdata=kind.rows.astype(np.int32),
            text=_hover(texts, ids[kind.rows]) if hover else None,
            hovertemplate=("%{text}<extra></extra>" if hover else f"{kind.name}<extra></extra>"),
            marker={
                "color": kind.colour,
                "symbol": kind.symbol,
                "size": size - 3 if kind.faded else size,
                "opacity": 0.25 if kind.faded else 0.85,
            },
            selected={"marker": {"opacity": 1}},
            unselected={"marker": {"color": UNSELECTED, "opacity": 0.3}},
        )
    finish(chart, title=title, x="", y="", height=600)
    chart.update_layout(dragmode="lasso", uirevision="keep", modebar={"orientation": "v", "bgcolor": "rgba(0,0,0,0)"})
    chart.update_xaxes(showticklabels=False, gridcolor=faint(), title_text="UMAP 1 (no unit)")
    chart.update_yaxes(showticklabels=False, gridcolor=faint(), title_text="UMAP 2 (no unit)")
    return chart


def _hover(texts: Texts, ids: np.ndarray) -> list[str]:
    """The first words, broken into lines; escaped, as Plotly reads markup in them."""
    starts = texts.starts(ids, length=120)
    return ["<br>".join(html.escape(start[i : i + 60]) for i in range(0, len(start), 60)) for start in starts]


def _groups(points: pd.DataFrame, training: np.ndarray) -> list[Kind]:
    labels, group = points["label"].to_numpy(), points["group"].to_numpy(dtype=object).astype(str)
    colour, symbol = _GROUP_LOOK["negative"]
    found = [Kind("Negatives", np.flatnonzero(~training & (labels == 0)), colour, symbol)]
    for name in reversed(_GROUP_ORDER):
        rows = np.flatnonzero(~training & (labels == 1) & np.char.startswith(group, name))
        found.append(Kind(name.capitalize(), rows, *_GROUP_LOOK[name]))
    return found
