"""The distribution of text lengths in each class."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from closecall.charts.colours import CLASS_COLOURS, Theme
from closecall.charts.figure import Chart, finish

_CLASSES = ((0, "negatives", "solid"), (1, "positives", "dot"))


def text_length_chart(bins: pd.DataFrame, medians: dict[int, float], *, theme: Theme) -> Chart:
    """Histogram of the words of a text, as a share of each class.

    `bins` as `analysis.text.length_bins`; `medians` gives the median number of words by label.
    """
    figure = go.Figure()
    for label, name, dash in _CLASSES:
        figure.add_trace(_steps(bins[bins["label"] == label], name, CLASS_COLOURS[label], dash))
    title = f"The median positive has {medians[1]:,.0f} words, the median negative {medians[0]:,.0f}"
    finish(figure, theme=theme, title=title, x="length of a text (words)", y="texts (% of the class)", height=340)
    figure.update_xaxes(range=[0, None])
    reading = (
        "The last bin contains all longer texts. The encoder reads a limited number of tokens and ignores the rest "
        "of a text; a token is about three quarters of a word."
    )
    return Chart(figure, key="lengths", alt=f"Text lengths by class. {title}.", reading=reading)


def _steps(rows: pd.DataFrame, name: str, colour: str, dash: str) -> go.Scatter:
    """One class as steps; only one of the two is filled, so that both stay visible where they overlap."""
    low = rows["low"].to_numpy(dtype=float)
    width = low[1] - low[0] if len(low) > 1 else 1.0
    return go.Scatter(
        x=np.append(low, low[-1] + width),
        y=np.append(100 * rows["share"].to_numpy(), 0),
        name=name,
        mode="lines",
        line={"shape": "hv", "color": colour, "width": 2.5, "dash": dash},
        fill="none" if dash == "dot" else "tozeroy",
        customdata=np.append(rows["count"].to_numpy(), 0),
        hovertemplate=f"%{{customdata:,}} {name} from %{{x}} words on<extra></extra>",
    )
