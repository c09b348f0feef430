"""The form that imports predictions: a file of one run, or of several runs with ratio and seed columns."""

from dataclasses import asdict, replace

import streamlit as st

from closecall.data.datasets.store import dataset_names
from closecall.data.io.errors import UserError
from closecall.data.predictions.columns import PredictionColumns
from closecall.data.predictions.importing import (
    PredictionFile,
    PredictionImportRequest,
    import_predictions,
    preview_predictions,
)
from closecall.data.readers.formats import file_formats_text
from closecall.pages.shared.escaping import escape_markdown
from closecall.pages.shared.layout import show_user_error
from closecall.pages.shared.sources import Chosen, choose_source
from closecall.pages.shared.state import go

NONE = "(none)"
FORMS = f"{file_formats_text()} with id, label and probability or logits"
TITLES = {
    "id": "Id",
    "label": "Label",
    "probability": "Probability of the positive class",
    "logit": "Log-odds",
    "logit_negative": "Logit of the negative class",
    "logit_positive": "Logit of the positive class",
    "text": "Text (optional)",
    "ratio": "Ratio (optional)",
    "seed": "Seed (optional)",
    "split": "Split (optional)",
}


def predictions_form(names: list[str]) -> None:
    """A file, its columns, and the dataset it belongs to. Pages that need no encoder then show the experiment."""
    left, right = st.columns(2, gap="large")
    with left:
        source = choose_source("predictions", FORMS)
    if source is None:
        right.caption("All runs need the same ids and labels, so that ratios can be compared.")
        return
    file = PredictionFile(source.content, source.name)
    try:
        with right:
            columns = _choose_columns(file, source)
        with left:
            request = _request(names, file, columns)
        if st.button("Import the predictions", type="primary", key="predictions-go", icon=":material/input:"):
            _import(request)
    except UserError as error:
        show_user_error(error)


def _choose_columns(file: PredictionFile, source: Chosen) -> PredictionColumns:
    table, proposal = preview_predictions(file)
    options = [NONE, *table.frame.columns]
    chosen = {}
    for role, proposed in asdict(proposal).items():
        index = options.index(proposed) if proposed in options else 0
        picked = st.selectbox(TITLES[role], options, index=index, key=f"predictions-{role}-{source.key}",
                              persist_state="session")  # fmt: skip
        chosen[role] = "" if picked == NONE else str(picked)
    for note in table.notes:
        st.caption(escape_markdown(note))
    return PredictionColumns(**chosen)


def _request(names: list[str], file: PredictionFile, columns: PredictionColumns) -> PredictionImportRequest:
    title = st.text_input("Title", key="predictions-title", max_chars=120, persist_state="session")
    dataset = st.selectbox(
        "Dataset with the texts",
        [NONE, *names],
        key="predictions-dataset",
        persist_state="session",
        help="Without a dataset, one is created from the ids and labels of the file.",
    )
    positive = st.text_input("Label of the positive class (empty: 1, yes, true or pos)", key="predictions-positive",
                             persist_state="session")  # fmt: skip
    ratio = None
    if not columns.ratio:
        ratio = st.number_input("Ratio of this run (negatives per positive)", 0.1, 1000.0, 1.0,
                                key="predictions-ratio", persist_state="session")  # fmt: skip
    return PredictionImportRequest(
        (replace(file, ratio=ratio),),
        columns,
        title=title,
        dataset="" if dataset == NONE else dataset,
        positive=positive,
    )


def _import(request: PredictionImportRequest) -> None:
    if request.dataset and request.dataset not in dataset_names():
        raise UserError(f"The dataset {request.dataset} was deleted. Choose another.")
    with st.spinner("Reading and validating the predictions"):
        done = import_predictions(request)
    go("pages/overview/page.py", experiment=done.experiment.id)
