"""Can these texts carry the question? The datasets of the workspace, and a way to add more."""

import streamlit as st

from data.datasets import dataset_names
from pages.prepare._builtin_cards import builtin_cards
from pages.prepare._dataset_view import choose_dataset, dataset_view
from pages.prepare._import_form import import_form
from pages.shared.headline import headline

PARTS = ("Datasets", "Add a built-in one", "Import your own")


def show() -> None:
    names = dataset_names()
    top = st.container()
    if not names:
        with top:
            headline("Data", "Choose texts of two kinds: a rare one you care for, and the rest.", FIRST)
    view, builtin, own = st.tabs(PARTS, key="part", default=PARTS[0] if names else PARTS[1], bind="query-params")
    if view.open:
        with view:
            show_datasets(names, top)
    if builtin.open:
        with builtin:
            builtin_cards(names)
    if own.open:
        with own:
            import_form()


FIRST = "Validation and test are set apart first and stay the same for every ratio, so that ratios can be compared."


def show_datasets(names: list[str], top: st.delta_generator.DeltaGenerator) -> None:
    if not names:
        st.info("There is no dataset yet. Add a built-in one or import your own.", icon=":material/info:")
        return
    chosen = choose_dataset(names)
    dataset_view(chosen, top)


show()
