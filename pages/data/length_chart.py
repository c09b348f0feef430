"""How long the texts of the two classes are."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from closecall.charts.colours import CLASS_COLOURS
from closecall.charts.figure import finish
from closecall.pages.shared.chart_view import current_theme, draw

_KINDS = ((0, "negatives", "solid"), (1, "positives", "dot"))


def length_chart(bins: pd.DataFrame, medians: dict[int, float]) -> None:
    """Both classes' lengths as shares of the class, one over the other. `bins` from `analysis.text`."""
    figure = go.Figure()
    for label, kind, dash in _KINDS:
        figure.add_trace(_outline(bins[bins["label"] == label], kind, CLASS_COLOURS[label], dash))
    title = f"Half of the positives have {medians[1]:,.0f} words or fewer"
    finish(figure, theme=current_theme(), title=title, x="words in a text", y="texts (% of the class)", height=340)
    figure.update_xaxes(range=[0, None])
    reading = (
        f"Of the negatives, half have {medians[0]:,.0f} words or fewer; the last step takes all longer texts. "
        "The encoder reads only the first tokens (a token is about three quarters of a word): the end of a long text "
        "is never seen."
    )
    draw(figure, key="lengths", alt=title, reading=reading)


def _outline(rows: pd.DataFrame, kind: str, colour: str, dash: str) -> go.Scatter:
    """The class as filled steps: two shapes that cover each other can still both be read."""
    low = rows["low"].to_numpy(dtype=float)
    width = low[1] - low[0] if len(low) > 1 else 1.0
    return go.Scatter(
        x=np.append(low, low[-1] + width),
        y=np.append(100 * rows["share"].to_numpy(), 0),
        name=kind,
        mode="lines",
        line={"shape": "hv", "color": colour, "width": 2.5, "dash": dash},
        fill="none" if dash == "dot" else "tozeroy",
        customdata=np.append(rows["count"].to_numpy(), 0),
        hovertemplate=f"%{{customdata:,}} {kind} from %{{x}} words on<extra></extra>",
    )
