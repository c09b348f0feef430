"""Can these texts carry the question? The datasets of the workspace, and a way to add more."""

import streamlit as st

from closecall.data.datasets.store import dataset_names
from closecall.pages.data.builtin_cards import builtin_cards, take_opening
from closecall.pages.data.dataset_view import choose_dataset, dataset_view
from closecall.pages.data.import_form import import_form
from closecall.pages.shared.layout import headline

PARTS = ("Datasets", "Add a built-in one", "Import your own")


def show() -> None:
    take_opening()
    names = dataset_names()
    top = st.container()
    if not names and "part" not in st.session_state and "part" not in st.query_params:
        st.session_state["part"] = PARTS[1]
    view, builtin, own = st.tabs(PARTS, key="part", bind="query-params")
    if view.open:
        with view:
            show_datasets(names, top)
    if builtin.open:
        with top:
            headline("Data", "Choose texts of two kinds: a rare one you care for, and the rest.", FIRST)
        with builtin:
            builtin_cards(names)
    if own.open:
        with top:
            headline("Data", "Say which column holds the texts, and which classes are positive.", FIRST)
        with own:
            import_form()


FIRST = "Validation and test are set apart first and stay the same for every ratio, so that ratios can be compared."


def show_datasets(names: list[str], top: st.delta_generator.DeltaGenerator) -> None:
    if not names:
        with top:
            headline("Data", "There is no dataset yet.", "Add a built-in one or import your own.")
        return
    chosen = choose_dataset(names)
    dataset_view(chosen, top)


show()
