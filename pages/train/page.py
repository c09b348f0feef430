"""Make the runs: train a sweep, load a fine-tuned classifier, or load predictions made elsewhere; and watch them."""

import streamlit as st

from closecall.data.datasets.store import dataset_names
from closecall.pages.shared.layout import headline
from closecall.pages.shared.run_progress import demo_button
from closecall.pages.shared.state import choose_experiment
from closecall.pages.train.checkpoint_form import checkpoint_form
from closecall.pages.train.predictions_form import predictions_form
from closecall.pages.train.progress import progress_view
from closecall.pages.train.sweep_form import sweep_form

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
