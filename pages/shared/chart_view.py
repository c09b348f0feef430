"""Show charts in Streamlit, in the reader's theme."""

import plotly.graph_objects as go
import streamlit as st

from closecall.charts.colours import Theme
from closecall.charts.figure import Chart


def current_theme() -> Theme:
    """The reader's theme, light or dark."""
    return Theme(dark=st.context.theme.get("type") == "dark")


def draw(figure: go.Figure, *, key: str, alt: str, reading: str = "") -> None:
    """Draw a chart that takes no clicks, with its one sentence on how to read it."""
    st.plotly_chart(figure, key=key, theme=None, alt=alt, config={"displayModeBar": False})
    if reading:
        st.caption(reading)


def show_chart(chart: Chart) -> None:
    """`draw` for a chart that was made elsewhere."""
    draw(chart.figure, key=chart.key, alt=chart.alt, reading=chart.reading)


def draw_lasso(figure: go.Figure, *, key: str, alt: str) -> None:
    """Draw a chart whose marks are selected by lasso, box or click; the event is in the session state under `key`."""
    st.plotly_chart(
        figure,
        key=key,
        theme=None,
        on_select="rerun",
        selection_mode=("lasso", "box", "points"),
        config={"displaylogo": False, "scrollZoom": True},
        alt=alt,
    )
