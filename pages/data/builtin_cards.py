"""The built-in datasets as cards, each with a button that downloads it, and the way to open a dataset."""

from typing import NoReturn

import streamlit as st

from closecall.data.datasets.builtin import BUILTINS, Builtin, builtin_dataset
from closecall.data.datasets.store import save_dataset
from closecall.data.io.errors import UserError
from closecall.pages.shared.layout import show_user_error

_REQUESTED = "dataset-to-open"


def builtin_cards(names: list[str]) -> None:
    """A card for each built-in dataset. `names`: the datasets that the workspace holds."""
    st.caption("Real texts, downloaded once from the Python package index and kept in the workspace.")
    columns = st.columns(2, gap="medium")
    for number, one in enumerate(BUILTINS):
        with columns[number % 2], st.container(border=True):
            _card(one, one.name in names)


def open_dataset(name: str, part: str) -> NoReturn:
    """Run the page again with this tab and this dataset chosen."""
    st.session_state[_REQUESTED] = (name, part)
    st.rerun()


def apply_opening() -> None:
    """Set the tab and the dataset that `open_dataset` requested.

    Call it before any widget is drawn: Streamlit refuses to set the value of a drawn widget.
    """
    name, part = st.session_state.pop(_REQUESTED, ("", ""))
    if name:
        st.session_state["dataset"], st.session_state["part"] = name, part


def _card(one: Builtin, present: bool) -> None:
    st.markdown(f"**{one.title}**")
    st.write(one.description)
    with st.expander("Origin and licence"):
        st.caption(f"Origin: {one.origin}")
        st.caption(f"Licence: {one.licence}")
        st.caption(f"Positive: {', '.join(one.positive_classes)}. Negative: {', '.join(one.negative_classes)}.")
    if present:
        if st.button("Open", key=f"open-{one.name}", icon=":material/arrow_forward:"):
            open_dataset(one.name, "Datasets")
    elif st.button("Add to the workspace", key=f"add-{one.name}", icon=":material/download:"):
        _add(one)


def _add(one: Builtin) -> None:
    bar = st.progress(0.0, text="Looking for the texts")

    def show(sentence: str, share: float) -> None:
        bar.progress(share, text=sentence)

    try:
        dataset = builtin_dataset(one.name, progress=show)
        save_dataset(dataset)
    except UserError as error:
        bar.empty()
        show_user_error(error)
        return
    open_dataset(one.name, "Datasets")
