"""What every chart has in common: a title that states the finding, quiet axes, both themes, an alternative text."""

from dataclasses import dataclass

import plotly.graph_objects as go
import streamlit as st

from pages.shared.colours import faint, ink


def finish(figure: go.Figure, *, title: str, x: str, y: str, height: int = 380) -> go.Figure:
    """Title, axis names with units, grid and margins, on a transparent ground that suits light and dark."""
    figure.update_layout(
        title={"text": title, "font": {"size": 16, "color": ink()}, "x": 0, "xref": "paper"},
        height=height,
        margin={"l": 8, "r": 8, "t": 48, "b": 72},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": ink(), "size": 13, "family": "Source Sans, sans-serif"},
        legend={"orientation": "h", "yref": "container", "yanchor": "bottom", "y": 0, "x": 0},
        hoverlabel={"align": "left"},
    )
    axis_title = {"size": 13}
    figure.update_xaxes(
        title_text=x, title_font=axis_title, title_standoff=8, gridcolor=faint(), zeroline=False, automargin=True
    )
    figure.update_yaxes(title_text=y, title_font=axis_title, gridcolor=faint(), zeroline=False, automargin=True)
    return figure


@dataclass(frozen=True)
class Chart:
    """A figure with what goes with it everywhere: its key, the picture in words, the sentence on how to read it."""

    figure: go.Figure
    key: str
    alt: str
    reading: str


def draw(figure: go.Figure, *, key: str, alt: str, reading: str = "") -> None:
    """Draw a chart that takes no clicks, with its one sentence on how to read it."""
    st.plotly_chart(figure, key=key, theme=None, alt=alt, config={"displayModeBar": False})
    if reading:
        st.caption(reading)


def show_chart(chart: Chart) -> None:
    """`draw` for a chart that was made elsewhere."""
    draw(chart.figure, key=chart.key, alt=chart.alt, reading=chart.reading)


def draw_lasso(figure: go.Figure, *, key: str, alt: str) -> None:
    """Draw a chart whose marks are picked by lasso, box or click; the event stands in the session under `key`."""
    st.plotly_chart(
        figure,
        key=key,
        theme=None,
        on_select="rerun",
        selection_mode=("lasso", "box", "points"),
        config={"displaylogo": False, "scrollZoom": True},
        alt=alt,
    )
