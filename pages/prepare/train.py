"""Make the runs: train a sweep, load a fine-tuned classifier, or load predictions made elsewhere; and watch them."""

import streamlit as st

from data.datasets import dataset_names
from pages.prepare._checkpoint_form import checkpoint_form
from pages.prepare._predictions_form import predictions_form
from pages.prepare._progress import progress_view
from pages.prepare._sweep_form import sweep_form
from pages.shared.demos import demo_button
from pages.shared.headline import headline
from pages.shared.state import choose_experiment

PARTS = ("Train a sweep", "Load a classifier", "Load predictions")
STAYS = "Training goes on when this page, the browser or the app is closed."


def show() -> None:
    config = choose_experiment()
    if config is None:
        headline("Train", "The same classifier at several ratios, on the same positives and the same test set.", STAYS)
        with st.container(horizontal=True):
            demo_button(0, "Run the demo: newsgroups, close pair", primary=True)
            demo_button(1, "Run the distant pair")
    else:
        progress_view(config)
    st.divider()
    sweep, checkpoint, predictions = st.tabs(PARTS, key="make", bind="query-params")
    names = dataset_names()
    if sweep.open:
        with sweep:
            sweep_form(names)
    if checkpoint.open:
        with checkpoint:
            checkpoint_form(names)
    if predictions.open:
        with predictions:
            predictions_form(names)


show()
