"""Train runs at several ratios, load a fine-tuned classifier, or import predictions; show the progress of the runs."""

from collections.abc import Callable

import streamlit as st

from closecall.data.datasets.store import dataset_names
from closecall.data.io.errors import UserError
from closecall.models.runtime.extras import require_training
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import headline
from closecall.pages.shared.run_progress import demo_button
from closecall.pages.shared.state import choose_experiment
from closecall.pages.train.checkpoint_form import checkpoint_form
from closecall.pages.train.filled_form import fill_form
from closecall.pages.train.predictions_form import predictions_form
from closecall.pages.train.progress import CONTINUES, progress_view
from closecall.pages.train.sweep_form import sweep_form

PARTS = ("Train a sweep", "Load a classifier", "Load predictions")


def show() -> None:
    config = choose_experiment()
    if config is None:
        headline(
            "Train",
            "Train a classifier at several ratios on the same positives.",
            CONTINUES,
        )
        with st.container(horizontal=True):
            demo_button(0, "Run the demo: newsgroups, close pair", primary=True)
            demo_button(1, "Run the distant pair")
    else:
        progress_view(config)
    st.divider()
    fill_form(config)
    sweep, checkpoint, predictions = st.tabs(PARTS, key="make", bind="query-params")
    names = dataset_names()
    if sweep.open:
        with sweep:
            training_form(sweep_form, names)
    if checkpoint.open:
        with checkpoint:
            training_form(checkpoint_form, names)
    if predictions.open:
        with predictions:
            predictions_form(names)


def training_form(form: Callable[[list[str]], None], names: list[str]) -> None:
    """Draw a form that needs the training packages; where they are missing, say what to install instead."""
    try:
        require_training()
    except UserError as error:
        st.info(escape_markdown(str(error)), icon=":material/download:")
        return
    form(names)


show()
