"""The demos, one click away."""

from typing import Literal

import streamlit as st

from data.errors import UserError
from models.demo import DEMOS, queue_demo
from pages.shared.failures import tell
from pages.shared.state import go


def demo_buttons() -> None:
    """Both demos, the close pair first."""
    with st.container(horizontal=True):
        demo_button(0, "Run the demo", primary=True)
        demo_button(1, "Run the distant pair")


def demo_button(number: int, label: str, *, primary: bool = False) -> None:
    """A button that fetches what a demo needs, queues it and goes to the Overview."""
    kind: Literal["primary", "secondary"] = "primary" if primary else "secondary"
    if st.button(label, key=f"demo-{number}", type=kind, icon=":material/play_arrow:"):
        _start(DEMOS[number].name)


def _start(name: str) -> None:
    bar = st.progress(0.0, text="Looking for the encoder and the texts")

    def show(sentence: str, share: float) -> None:
        bar.progress(min(1.0, share), text=sentence)

    try:
        config = queue_demo(name, progress=show)
    except UserError as error:
        bar.empty()
        tell(error)
        return
    go("pages/compare/overview.py", experiment=config.id)
