"""What every chart has in common: a title that states the finding, quiet axes, both themes, an alternative text."""

from dataclasses import dataclass

import plotly.graph_objects as go

from closecall.charts.colours import Theme


def finish(figure: go.Figure, *, theme: Theme, title: str, x: str, y: str, height: int = 380) -> go.Figure:
    """Title, axis names with units, grid and margins, on a transparent ground that suits light and dark."""
    figure.update_layout(
        title={"text": title, "font": {"size": 16, "color": theme.ink}, "x": 0, "xref": "paper"},
        height=height,
        margin={"l": 8, "r": 8, "t": 48, "b": 72},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": theme.ink, "size": 13, "family": "Source Sans, sans-serif"},
        legend={"orientation": "h", "yref": "container", "yanchor": "bottom", "y": 0, "x": 0},
        hoverlabel={"align": "left"},
    )
    axis_title = {"size": 13}
    figure.update_xaxes(
        title_text=x, title_font=axis_title, title_standoff=8, gridcolor=theme.faint, zeroline=False, automargin=True
    )
    figure.update_yaxes(title_text=y, title_font=axis_title, gridcolor=theme.faint, zeroline=False, automargin=True)
    return figure


@dataclass(frozen=True)
class Chart:
    """A figure with what goes with it everywhere: its key, the picture in words, the sentence on how to read it."""

    figure: go.Figure
    key: str
    alt: str
    reading: str
