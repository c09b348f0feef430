"""Does a dataset have enough examples of each class? The datasets of the workspace, and how to add more."""

import streamlit as st

from closecall.data.datasets.store import dataset_names
from closecall.pages.data.builtin_cards import apply_opening, builtin_cards
from closecall.pages.data.dataset_view import choose_dataset, dataset_view
from closecall.pages.data.import_form import import_form
from closecall.pages.shared.layout import headline

PARTS = ("Datasets", "Add a built-in one", "Import your own")
SPLITS_ARE_FIXED = (
    "The validation and test splits are drawn first and stay the same for every ratio. Ratios are therefore comparable."
)


def show() -> None:
    apply_opening()
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
            headline("Data", "Choose a dataset with a rare positive class.", SPLITS_ARE_FIXED)
        with builtin:
            builtin_cards(names)
    if own.open:
        with top:
            headline("Data", "Choose the text column, the label column and the positive classes.", SPLITS_ARE_FIXED)
        with own:
            import_form()


def show_datasets(names: list[str], top: st.delta_generator.DeltaGenerator) -> None:
    if not names:
        with top:
            headline("Data", "There is no dataset yet.", "Add a built-in dataset or import your own.")
        return
    chosen = choose_dataset(names)
    dataset_view(chosen, top)


show()
